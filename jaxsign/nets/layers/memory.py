"""A memory of what classes look like, which rare ones are told from.

Source: the public system TEMPURA (CVPR 2023), its memory hallucinator.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import attention, dense, typed

Array = jax.Array
COLLECTION = "memory"
SELECTIONS = ("manual", "automated", "sum")


class Remembering(typed.Layer):
    """A head of attention without biases over the rows of a memory; starts as torch's."""

    @nn.compact
    def __call__(self, x: Array, memory: Array) -> Array:
        """x: float [B, T, D], memory: float [m, D] -> float [B, T, D]."""
        width = x.shape[-1]
        init = nn.initializers.xavier_uniform(in_axis=1, out_axis=0)
        weight = self.param("in_proj_weight", init, (3 * width, width), self.param_dtype)
        x, memory, weight = nn.dtypes.promote_dtype(x, memory, weight, dtype=self.dtype)
        query = dense.dense_rows(x, weight[:width])[:, None]
        key, value = jnp.split(dense.dense_rows(memory, weight[width:])[None, None], 2, axis=-1)
        mixed = attention.attend(query, key, value, None)[0][:, 0]
        return dense.Dense(width, use_bias=False, name="out", **self.types)(mixed)


class Hallucinator(typed.Layer):
    """Features, in part replaced by what a memory of classes answers to them.

    The memory is no parameter: variables `rows` [classes, D] and `filled` (0: there is none yet,
    and features stay as they are) of the collection `memory`.

    Attributes:
      parts: how many rows every part of the memory has.
      apart: the parts are asked one by one and their answers averaged; else all at once.
      selection: how much of a feature stays: 'manual' `kept`, 'automated' is told from it, 'sum'
        all, and the answer is added.
      kept: a share.
      told_from: how many of a feature's numbers, its first, `selection` is told from; 0 = all.
      ignore: as if there were no memory.
    """

    parts: Sequence[int]
    apart: bool = False
    selection: str = "manual"
    kept: float = 0.5
    told_from: int = 0
    ignore: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """x: float [..., D] -> the same."""
        flat = x.reshape(x.shape[0], -1, x.shape[-1])
        memory, filled = self._memory(x.shape[-1])
        if self.apart:
            rows = jnp.split(memory, self._ends())
            told = [
                Remembering(name=f"attention_{i}", **self.types)(flat, part)
                for i, part in enumerate(rows)
            ]
            answer = sum(told[1:], told[0]) / len(told)
        else:
            answer = Remembering(name="attention", **self.types)(flat, memory)
        if self.selection == "sum":
            found = flat + answer
        else:
            share: Array | float = self.kept
            if self.selection == "automated":
                seen = flat[..., : self.told_from or None]
                share = nn.sigmoid(dense.Dense(1, name="selector", **self.types)(seen))
            found = share * flat + (1 - share) * answer
        if self.ignore:
            return x
        return jnp.where(filled > 0, found, flat).reshape(x.shape)

    def _ends(self) -> list[int]:
        """Where in the memory every part but the last ends."""
        return [sum(self.parts[: i + 1]) for i in range(len(self.parts) - 1)]

    def _memory(self, width: int) -> tuple[Array, Array]:
        """Rows float [classes, D] and int32: whether there are any."""
        shape = (sum(self.parts), width)
        if not self.is_initializing() and not self.has_variable(COLLECTION, "rows"):
            return jnp.zeros(shape), jnp.int32(0)
        rows = self.variable(COLLECTION, "rows", jnp.zeros, shape, jnp.float32)
        return rows.value, self.variable(COLLECTION, "filled", jnp.zeros, (), jnp.int32).value
