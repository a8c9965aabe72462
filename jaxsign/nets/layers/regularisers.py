"""Dropouts that change over a run or drop whole branches.

Their rates come from the progress of the run, which the training step passes in as numbers on the
device: nothing is compiled anew when an epoch begins, and a resumed run goes on where it stopped.
"""

from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import dropout

Array = jax.Array
Number: TypeAlias = Array | float


class Progress(NamedTuple):
    """How far a run is, float32 scalars.

    Attributes:
      epoch: epochs done before this one.
      step: optimizer steps done.
    """

    epoch: Number = 0.0
    step: Number = 0.0


START = Progress()


def ramp(counter: Number, initial: float, final: float, warmup: float) -> Array:
    """initial + (final - initial) * min(counter / warmup, 1); `final` at once without a warm-up."""
    share = jnp.minimum(counter / warmup, 1.0) if warmup else 1.0
    return jnp.asarray(initial + (final - initial) * share, jnp.float32)


def late_rate(step: Number, rate: float, start_step: float) -> Array:
    """`rate` from step `start_step` on, 0 before."""
    return jnp.where(jnp.asarray(step) >= start_step, jnp.float32(rate), 0.0)


def drop_path(x: Array, kept: Array, rate: float) -> Array:
    """x / (1 - rate) in the samples that are kept, else 0. x: float [B, ...], kept: bool [B]."""
    kept = kept.reshape(-1, *[1] * (x.ndim - 1))
    return jnp.where(kept, x * jnp.asarray(1.0 / (1.0 - rate), x.dtype), jnp.zeros((), x.dtype))


class AdaptiveDropout(nn.Module):
    """Dropout whose rate grows linearly over the first epochs.

    The original raises its counter at the start of every training epoch, so epoch e (from 0)
    trains with counter e + 1.

    Attributes:
      initial, final: rates at counter 0 and from counter `warmup` on.
      warmup: epochs.
    """

    initial: float = 0.1
    final: float = 0.6
    warmup: float = 30

    @nn.compact
    def __call__(self, x: Array, progress: Progress = START, *, train: bool) -> Array:
        """x: float [...] -> the same shape and type. Draws from the rng stream `dropout`."""
        if not train or self.initial == self.final == 0.0:
            return x
        rate = self.rate(progress.epoch)
        return dropout.dropout(x, dropout.keep_mask(self.make_rng("dropout"), x.shape, rate), rate)

    def rate(self, epoch: Number) -> Array:
        """The rate in training epoch `epoch` (from 0)."""
        return ramp(epoch + 1, self.initial, self.final, self.warmup)


class LateDropout(nn.Module):
    """Dropout that sets in once both `start_step` steps and `start_epoch` epochs are done."""

    p: float = 0.8
    start_step: float = 0
    start_epoch: float = 0

    @nn.compact
    def __call__(self, x: Array, progress: Progress = START, *, train: bool) -> Array:
        """x: float [...] -> the same shape and type. Draws from the rng stream `dropout`."""
        if not train or self.p == 0.0:
            return x
        begun = jnp.asarray(progress.epoch) >= self.start_epoch
        rate = jnp.where(begun, late_rate(progress.step, self.p, self.start_step), 0.0)
        return dropout.dropout(x, dropout.keep_mask(self.make_rng("dropout"), x.shape, rate), rate)


class DropPath(nn.Module):
    """Drops the whole branch of a sample (stochastic depth, Huang et al. 2016)."""

    rate: float = 0.0

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """x: float [B, ...] -> the same shape and type. Draws from the rng stream `dropout`."""
        if not train or self.rate == 0.0:
            return x
        return drop_path(
            x, dropout.keep_mask(self.make_rng("dropout"), (len(x),), self.rate), self.rate
        )
