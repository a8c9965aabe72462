"""Batch normalisation as torch has it, with masks and statistics shared between devices."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import typed

Array = jax.Array


class BatchNorm(typed.Layer):
    """`torch.nn.BatchNorm1d/2d` over the last axis.

    In train mode the batch is normalised by its biased variance, while the running variance
    moves towards the unbiased one; in eval mode the running statistics are used. Statistics are
    float32 whatever the dtype of `x`.

    Parameters `scale`, `bias` float32 [C]; in `batch_stats`: `mean`, `var` float32 [C] and
    `count` int32 [] (torch's `num_batches_tracked`).

    Attributes:
      momentum: share of the NEW value in the running statistics (torch's meaning).
      epsilon: added to the variance.
      dtype: dtype of the result; that of `x` if None.
      param_dtype: dtype of `scale` and `bias`.
      axis_name: name of the mapped axis whose devices share one set of statistics; None keeps
        them apart.
      apart: every example (the first axis) is normalised by itself alone, as by an original that
        takes one example a step. The running statistics move as by so many steps, towards the
        examples' mean: their order does not count.
    """

    momentum: float = 0.1
    epsilon: float = 1e-5
    axis_name: str | None = None
    apart: bool = False

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """Normalises `x`.

        Args:
          x: [..., C].
          valid: bool, broadcastable to `x.shape[:-1]`, True = real; other positions do not count
            in the statistics (they are normalised all the same).
          train: use and update the statistics of this batch.

        Returns:
          [..., C].
        """
        channels = x.shape[-1]
        scale = self.param("scale", nn.initializers.ones, (channels,), self.param_dtype)
        bias = self.param("bias", nn.initializers.zeros, (channels,), self.param_dtype)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, (channels,), jnp.float32)
        running_var = self.variable("batch_stats", "var", jnp.ones, (channels,), jnp.float32)
        count = self.variable("batch_stats", "count", jnp.zeros, (), jnp.int32)
        if train:
            # Nothing is mapped while the variables are made, so there is no axis to share over.
            axis_name = None if self.is_initializing() else self.axis_name
            if self.apart:
                mean, var, n = jax.vmap(moments)(x, _spread(valid, x))
            else:
                mean, var, n = moments(x, valid, axis_name=axis_name)
            if not self.is_initializing():
                # A batch without one real position says nothing about the data.
                share = jnp.where(n > 0, self.momentum, 0.0)
                new_mean, steps = mean, jnp.int32(1)
                unbiased = var * (n / jnp.maximum(n - 1, 1))[..., None]
                if self.apart:
                    new_mean, unbiased, steps = _mean_of_examples(mean, unbiased, n, axis_name)
                    share = -jnp.expm1(steps * jnp.log1p(-self.momentum))
                running_mean.value += share * (new_mean - running_mean.value)
                running_var.value += share * (unbiased - running_var.value)
                count.value += steps
            if self.apart:
                shape = (len(x), *[1] * (x.ndim - 2), channels)
                mean, var = mean.reshape(shape), var.reshape(shape)
        else:
            mean, var = running_mean.value, running_var.value
        gain = scale.astype(jnp.float32) * jax.lax.rsqrt(var + self.epsilon)
        y = (x.astype(jnp.float32) - mean) * gain + bias.astype(jnp.float32)
        return y.astype(self.dtype or x.dtype)


def _spread(valid: Array | None, x: Array) -> Array:
    return jnp.broadcast_to(True if valid is None else valid, x.shape[:-1])


def _mean_of_examples(
    mean: Array, var: Array, n: Array, axis_name: str | None
) -> tuple[Array, Array, Array]:
    """The mean over all devices' examples that hold anything, of both, and how many these are."""
    real = n > 0
    sums = [jnp.where(real[:, None], a, 0).sum(0) for a in (mean, var)]
    found = (*sums, real.sum(dtype=jnp.int32))
    if axis_name is not None:
        found = jax.lax.psum(found, axis_name)
    steps = jnp.maximum(found[2], 1).astype(jnp.float32)
    return found[0] / steps, found[1] / steps, found[2]


def moments(
    x: Array, valid: Array | None = None, *, axis_name: str | None = None
) -> tuple[Array, Array, Array]:
    """Mean and biased variance of each channel over all valid positions of all devices.

    Two passes, mean first: the difference of the mean square and the squared mean would lose
    the digits of a small variance.

    Args:
      x: [..., C].
      valid: bool, broadcastable to `x.shape[:-1]`; None = all.
      axis_name: mapped axis to sum over.

    Returns:
      mean float32 [C], var float32 [C], number of positions float32 [].
    """
    x = x.astype(jnp.float32).reshape(-1, x.shape[-1]) if valid is None else x.astype(jnp.float32)
    axes = tuple(range(x.ndim - 1))
    if valid is None:
        weight, n = None, jnp.float32(x.shape[0])
    else:
        weight = jnp.broadcast_to(valid, x.shape[:-1])[..., None]
        n = weight.sum(dtype=jnp.float32)

    def total(value: Array) -> Array:
        # where, not a product: padding may hold infinities or NaN.
        value = value if weight is None else jnp.where(weight, value, 0.0)
        summed = value.sum(axes)
        return summed if axis_name is None else jax.lax.psum(summed, axis_name)

    if axis_name is not None:
        n = jax.lax.psum(n, axis_name)
    mean = total(x) / jnp.maximum(n, 1)
    var = total(jnp.square(x - mean)) / jnp.maximum(n, 1)
    return mean, var, n
