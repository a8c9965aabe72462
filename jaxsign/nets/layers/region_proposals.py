"""The part of a detector that looks at every cell of a map for boxes that may hold anything."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxsign.nets.layers import dense, image_convs, typed

Array = jax.Array


def narrow(deviation: float) -> Callable[..., Array]:
    """The initialiser of a detector's own layers: normal, of the first detectors' deviations."""
    return nn.initializers.normal(deviation)


class RegionProposals(typed.Layer):
    """Scores and deltas of every cell's anchors.

    Attributes:
      features: inner channels.
      anchors: of a cell.
    """

    features: int
    anchors: int

    @nn.compact
    def __call__(self, maps: Array) -> tuple[Array, Array]:
        """Scores and deltas.

        Args:
          maps: float [F, H, W, C], 0 where they are padding.

        Returns:
          float32 [F, H, W, 2 anchors], logits of nothing for all anchors and then of something;
          float32 [F, H, W, 4 anchors].
        """
        init = narrow(0.01)
        conv = image_convs.ImageConv(
            self.features, use_bias=True, kernel_init=init, name="conv", **self.types
        )
        h = nn.relu(conv(maps))

        def layer(name: str, count: int) -> Array:
            made = dense.Dense(
                count, kernel_init=init, bias_init=nn.initializers.zeros, name=name, **self.types
            )
            found: Array = made(h).astype(jnp.float32)
            return found

        return layer("scores", 2 * self.anchors), layer("deltas", 4 * self.anchors)


def objectness(logits: Array) -> Array:
    """float32 [F, H, W, 2 A], as `RegionProposals` gives them -> float32 [F, H W A], in 0 to 1."""
    return jax.nn.softmax(pairs(logits))[..., 1]


def pairs(logits: Array) -> Array:
    """float32 [F, H, W, 2 A], as `RegionProposals` gives them -> [F, H W A, 2]."""
    count = logits.shape[-1] // 2
    both = jnp.stack([logits[..., :count], logits[..., count:]], axis=-1)
    return both.reshape(len(logits), -1, 2)
