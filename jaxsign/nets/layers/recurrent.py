"""Recurrent layers in torch's layout: stacked gates, both bias vectors.

Both biases of a gate are kept as parameters of their own: merged, an exported checkpoint and the
optimizer's trajectory would no longer be the original's.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import backend, dense, typed

Array = jax.Array


@backend.whole("jaxsign.gru")
def gru_scan(
    x: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array,
    bias_hh: Array,
    valid: Array | None,
) -> tuple[Array, Array]:
    """States, starting from zeros (torch.nn.GRU).

    r = sigmoid(p_r + W_hr h + b_hr), z likewise, n = tanh(p_n + r * (W_hn h + b_hn)),
    h' = (1 - z) * n + z * h, where p = W_i x + b_i.

    Args:
      x: float [B, T, in].
      weight_ih: float [3H, in], gates in the order r, z, n.
      weight_hh: float [3H, H].
      bias_ih, bias_hh: float [3H].
      valid: bool [B, T] or None; an invalid frame leaves the state as it is. Runtimes that have a
        GRU of their own take valid frames to come first.

    Returns:
      The states float [B, T, H] (zeros in invalid frames) and the last state float [B, H].
    """
    # One product for the whole sequence: inside the scan a wide input costs twice the time.
    projected = dense.dense_rows(x, weight_ih, bias_ih)
    hidden = weight_hh.shape[1]
    weight = weight_hh.T
    start = jnp.zeros((projected.shape[0], hidden), projected.dtype)
    frames = (projected.swapaxes(0, 1), None if valid is None else valid.T[..., None])

    def step(h: Array, frame: tuple[Array, Array | None]) -> tuple[Array, Array]:
        p, ok = frame
        q = h @ weight + bias_hh
        gates = jax.nn.sigmoid(p[:, : 2 * hidden] + q[:, : 2 * hidden])
        r, z = gates[:, :hidden], gates[:, hidden:]
        n = jnp.tanh(p[:, 2 * hidden :] + r * q[:, 2 * hidden :])
        new = n + z * (h - n)
        if ok is None:
            return new, new
        return jnp.where(ok, new, h), jnp.where(ok, new, 0)

    last, states = jax.lax.scan(step, start, frames)
    return states.swapaxes(0, 1), last


class GRU(typed.Layer):
    """One forward GRU layer with torch's parameters (`weight_ih` [3H, in], `weight_hh` [3H, H]).

    Initialised as the FSLR original does: xavier uniform over the whole input matrix, orthogonal
    recurrent matrix, biases zero.
    """

    hidden: int

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None) -> tuple[Array, Array]:
        """x: float [B, T, in], valid: bool [B, T] -> states [B, T, H], last state [B, H]."""
        gates = 3 * self.hidden
        xavier = nn.initializers.xavier_uniform(in_axis=1, out_axis=0)
        orthogonal = nn.initializers.orthogonal(column_axis=-1)
        zeros = nn.initializers.zeros
        weight_ih = self.param("weight_ih", xavier, (gates, x.shape[-1]), self.param_dtype)
        weight_hh = self.param("weight_hh", orthogonal, (gates, self.hidden), self.param_dtype)
        bias_ih = self.param("bias_ih", zeros, (gates,), self.param_dtype)
        bias_hh = self.param("bias_hh", zeros, (gates,), self.param_dtype)
        x, weight_ih, weight_hh, bias_ih, bias_hh = nn.dtypes.promote_dtype(
            x, weight_ih, weight_hh, bias_ih, bias_hh, dtype=self.dtype
        )
        return gru_scan(x, weight_ih, weight_hh, bias_ih, bias_hh, valid)
