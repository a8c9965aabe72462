"""Which frames of a clip are hidden: spans of some frames, drawn or at fixed places."""

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array


def drawn(rng: Array, rows: int, length: int, share: float, frames: int) -> Array:
    """bool [rows, length]: True = hidden, in spans of `frames` or more.

    Spans begin anywhere, before the first frame too, and may overlap, so that each frame is hidden
    with the probability `share`.
    """
    begins = 1 - (1 - share) ** (1 / frames)
    starts = jax.random.bernoulli(rng, begins, (rows, length + frames - 1))
    before = jnp.pad(jnp.cumsum(starts, 1), ((0, 0), (1, 0)))
    return before[:, frames:] > before[:, :-frames]


def fixed(length: int, share: float, frames: int) -> np.ndarray:
    """bool [length]: spans of `frames`, `share` of them hidden at even distances.

    The same places whatever padding follows, so that validations can be compared.
    """
    span = np.arange(length) // frames
    return np.floor((span + 1) * share) > np.floor(span * share)
