"""Landmarks of a stream -> hands with velocities at an even rate, a frame or two late."""

from collections.abc import Sequence

import numpy as np

from jaxsign.input.signs import hand_joints, rows
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.rows import Rows

Array = np.ndarray
# Seconds between two frames that part what was seen before from what is seen after.
HOLE = 0.25
_SLACK = 1e-3  # of a frame: as the view, for timestamps that rounding left a little short


def nothing() -> Rows:
    """No rows of hands."""
    shape = (0, hand_joints.JOINTS, hand_joints.NUMBERS)
    return Rows(np.zeros(shape, np.float32), np.zeros(0), np.zeros(0))


class Motion:
    """Landmarks -> joints with velocities, one frame late: central differences need the next one.

    Args:
      missing: see `whisper_sign`.
      rate: frames a second of the recording, which the original's velocities need; 0 = by the
        first two frames.
    """

    def __init__(self, missing: str, rate: float = 0.0):
        self._missing, self._rate = missing, rate
        self._kept: Rows | None = None  # up to two frames: the last one given, the one after it

    def push(self, new: Rows) -> Rows:
        """float32 [n, 42, 7] rows, all but the last frame's."""
        return self._give(new, final=False)

    def finish(self) -> Rows:
        """The last frame's."""
        return self._give(None, final=True)

    def _give(self, new: Rows | None, *, final: bool) -> Rows:
        parts = [part for part in (self._kept, new) if part is not None and len(part)]
        if not parts:
            return nothing()
        held = rows.join(parts)
        if not self._rate and len(held) > 1 and held.times[1] > held.times[0]:
            self._rate = float(1 / (held.times[1] - held.times[0]))
        clip = Clip(held.x, held.times, fps=self._rate)
        made = hand_joints.joints(clip, rate=0, missing=self._missing)
        # The first of two kept frames has been given already.
        begin = 1 if self._kept is not None and len(self._kept) == 2 else 0
        end = len(held) if final else len(held) - 1
        self._kept = held[max(end - 1, 0) :]
        ready = np.concatenate([held.ready[1:], held.ready[-1:]])
        return Rows(made[begin:end], held.times[begin:end], ready[begin:end])


class Resampler:
    """Rows at an even rate, from the first frame's time on, linear between two frames.

    A hand that only one of the two frames shows reaches half a new frame beyond it, as in the view.

    Args:
      rate: frames a second.
      missing: 'present', or 'upstream': through zeros too.
    """

    def __init__(self, rate: float, missing: str):
        self._rate, self._missing = rate, missing
        self._count = 0
        self._start = 0.0
        self._kept: Rows | None = None

    def push(self, new: Rows) -> Rows:
        """The rows before the last frame's time."""
        if not len(new):
            return nothing()
        if self._kept is None:
            self._start = float(new.times[0])
        held = new if self._kept is None else rows.join([self._kept, new])
        self._kept = held[len(held) - 1 :]
        times = self._due(held.times[-1])
        times = times[times < held.times[-1]]
        return self._between(held, times)

    def finish(self) -> Rows:
        """The row at the last frame's time, if one falls there."""
        if self._kept is None:
            return nothing()
        times = self._due(self._kept.times[-1] + _SLACK / self._rate)
        times = times[times <= self._kept.times[-1] + _SLACK / self._rate]
        return self._between(rows.join([self._kept, self._kept]), times)

    def _due(self, until: float) -> Array:
        """Times of the next rows up to about `until`; from counts, so they stay exact."""
        end = int((until - self._start) * self._rate) + 2
        return self._start + np.arange(self._count, max(end, self._count)) / self._rate

    def _between(self, held: Rows, times: Array) -> Rows:
        self._count += len(times)
        if not len(times):
            return nothing()
        after = np.clip(held.times.searchsorted(times, side="right"), 1, len(held) - 1)
        before = after - 1
        step = held.times[after] - held.times[before]
        into = np.clip(times - held.times[before], 0, step)
        share = into / np.where(step > 0, step, 1)
        weight = share.astype(np.float32)[:, None, None]
        x = held.x[before] * (1 - weight) + held.x[after] * weight
        if self._missing == "present":
            self._one_sided(x, held, (before, after), (into, step - into))
        return Rows(x, times, held.ready[after])

    def _one_sided(
        self, x: Array, held: Rows, pair: Sequence[Array], away: Sequence[Array]
    ) -> None:
        """Where not both frames show a hand: the near one's joints, or none."""
        reach = 0.5 / self._rate
        whole = away[0] + away[1] <= HOLE
        for hand in hand_joints.HANDS:
            seen = held.x[:, hand.start, hand_joints.CONFIDENCE] > 0
            both = seen[pair[0]] & seen[pair[1]] & whole
            early = ~both & seen[pair[0]] & (away[0] <= reach)
            late = ~both & seen[pair[1]] & (away[1] < reach) & ~early
            x[~both, hand] = 0
            x[early, hand] = held.x[pair[0][early], hand]
            x[late, hand] = held.x[pair[1][late], hand]
