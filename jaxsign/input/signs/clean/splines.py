"""Cubic splines through arrays at an even rate: as scipy's whole, or run by run of what is seen."""

import functools
from collections.abc import Callable

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs.clean import presence

# Runs up to this many frames are resampled by a matrix that is kept.
LONGEST_KEPT = 1000
# New frames that are made at once, and old frames around them that count: 0.27 ** 14 is 1e-8.
BLOCK, REACH = 24, 14


def fixed_rate_times(timestamps: np.ndarray, rate: float, slack: float = 0.0) -> np.ndarray:
    """Times from the first to the last timestamp, about 1 / `rate` seconds apart.

    Both ends are kept, so the step is not exactly 1 / `rate`.

    Args:
      timestamps: float64 [T], seconds, not decreasing.
      rate: frames a second.
      slack: how much of a frame may lack of the last one. With 0, as in the original, a frame may
        get lost where the timestamps' rounding makes their span a little short.

    Raises:
      UserError: `rate` is no positive number, or the timestamps cannot be seconds.
    """
    return np.linspace(timestamps[0], timestamps[-1], presence.frames_at(timestamps, rate, slack))


def _spline(x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The not-a-knot cubic spline through y [T, ...] at x [T]."""
    from scipy import interpolate  # it takes longer to import than all the rest

    return interpolate.CubicSpline(x, y)


def resample_to_fixed_rate(
    x: np.ndarray, timestamps: np.ndarray, rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """A not-a-knot cubic spline through every number, whatever it stands for.

    Args:
      x: float [T, ...]; three frames make a parabola, two a line.
      timestamps: float64 [T], seconds, increasing.
      rate: frames a second.

    Returns:
      (float64 [N, ...], times float64 [N]).

    Raises:
      UserError: frames of one and the same time, or a rate that does not work.

    Source: WhisperSign, resample_to_fixed_rate.
    """
    times = fixed_rate_times(timestamps, rate)
    if len(timestamps) == 1:
        return np.asarray(x, np.float64), times
    if not (np.diff(timestamps) > 0).all():
        raise UserError("resample_to_fixed_rate: the timestamps do not increase in every frame")
    return _spline(timestamps, np.asarray(x, np.float64))(times), times


def resample_runs(
    x: np.ndarray, seen: np.ndarray, timestamps: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A not-a-knot cubic spline through each run of frames that show a part; elsewhere zeros.

    A run reaches half a new frame beyond its ends, with the values of its ends, so that a sighting
    of a single frame does not get lost. A hole in the timestamps ends a run.

    Args:
      x: float32 [T, ...].
      seen: bool [T].
      timestamps: float64 [T], seconds; of frames of one and the same time the first counts.
      times: float64 [N], seconds, evenly spaced.

    Returns:
      (float32 [N, ...], seen bool [N]).
    """
    flat = x.reshape(len(x), -1)
    made = np.zeros((len(times), flat.shape[1]), np.float32)
    covered = np.zeros(len(times), bool)
    reach = (times[1] - times[0]) / 2 if len(times) > 1 else np.inf
    for start, end in zip(*presence.recorded_runs(seen, timestamps), strict=True):
        old = timestamps[start:end]
        first, last = times.searchsorted((old[0] - reach, old[-1] + reach), side="right")
        if first < last:
            made[first:last] = spline(old, flat[start:end], times[first:last])
            covered[first:last] = True
    return made.reshape(len(times), *x.shape[1:]), covered


def spline(old: np.ndarray, values: np.ndarray, new: np.ndarray) -> np.ndarray:
    """A not-a-knot cubic spline to float32 accuracy; the ends' values beyond the ends.

    Args:
      old: float64 [T], seconds, not decreasing.
      values: float32 [T, C].
      new: float64 [N], seconds, evenly spaced.

    Returns:
      float32 [N, C].
    """
    count, steps = len(old), old[1:] - old[:-1]
    step = (old[-1] - old[0]) / max(count - 1, 1)
    if 1 < count <= LONGEST_KEPT and step > 0 and np.abs(steps - step).max() <= 1e-6:
        stride = (new[-1] - new[0]) / max(len(new) - 1, 1) / step
        first = (new[0] - old[0]) / step
        # A millionth of a frame is below what float32 shows of a moving hand.
        blocks = _blocks(count, len(new), round(float(first), 6), round(float(stride), 9))
        made = np.empty((len(new), values.shape[1]), np.float32)
        for rows, columns, weights in blocks:
            np.matmul(weights, values[columns], out=made[rows])
        return made
    distinct = np.r_[True, steps > 0]
    old, values = old[distinct], values[distinct]
    if len(old) == 1:
        return np.repeat(values, len(new), axis=0)
    curve = _spline(old, values.astype(np.float64))
    return curve(np.clip(new, old[0], old[-1])).astype(np.float32)


@functools.lru_cache(maxsize=256)
def _blocks(
    count: int, new: int, first: float, stride: float
) -> tuple[tuple[slice, slice, np.ndarray], ...]:
    """What takes `count` even frames to those at first + k * stride, a few new frames at a time.

    A frame's influence fades by 0.27 with every frame of distance, so only those near by are kept.
    That is less work, and products as small as these stay on one thread, which leaves the other
    cores to other clips.

    Returns:
      (new frames, old frames, float32 [new, old]) each.
    """
    at = np.clip(first + stride * np.arange(new), 0, count - 1)
    matrix = _spline(np.arange(count), np.eye(count))(at).astype(np.float32)
    blocks = []
    for start in range(0, new, BLOCK):
        rows = slice(start, min(start + BLOCK, new))
        low = max(int(at[rows.start]) - REACH, 0)
        columns = slice(low, min(int(at[rows.stop - 1]) + REACH + 2, count))
        blocks.append((rows, columns, np.ascontiguousarray(matrix[rows, columns])))
    return tuple(blocks)
