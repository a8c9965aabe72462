"""LSTM in torch's layout: stacked gates i, f, g, o and both bias vectors."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import backend, dense, dropout, typed

Array = jax.Array
# On a CPU the input's product belongs into the loop for batches of this size on: hoisted, the
# gates are slices of a large array and do not vectorise (measured at H=96: 90 against 150 ms).
_IN_LOOP_ROWS = 8


@backend.whole("jaxsign.lstm")
def lstm_scan(
    x: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias: Array,
    valid: Array | None = None,
    *,
    reverse: bool = False,
) -> Array:
    """States of one direction, starting from zeros (torch.nn.LSTM).

    Args:
      x: float [T, B, in].
      weight_ih: float [4H, in], gates in the order i, f, g, o.
      weight_hh: float [4H, H].
      bias: float [4H], the sum of torch's two.
      valid: bool [T, B, 1] or None; an invalid frame leaves the state as it is, so that a reversed
        pass begins at each clip's last valid frame. Runtimes that have an LSTM of their own take
        valid frames to come first.
      reverse: from the last frame to the first.

    Returns:
      float [T, B, H], zeros in invalid frames.
    """
    weight_ih, weight_hh = weight_ih.T, weight_hh.T
    if backend.on_cpu() and x.shape[1] >= _IN_LOOP_ROWS:
        states = _scan_cpu(x, weight_ih, weight_hh, bias, valid, reverse)
    else:
        projected = dense.dense(x, weight_ih, bias)
        states = _scan(lambda p, h: p + h @ weight_hh, projected, weight_hh, valid, reverse)[0]
    return states if valid is None else jnp.where(valid, states, 0)


def _activate(a: Array) -> tuple[Array, Array, Array, Array]:
    """Gates i, f, g, o from [..., 4H]: one function over all, sigmoid(x) = (tanh(x / 2) + 1) / 2.

    In the loop of a single clip that is a quarter less time than a sigmoid and a tanh apart.
    """
    half = jnp.asarray([0.5, 0.5, 1.0, 0.5], a.dtype)
    i, f, g, o = jnp.split(jnp.tanh(a * jnp.repeat(half, a.shape[-1] // 4)), 4, axis=-1)
    return 0.5 * i + 0.5, 0.5 * f + 0.5, g, 0.5 * o + 0.5


_Gates = Callable[[Array, Array], Array]  # (x[t], h) -> [B, 4H]
# x, both weights, valid; states, cells, gates before activation
_Residual = tuple[Array, Array, Array, Array | None, Array, Array, Array]


def _scan(
    gates: _Gates, x: Array, weight_hh: Array, valid: Array | None, reverse: bool
) -> tuple[Array, Array, Array]:
    """What every frame leaves: state, cell, and the gates before activation.

    `gates` are those of a frame.
    """

    def step(
        carry: tuple[Array, Array], frame: tuple[Array, Array | None]
    ) -> tuple[tuple[Array, Array], tuple[Array, Array, Array]]:
        h, c = carry
        x_t, ok = frame
        a = gates(x_t, h)
        i, f, g, o = _activate(a)
        new_c = f * c + i * g
        new_h = o * jnp.tanh(new_c)
        if ok is not None:
            new_h, new_c = jnp.where(ok, new_h, h), jnp.where(ok, new_c, c)
        return (new_h, new_c), (new_h, new_c, a)

    zeros = jnp.zeros((x.shape[1], weight_hh.shape[0]), x.dtype)
    return jax.lax.scan(step, (zeros, zeros), (x, valid), reverse=reverse)[1]


@functools.partial(jax.custom_vjp, nondiff_argnums=(5,))
def _scan_cpu(
    x: Array, weight_ih: Array, weight_hh: Array, bias: Array, valid: Array | None, reverse: bool
) -> Array:
    return _scan(_in_loop(weight_ih, weight_hh, bias), x, weight_hh, valid, reverse)[0]


def _in_loop(weight_ih: Array, weight_hh: Array, bias: Array) -> _Gates:
    return lambda x_t, h: x_t @ weight_ih + h @ weight_hh + bias


def _forward(
    x: Array, weight_ih: Array, weight_hh: Array, bias: Array, valid: Array | None, reverse: bool
) -> tuple[Array, _Residual]:
    gates = _in_loop(weight_ih, weight_hh, bias)
    states, cells, before = _scan(gates, x, weight_hh, valid, reverse)
    return states, (x, weight_ih, weight_hh, valid, states, cells, before)


def _backward(
    reverse: bool, residual: _Residual, d: Array
) -> tuple[Array, Array, Array, Array, None]:
    """Autodiff would add a product to a weight-sized accumulator in every frame.

    Here everything that does not depend on the running gradients is made at once for all frames,
    the loop holds one product, and each weight's gradient is one product after it.
    """
    x, weight_ih, weight_hh, valid, states, cells, before = residual
    i, f, g, o = _activate(before)
    tanh_c = jnp.tanh(cells)
    earlier = _neighbour(cells, reverse)
    # d(gates before activation) = slopes * (dc, dc, dc, dh)
    slopes = jnp.concatenate(
        [g * i * (1 - i), earlier * f * (1 - f), i * (1 - g * g), tanh_c * o * (1 - o)], axis=-1
    )
    to_cell = o * (1 - tanh_c * tanh_c)

    def step(
        carry: tuple[Array, Array], frame: tuple[Array, Array, Array, Array, Array | None]
    ) -> tuple[tuple[Array, Array], Array]:
        dh, dc = carry
        d_t, slope, cell, forget, ok = frame
        dh_now = dh + d_t
        dc_now = dc + dh_now * cell
        da = slope * jnp.concatenate([dc_now, dc_now, dc_now, dh_now], axis=-1)
        if ok is None:
            return (da @ weight_hh.T, dc_now * forget), da
        da = jnp.where(ok, da, 0)
        dh = da @ weight_hh.T + jnp.where(ok, 0, dh_now)
        return (dh, jnp.where(ok, dc_now * forget, dc)), da

    zeros = jnp.zeros_like(states[0])
    frames = (d, slopes, to_cell, f, valid)
    da = jax.lax.scan(step, (zeros, zeros), frames, reverse=not reverse)[1]
    flat = da.reshape(-1, da.shape[-1])
    dx = (flat @ weight_ih.T).reshape(x.shape)
    dweight_ih = _outer(x, flat)
    dweight_hh = _outer(_neighbour(states, reverse), flat)
    return dx, dweight_ih, dweight_hh, flat.sum(0), None


def _neighbour(sequence: Array, reverse: bool) -> Array:
    """The frame that the scan visited before each one; zeros before the first."""
    zero = jnp.zeros_like(sequence[:1])
    parts = [sequence[1:], zero] if reverse else [zero, sequence[:-1]]
    return jnp.concatenate(parts)


def _outer(a: Array, b: Array) -> Array:
    return jax.lax.dot_general(a.reshape(-1, a.shape[-1]), b, (((0,), (0,)), ((), ())))


_scan_cpu.defvjp(_forward, _backward)


class BidirectionalLSTM(typed.Layer):
    """Stacked LSTM layers that read in both directions (torch.nn.LSTM, bidirectional).

    Parameters have torch's names: `weight_ih_l0` [4H, in], `weight_hh_l0`, `bias_ih_l0`,
    `bias_hh_l0`, the same with `_reverse`, and so on with `l1`. Every matrix starts orthogonal,
    biases at zero.

    Attributes:
      hidden: H.
      layers: how many.
      dropout: rate between layers.
    """

    hidden: int
    layers: int = 2
    dropout: float = 0.0

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """States of the last layer.

        Args:
          x: float [B, T, in].
          valid: bool [B, T] or None; invalid frames are passed over in both directions.
          train: use dropout.

        Returns:
          float [B, T, 2H], forward then backward; zeros in invalid frames.
        """
        h = x.swapaxes(0, 1)
        real = None if valid is None else valid.T[..., None]
        for layer in range(self.layers):
            if layer:
                h = dropout.Dropout(self.dropout)(h, train=train)
            directions = [
                self._direction(h, f"l{layer}{suffix}", real, bool(suffix))
                for suffix in ("", "_reverse")
            ]
            h = jnp.concatenate(directions, axis=-1)
        return h.swapaxes(0, 1)

    def _direction(self, h: Array, name: str, valid: Array | None, reverse: bool) -> Array:
        gates = 4 * self.hidden
        orthogonal = nn.initializers.orthogonal(column_axis=-1)
        zeros = nn.initializers.zeros
        weight_ih = self.param(
            f"weight_ih_{name}", orthogonal, (gates, h.shape[-1]), self.param_dtype
        )
        weight_hh = self.param(
            f"weight_hh_{name}", orthogonal, (gates, self.hidden), self.param_dtype
        )
        biases = [
            self.param(f"bias_{part}_{name}", zeros, (gates,), self.param_dtype)
            for part in ("ih", "hh")
        ]
        h, weight_ih, weight_hh, bias = nn.dtypes.promote_dtype(
            h, weight_ih, weight_hh, biases[0] + biases[1], dtype=self.dtype
        )
        return lstm_scan(h, weight_ih, weight_hh, bias, valid, reverse=reverse)
