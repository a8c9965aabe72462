"""Batches of videos for tests of nets that tell relations."""

import numpy as np

OBJECTS, FEATURES, UNION = 6, 5, 4


def video(rng, frames, boxes, *, every=False):
    """One video, flat: `boxes` a frame; pairs of the first box, or `every` two of a frame."""
    corner = rng.uniform(0, 50, (frames, boxes, 2))
    size = rng.uniform(5, 60, (frames, boxes, 2))
    first, second = np.triu_indices(boxes, 1)
    chosen = slice(None) if every else first == 0
    pairs = np.stack([first[chosen], second[chosen]], -1)
    shape = (frames, len(pairs))
    found = {
        "boxes": np.concatenate([corner, corner + size], -1),
        "labels": rng.integers(2, OBJECTS, (frames, boxes)).astype(np.int32),
        "scores": rng.uniform(0.3, 1, (frames, boxes)),
        "distribution": rng.dirichlet(np.ones(OBJECTS - 1), (frames, boxes)),
        "features": rng.normal(size=(frames, boxes, FEATURES)),
        "pairs": np.broadcast_to(pairs, (*shape, 2)).astype(np.int32),
        "union_features": rng.normal(size=(*shape, 7, 7, UNION)),
        "valid_frames": np.ones(frames, bool),
        "valid_boxes": np.ones((frames, boxes), bool),
        "valid_pairs": np.ones(shape, bool),
    }
    found["labels"][:, 0] = 1
    return {k: v.astype(np.float32) if v.dtype == np.float64 else v for k, v in found.items()}


def batch(videos, frames, boxes, pairs, rng=None):
    """Padded to these sizes: with noise of `rng` in floats, else with zeros."""
    found = {}
    for name, value in videos[0].items():
        inner = boxes if name in _OF_BOXES else pairs
        shape = (len(videos), frames, *[inner][: value.ndim - 1], *value.shape[2:])
        noisy = rng is not None and value.dtype == np.float32
        filled = rng.normal(size=shape) * 9 if noisy else np.zeros(shape)
        found[name] = filled.astype(value.dtype)
        for row, one in enumerate(videos):
            part = one[name]
            found[name][(row, *map(slice, part.shape))] = part
    return found


_OF_BOXES = ("boxes", "labels", "scores", "distribution", "features", "valid_boxes")
