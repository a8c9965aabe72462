"""Greedy CTC decoding: the best label of each valid frame, repeats collapsed, blanks dropped."""

import numpy as np

BLANK = 0


def greedy(ids: np.ndarray, valid: np.ndarray) -> list[list[int]]:
    """Collapses the best ids of the frames.

    Args:
      ids: int [B, T], the best id of each frame (argmax: the lowest wins ties); 0 = blank.
      valid: bool [B, T], True = real frame; the others are left out.

    Returns:
      The labels of each row, ids >= 1.
    """
    return [[label for label, _, _ in row] for row in spans(ids, valid)]


def spans(ids: np.ndarray, valid: np.ndarray) -> list[list[tuple[int, int, int]]]:
    """As `greedy`, with (label, first frame, frame behind the last one) of each label."""
    ids, valid = np.asarray(ids), np.asarray(valid, bool)
    return [_row(row[real], np.flatnonzero(real)) for row, real in zip(ids, valid, strict=True)]


def _row(ids: np.ndarray, frames: np.ndarray) -> list[tuple[int, int, int]]:
    changes = np.flatnonzero(np.diff(ids)) + 1
    starts = np.concatenate([np.arange(len(ids) > 0, dtype=int), changes])
    ends = np.append(changes, len(ids))[: len(starts)]
    return [
        (int(ids[a]), int(frames[a]), int(frames[b - 1]) + 1)
        for a, b in zip(starts, ends, strict=True)
        if ids[a] != BLANK
    ]
