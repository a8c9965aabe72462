"""Penalties on parameters, added to the loss of training: the rows of `loss.penalties`."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import jax
import jax.numpy as jnp

from jaxsign.train import by_path

Array = jax.Array


@dataclasses.dataclass(frozen=True)
class Penalty:
    """`weight` times a norm of each parameter of `paths`, added up.

    Attributes:
      kind: 'l1': the sum of magnitudes; 'l2norm': the root of the sum of squares; 'spectral': the
        largest singular value of a matrix [..., D], the same as 'l2norm' for a vector.
    """

    paths: tuple[str, ...]
    kind: str
    weight: float


def resolve(rows: Iterable[tuple[str, str, float]], paths: Sequence[str]) -> tuple[Penalty, ...]:
    """The rows (pattern, kind, weight) of a recipe for a net's parameter paths.

    Raises:
      UserError: a pattern that is no regular expression or matches nothing.
    """
    found = []
    for pattern, kind, weight in rows:
        matched = by_path.matching(paths, pattern, "loss.penalties")
        chosen = tuple(path for path in paths if path in matched)
        found.append(Penalty(chosen, kind, float(weight)))
    return tuple(found)


def total(penalties: Iterable[Penalty], params: Mapping[str, by_path.Leaf]) -> Array:
    """All penalties of parameters by path: a float32 scalar."""
    result = jnp.float32(0)
    for penalty in penalties:
        norm = _NORMS[penalty.kind]
        result += penalty.weight * sum(norm(jnp.asarray(params[path])) for path in penalty.paths)
    return result


def added(
    penalties: Sequence[Penalty],
    params: Mapping[str, by_path.Leaf],
    loss: Array,
    sums: dict[str, Array],
) -> tuple[Array, dict[str, Array]]:
    """A loss with the penalties on parameters, and its sums with theirs, `penalty`, if any are."""
    if not penalties:
        return loss, sums
    penalty = total(penalties, params)
    return loss + penalty, {**sums, "penalty": penalty * sums["examples"]}


def _l1(array: Array) -> Array:
    return jnp.abs(array).sum()


def _l2(array: Array) -> Array:
    squares = jnp.square(array).sum()
    # At 0 the root has no gradient; torch takes 0.
    return jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1)), 0)


def _spectral(array: Array) -> Array:
    if array.ndim < 2:
        return _l2(array)
    return jnp.linalg.norm(array.reshape(-1, array.shape[-1]), 2)


_NORMS = {"l1": _l1, "l2norm": _l2, "spectral": _spectral}
