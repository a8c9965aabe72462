"""Probabilities as a mixture of noisy ones, and how uncertain they are.

Source: the public system TEMPURA (CVPR 2023), whose heads of predicates and of objects these are.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import dense, initializers, typed

Array = jax.Array
_TINY = 1e-12
_LEAST = 1e-30  # variance
_FROM_0 = 1e-7  # the nearest to 0 and to 1 that a probability's logit is taken of


class Uncertain(NamedTuple):
    """What a head says of n things.

    Attributes:
      logits: float32 [..., K], whose softmax or sigmoid is the probability.
      aleatoric: float32 [..., K], 0 to 1: the mean of the variances, noise in the data.
      epistemic: float32 [..., K], 0 to 1: how far the members are apart, ignorance.
    """

    logits: Array
    aleatoric: Array
    epistemic: Array


class MixtureHead(typed.Layer):
    """Members with a mean and a variance a class, and shares; in training the means are noisy.

    Attributes:
      classes: how many.
      members: of the mixture.
      one: one class holds (softmax); else several may (sigmoid).
      noise: in training the means are noisy.
      first: the first class that is told outside training: 1 leaves a background out.
    """

    classes: int
    members: int
    one: bool
    noise: bool = True
    first: int = 0

    @property
    def sizes(self) -> dict[str, int]:
        """Numbers of a member's parts."""
        return {"mu": self.classes, "pi": 1, "var": self.classes}

    def draw(self, shape: tuple[int, ...]) -> Array:
        """Noise float32 [..., members, classes] of N(0, 1)."""
        return jax.random.normal(self.make_rng("dropout"), shape)

    @nn.compact
    def __call__(self, h: Array, *, train: bool = False) -> Uncertain:
        """h: float [..., D]."""
        mean, share, variance = self._parts(h)
        share = jax.nn.softmax(share, axis=-2)
        variance = jax.nn.sigmoid(variance)
        members = self._act(mean)
        center = (share * members).sum(-2)
        aleatoric = (share * variance).sum(-2)
        epistemic = (share * (members - center[..., None, :]) ** 2).sum(-2)
        if train and self.noise and not self.is_initializing():
            # Of a variance that has become 0 the root has no gradient; the original's is NaN there.
            deviation = jnp.sqrt(jnp.maximum(variance, _LEAST))
            noisy = mean + deviation * self.draw(mean.shape)
            told = (share * self._act(noisy)).sum(-2)
        elif self.first and not train:
            rest = (share * self._act(mean[..., self.first :])).sum(-2)
            told = jnp.pad(rest, [(0, 0)] * (rest.ndim - 1) + [(self.first, 0)])
        else:
            told = center
        return Uncertain(self._logits(told), aleatoric, epistemic)

    def _parts(self, h: Array) -> list[Array]:
        """Float32 [..., members, size] of mu, pi and var: one product for all of them."""
        width, start = h.shape[-1], initializers.torch_uniform(h.shape[-1])
        kernels, biases = [], []
        for part, size in self.sizes.items():
            for i in range(1, self.members + 1):
                shape = (width, size)
                name = f"{part}_{i}"
                kernels.append(self.param(f"{name}_kernel", start, shape, self.param_dtype))
                biases.append(self.param(f"{name}_bias", start, shape[1:], self.param_dtype))
        joined = jnp.concatenate(kernels, axis=-1), jnp.concatenate(biases)
        h, kernel, bias = nn.dtypes.promote_dtype(h, *joined, dtype=self.dtype)
        found = dense.dense(h, kernel, bias).astype(jnp.float32)
        ends = [self.members * size for size in self.sizes.values()]
        parts = jnp.split(found, [ends[0], ends[0] + ends[1]], axis=-1)
        return [part.reshape(*part.shape[:-1], self.members, -1) for part in parts]

    def _act(self, mean: Array) -> Array:
        return jax.nn.softmax(mean, axis=-1) if self.one else jax.nn.sigmoid(mean)

    def _logits(self, p: Array) -> Array:
        if self.one:
            return jnp.log(p + _TINY)
        p = jnp.clip(p, _FROM_0, 1 - _FROM_0)
        return jnp.log(p) - jnp.log1p(-p)
