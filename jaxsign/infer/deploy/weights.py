"""Weights in fewer bits: how they lie in a file, and what its program makes of them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import nets
from jaxsign.errors import UserError

KINDS = ("float32", "float16", "int8")
_FEW = 1024  # numbers of an array that is not worth rounding to 8 bits


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Rounded:
    """An array as whole numbers -127 to 127 and what one of them is worth.

    Attributes:
      numbers: int8 [..., N].
      unit: float32 [1, ..., N], of every column.
    """

    numbers: np.ndarray
    unit: np.ndarray


def packed(variables: nets.Variables, kind: str) -> nets.Variables:
    """The variables as a file of this kind holds them; statistics and tables stay float32.

    Args:
      variables: of a net.
      kind: one of `KINDS`.

    Raises:
      UserError: weights that float16 has no number for.
    """
    found = {name: jax.tree.map(np.asarray, tree) for name, tree in variables.items()}
    if kind == "float16":
        found["params"] = jax.tree.map(_halved, found["params"])
    if kind == "int8":
        found["params"] = jax.tree.map(_rounded, found["params"])
    return found


def restored(variables: nets.Variables) -> nets.Variables:
    """Float32 again; traced, so that the file holds what `packed` made."""
    return jax.tree.map(_restored, variables, is_leaf=lambda leaf: isinstance(leaf, Rounded))


def _halved(leaf: np.ndarray) -> np.ndarray:
    if leaf.dtype != np.float32:
        return leaf
    most, limit = np.abs(leaf).max(initial=0), np.finfo(np.float16).max
    if most > limit:
        raise UserError(
            f"--weights float16: the net has weights up to {most:.4g}, and float16 ends at "
            f"{limit:.0f}. Leave it out, or take int8"
        )
    return leaf.astype(np.float16)


def _rounded(leaf: np.ndarray) -> np.ndarray | Rounded:
    if leaf.dtype != np.float32 or leaf.ndim < 2 or leaf.size < _FEW:
        return leaf
    unit = np.abs(leaf).max(axis=tuple(range(leaf.ndim - 1)), keepdims=True) / 127
    unit = np.where(unit > 0, unit, 1).astype(np.float32)
    return Rounded(np.rint(leaf / unit).astype(np.int8), unit)


def _restored(leaf: np.ndarray | Rounded) -> jax.Array | np.ndarray:
    if isinstance(leaf, Rounded):
        return jnp.asarray(leaf.numbers).astype(jnp.float32) * leaf.unit
    return jnp.asarray(leaf).astype(jnp.float32) if leaf.dtype == np.float16 else leaf
