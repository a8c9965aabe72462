"""The exact answer by trying every path: for tiny clips."""

import itertools
from collections import defaultdict

import numpy as np


def likelihoods(log_probs: np.ndarray) -> dict[tuple[int, ...], float]:
    """Label sequence -> log probability, of all that have any: float [T, V] of one clip."""
    found: dict[tuple[int, ...], float] = defaultdict(float)
    frames, size = log_probs.shape
    for path in itertools.product(range(size), repeat=frames):
        labels = tuple(label for label, _ in itertools.groupby(path) if label)
        found[labels] += float(np.exp(sum(log_probs[t, i] for t, i in enumerate(path))))
    return {labels: float(np.log(p)) for labels, p in found.items()}


def scores(rng: np.random.Generator, *shape: int, scale: float = 2.0) -> np.ndarray:
    """Random normalised log probabilities float32 [..., V]."""
    values = scale * rng.standard_normal(shape)
    return (values - np.log(np.exp(values).sum(-1, keepdims=True))).astype(np.float32)
