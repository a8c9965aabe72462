"""The beginnings that label sequences share, each of them once.

The hypotheses of a clip differ in few labels. A decoder that sees only what stands before a token
says the same of a beginning whatever follows, so that one answer a beginning serves them all.
"""

from typing import NamedTuple

import numpy as np

Array = np.ndarray


class Prefixes(NamedTuple):
    """The prefixes of the N sequences of each of B clips; P places, the empty prefix first.

    Attributes:
      tokens: int32 [B, P], the last label of each prefix; 0 of the empty one, and behind the last.
      positions: int32 [B, P], labels of each prefix.
      seen: bool [B, P, P], row = prefix, column = the prefixes that it begins with, and itself.
      places: int32 [B, N, L + 1], where the prefix of 0, 1, ..., L labels of a sequence stands;
        -1 where there is none.
    """

    tokens: Array
    positions: Array
    seen: Array
    places: Array


def few_sizes(count: int, least: int = 4) -> int:
    """The smallest of least, 1.5 least, 2 least, 3 least, 4 least, ... that holds `count`."""
    size = least
    while size < count:
        if size * 3 // 2 >= count:
            return size * 3 // 2
        size *= 2
    return size


def shared(labels: Array, lengths: Array, most: int | None = None) -> Prefixes:
    """The prefixes of sequences, with P of few sizes (8, 12, 16, 24, ...).

    Args:
      labels: int32 [B, N, L]; lengths: int32 [B, N].
      most: longest sequence; of longer ones only the empty prefix is there. None = no limit.
    """
    lengths = lengths if most is None else np.where(lengths <= most, lengths, 0)
    count, size = labels.shape[1], labels.shape[2] + 1
    real = np.arange(size) <= lengths[..., None]  # [B, N, L + 1]
    equal = np.logical_and.accumulate(labels[:, :, None] == labels[:, None], axis=-1)
    equal = np.pad(equal, [(0, 0)] * 3 + [(1, 0)], constant_values=True) & real[:, None]
    first = equal.argmax(2)  # the first sequence that begins so
    new = real & (first == np.arange(count)[:, None])
    numbers = new.reshape(len(labels), -1).cumsum(1).reshape(new.shape) - 1
    places = np.where(real, np.take_along_axis(numbers, first, 1), -1).astype(np.int32)

    clip, _, position = found = np.nonzero(new)
    here = clip, places[found]
    shape = len(labels), few_sizes(int(new.sum((1, 2)).max(initial=1)), 8)
    tokens, positions = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    tokens[here] = np.pad(labels, [(0, 0), (0, 0), (1, 0)])[found]
    positions[here] = position
    seen = np.zeros((*shape, shape[1]), bool)
    row, step = np.nonzero(np.arange(size) <= position[:, None])
    seen[clip[row], here[1][row], places[clip[row], found[1][row], step]] = True
    return Prefixes(tokens, positions, seen, places)
