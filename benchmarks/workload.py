"""Clips to measure with: random features, lengths, and batches as each side makes them."""

from collections.abc import Sequence

import numpy as np

from jaxsign.input.signs import clip_source

Batch = dict[str, np.ndarray]


def batch(lengths: Sequence[int] | np.ndarray, frames: int, dim: int, seed: int = 0) -> Batch:
    """Clips of the given lengths in one batch.

    Args:
      lengths: frames of each clip.
      frames: length to pad to.
      dim: numbers a frame.
      seed: of the random numbers.

    Returns:
      `x` float32 [B, T, D], `valid` bool [B, T], `lengths` int32 [B], `gloss` and `cat` int32 [B],
      `weight` float32 [B].
    """
    rng = np.random.default_rng(seed)
    valid = np.arange(frames) < np.asarray(lengths)[:, None]
    x = rng.standard_normal((len(lengths), frames, dim), dtype=np.float32) * valid[..., None]
    return {
        "x": x,
        "valid": valid,
        "lengths": np.asarray(lengths, np.int32),
        "weight": np.ones(len(lengths), np.float32),
        **_labels(rng, len(lengths)),
    }


def lengths(clips: int, shortest: int = 20, longest: int = 300, seed: int = 0) -> np.ndarray:
    """Frames of each clip, int32 [clips], drawn evenly between both ends."""
    return np.random.default_rng(seed).integers(shortest, longest + 1, clips).astype(np.int32)


def padded_to_longest(clips: np.ndarray, size: int, dim: int) -> list[Batch]:
    """An epoch as the originals make it: in order, each batch padded to its longest clip."""
    parts = [clips[i : i + size] for i in range(0, len(clips), size)]
    return [batch(part, int(part.max()), dim, seed=i) for i, part in enumerate(parts)]


def source(clips: np.ndarray, dim: int) -> clip_source.Source:
    """The same clips as examples in memory: float32 [T, dim] of `clips` frames each."""
    rng = np.random.default_rng(1)
    arrays = [rng.standard_normal((frames, dim), dtype=np.float32) for frames in clips]
    return clip_source.Source(
        name="benchmark",
        ids=[str(i) for i in range(len(clips))],
        lengths=np.asarray(clips, np.int32),
        labels=_labels(rng, len(clips)),
        reader=arrays.__getitem__,
    )


def _labels(rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    classes = {"gloss": 105, "cat": 10}
    return {head: rng.integers(0, n, count).astype(np.int32) for head, n in classes.items()}
