"""Which boxes of a video belong together: clusters by Ward's method, and the edges they give.

Source: SceneLLM as the public system m3sgg has it, with scipy.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

Array = jax.Array
_NEVER = jnp.inf


class _Tree(NamedTuple):
    """Clusters so far, each in the row of its first point: [N, 2], [N], [N]; the last distance."""

    centres: Array
    counts: Array
    owners: Array
    last: Array


def clusters(points: Array, valid: Array) -> Array:
    """int32 [N]: a number a point, the same for those of a cluster.

    Half as many clusters as points, at least two; fewer where distances are equal.

    Args:
      points: float [N, 2].
      valid: bool [N], which count; the others are each for themselves.
    """
    count = valid.sum()
    most = jnp.minimum(count, jnp.maximum(2, count // 2))
    points = jnp.where(valid[:, None], points, 0).astype(jnp.float32)
    numbers = jnp.arange(len(points), dtype=jnp.int32)
    start = _Tree(points, valid.astype(jnp.float32), numbers, jnp.float32(0))

    def goes_on(tree: _Tree) -> Array:
        left, (nearest, _) = (tree.counts > 0).sum(), _closest(tree)
        return (left > 1) & ((left > most) | ((left < count) & (nearest <= tree.last)))

    return jax.lax.while_loop(goes_on, _joined, start).owners


def edges(owners: Array, valid: Array) -> Array:
    """bool [N, N], [source, target], without loops.

    All of a cluster are joined; from every box one edge goes to the first box of another cluster.

    Args:
      owners: int [N], as `clusters` gives them.
      valid: bool [N].
    """
    both = valid[:, None] & valid[None, :]
    same = owners[:, None] == owners[None, :]
    other = both & ~same
    first = jnp.arange(len(owners)) == other.argmax(1)[:, None]
    itself = jnp.eye(len(owners), dtype=bool)
    return (both & same & ~itself) | (other & first)


def _distances(tree: _Tree) -> Array:
    """[N, N], by how much joining two clusters adds to the squared errors; only the upper half."""
    counts = tree.counts
    apart = jnp.square(tree.centres[:, None] - tree.centres[None]).sum(-1)
    total = jnp.maximum(counts[:, None] + counts[None, :], 1)
    there = jnp.triu((counts[:, None] > 0) & (counts[None, :] > 0), 1)
    return jnp.where(there, 2 * counts[:, None] * counts[None, :] / total * apart, _NEVER)


def _closest(tree: _Tree) -> tuple[Array, Array]:
    """The smallest distance, and which it is, of [N N]."""
    flat = _distances(tree).reshape(-1)
    at = flat.argmin()
    return flat[at], at


def _joined(tree: _Tree) -> _Tree:
    distance, at = _closest(tree)
    first, second = at // len(tree.counts), at % len(tree.counts)
    total = tree.counts[first] + tree.counts[second]
    weighted = tree.counts[:, None] * tree.centres
    centre = (weighted[first] + weighted[second]) / total
    return _Tree(
        tree.centres.at[first].set(centre),
        tree.counts.at[first].set(total).at[second].set(0),
        jnp.where(tree.owners == second, first.astype(jnp.int32), tree.owners),
        jnp.maximum(tree.last, distance),
    )
