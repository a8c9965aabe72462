"""Whether the hands of a stream sign or rest, frame by frame.

A hand rests while it is out of sight, below the hips, or still in the lower third of the trunk;
held still above that it signs, as letters are signed. Where the body is not seen, a still hand
rests anywhere.
"""

import dataclasses

import numpy as np

from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.clean import trimming
from jaxsign.input.signs.rows import Rows

Array = np.ndarray
SPAN = trimming.WINDOW  # seconds over which places are averaged, and a speed is measured
_MOVING = 0.5  # shoulder widths a second, as `trimming.trim` cuts still ends
_TRUNK = 2 / 3  # of the way from the shoulders to the hips; a hand held above this signs
_HIPS = (clips.POSE.start + 23, clips.POSE.start + 24)


class HandWatch:
    """Says of every frame whether the hands sign, by it and those before it.

    Args:
      frame_size: (width, height) of the images; (0, 0) = unknown.
    """

    def __init__(self, frame_size: tuple[int, int] = (0, 0)):
        width, height = frame_size
        self._aspect = np.asarray([width / height if width and height else 1.0, 1.0])
        self._times = np.zeros(0)
        self._parts = [np.zeros((0, 1, 2))] * 2 + [np.zeros((0, 21, 2))] * 2
        self._body = np.full(2, np.nan)  # heights of shoulders and hips, as they were seen last
        self._sum, self._count = 0.0, 0  # of the distances between the shoulders

    def push(self, new: Rows) -> Array:
        """bool [n] of landmarks [n, 543, 3]."""
        times = np.concatenate([self._times, new.times])
        spans = _Spans.until(times, len(self._times))
        fast = _MOVING * self._widths(new.x) * spans.seconds(times)
        line, hips = self._lines(new.x)
        signs, kept = np.zeros(len(new), bool), spans.needed
        for number, part in enumerate(trimming.moving_parts(new.x, new.visibility)):
            points = np.concatenate([self._parts[number], part])
            way = _mean(np.linalg.norm(spans.moved(points) * self._aspect, axis=-1))
            height = _mean(part[..., 1])
            signs |= ((way > fast) & ~(height > hips)) | (height < line)
            self._parts[number] = points[kept:]
        self._times = times[kept:]
        return signs

    def _widths(self, x: Array) -> Array:
        """float64 [n]: the mean distance of the shoulders up to each frame, in image heights."""
        left, right = x[:, trimming.SHOULDERS, :2].astype(np.float64).swapaxes(0, 1) * self._aspect
        wide = np.linalg.norm(left - right, axis=-1)
        seen = wide > 1e-3  # False where they are not seen
        # A running sum from the carried one on: the same additions however the frames are cut.
        sums = np.cumsum(np.concatenate([[self._sum], np.where(seen, wide, 0)]))[1:]
        counts = self._count + np.cumsum(seen)
        if len(x):
            self._sum, self._count = sums[-1], counts[-1]
        usual = trimming.USUAL_SHOULDERS * self._aspect[0]
        return np.where(counts > 0, sums / np.maximum(counts, 1), usual)

    def _lines(self, x: Array) -> tuple[Array, Array]:
        """Two float64 [n]: heights above which a hand signs, and below which it rests; or NaN."""
        body = np.stack([x[:, rows, 1].mean(axis=1) for rows in (trimming.SHOULDERS, _HIPS)], 1)
        body = np.concatenate([self._body[None], body])
        seen = ~np.isnan(body).any(axis=1)
        body = body[np.maximum.accumulate(np.where(seen, np.arange(len(body)), 0))]
        self._body = body[-1]
        shoulders, hips = body[1:].T
        return shoulders + _TRUNK * (hips - shoulders), hips


@dataclasses.dataclass(frozen=True, eq=False)
class _Spans:
    """Around each frame the last `SPAN` seconds and as many before them, as rows [from, to).

    Attributes:
      middle, end: int [n], of the later span.
      start: int [n], of the one before, which ends at `middle`; -1 where there is none yet.
    """

    start: Array
    middle: Array
    end: Array

    @classmethod
    def until(cls, times: Array, first: int) -> "_Spans":
        """Of the frames from `first` on."""
        now = times[first:]
        start, middle = (
            np.searchsorted(times, now - back + 1e-6, side="right") for back in (2 * SPAN, SPAN)
        )
        # Where frames are rarer the last one does.
        return cls(np.minimum(start, middle - 1), middle, first + 1 + np.arange(len(now)))

    @property
    def needed(self) -> int:
        """The first row that later frames may ask about."""
        return max(int(self.start[-1]), 0) if len(self.start) else 0

    def seconds(self, times: Array) -> Array:
        """float64 [n]: from the middle of the one to that of the other, of float64 [T]."""
        return self.moved(times[:, None, None])[:, 0, 0]

    def moved(self, points: Array) -> Array:
        """float64 [n, P, d]: how far the average of [T, P, d] goes; NaN where it is not known."""
        before = _averages(points, np.maximum(self.start, 0), np.maximum(self.middle, 1))
        before[self.start < 0] = np.nan
        return _averages(points, self.middle, self.end) - before


def _averages(points: Array, start: Array, end: Array) -> Array:
    """float64 [n, P, d]: of the rows [start, end) of [T, P, d], of what is seen; else NaN."""
    pairs = np.stack([start, end], 1).ravel()
    seen = np.pad(~np.isnan(points), ((0, 1), (0, 0), (0, 0)))
    filled = np.where(seen[:-1], points, 0).astype(np.float64)
    sums = np.add.reduceat(np.pad(filled, ((0, 1), (0, 0), (0, 0))), pairs, axis=0)[::2]
    counts = np.add.reduceat(seen.astype(np.int64), pairs, axis=0)[::2]
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _mean(values: Array) -> Array:
    """float64 [n] of [n, P], over those that are seen; NaN where none is."""
    seen = ~np.isnan(values)
    total = np.where(seen, values, 0).sum(axis=1, dtype=np.float64)
    count = seen.sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
