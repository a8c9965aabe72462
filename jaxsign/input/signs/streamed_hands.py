"""The view whisper_sign while the hands still move: every row from frames that have been.

What the view takes from the whole recording is replaced by what is known so far: a hand's length is
the mean over the frames up to now, and resampling is linear between two frames, where the view
bends splines through all of them. Everything else is the view's own.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxsign.input.signs import hand_joints, rows
from jaxsign.input.signs.rows import Rows
from jaxsign.input.signs.streamed_motion import Motion, Resampler, nothing

Array = np.ndarray
# A hand's mean length counts as at least `LEAST` (image widths) until `ENOUGH` frames showed it:
# a first hand edge-on must not blow its joints up.
LEAST, ENOUGH = 0.02, 15
_CHAIN = [0, *range(hand_joints.FINGER.start, hand_joints.FINGER.stop)]


class Normaliser:
    """Hands around their wrists, in lengths of their middle fingers as known so far.

    Args:
      missing: see `whisper_sign`.
      relative_velocity: see there.
      lengths: of the left and the right hand's finger, where they are known beforehand.
    """

    def __init__(
        self,
        missing: str,
        *,
        scale: bool = True,
        relative_velocity: bool = False,
        lengths: Sequence[float] | None = None,
    ):
        self._missing, self._scale, self._relative = missing, scale, relative_velocity
        self._given = lengths
        self._sums, self._counts = np.zeros(2), np.zeros(2, np.int64)

    def push(self, new: Rows) -> Rows:
        """The rows, normalised."""
        if not len(new):
            return new
        x = hand_joints.centre_on_wrists(new.x) if self._scale else new.x.copy()
        if self._scale:
            for number, hand in enumerate(hand_joints.HANDS):
                x[:, hand, : hand_joints.CONFIDENCE] /= self._lengths(x, number)[:, None, None]
        if self._relative:
            hand_joints.subtract_wrist_velocity(x)
        return Rows(x, new.times, new.ready)

    def finish(self) -> Rows:
        """Nothing: no row was held back."""
        return nothing()

    def _lengths(self, x: Array, number: int) -> Array:
        """float32 [n]: the mean length up to each row."""
        if self._given is not None:
            return np.full(len(x), self._given[number], np.float32)
        hand = hand_joints.HANDS[number]
        chain = x[:, hand, hand_joints.XYZ][:, _CHAIN].astype(np.float64)
        bones = chain[:, 1:] - chain[:, :-1]
        way = np.sqrt((bones * bones).sum(axis=2)).sum(axis=1)
        counts = np.ones(len(x), bool)
        if self._missing == "present":
            counts = x[:, hand.start, hand_joints.CONFIDENCE] > 0
        # A running sum from the carried one on: the same additions however the rows are cut.
        added = np.concatenate([self._sums[number : number + 1], np.where(counts, way, 0)])
        sums = np.cumsum(added)[1:]
        seen = self._counts[number] + np.cumsum(counts)
        self._sums[number], self._counts[number] = sums[-1], seen[-1]
        least = np.where(seen < ENOUGH, LEAST, 1e-6)
        lengths = np.where(seen > 0, np.maximum(sums / np.maximum(seen, 1), least), 1)
        return lengths.astype(np.float32)


class Smoother:
    """A moving average over as many rows before as after, so many rows late.

    Args:
      window: rows, see `hand_joints.moving_average`.
      missing: 'present': over those that show the joint; 'upstream': over all.
    """

    def __init__(self, window: int, missing: str):
        self._half, self._missing = window // 2, missing
        self._kept: Rows | None = None
        self._before = self._half  # how many of the rows before the next one do not exist

    def push(self, new: Rows) -> Rows:
        """The rows that have their later neighbours."""
        return self._give(new, 0)

    def finish(self) -> Rows:
        """The rest, averaged over fewer."""
        return self._give(None, self._half)

    def _give(self, new: Rows | None, behind: int) -> Rows:
        parts = [part for part in (self._kept, new) if part is not None and len(part)]
        if not parts:
            return nothing()
        held = rows.join(parts)
        # Frames in `held` before the next one to be averaged.
        passed = self._half - self._before
        count = max(len(held) - passed - (self._half - behind), 0)
        if not count:
            self._kept = held
            return nothing()
        x = self._averages(held.x, count, behind)
        times = held.times[passed : passed + count]
        ready = held.ready[np.minimum(passed + np.arange(count) + self._half, len(held) - 1)]
        done = passed + count
        keep = max(done - self._half, 0)
        self._before = self._half - (done - keep)
        self._kept = held[keep:]
        return Rows(x, times, ready)

    def _averages(self, x: Array, count: int, behind: int) -> Array:
        """float32 [count, 42, 7] of the rows that follow those passed."""
        confident = x[..., hand_joints.CONFIDENCE :] > 0
        counted = confident if self._missing == "present" else np.ones_like(confident)
        pads = ((self._before, behind), (0, 0), (0, 0))
        values = np.pad(np.where(counted, x, 0).astype(np.float64), pads)
        ones = np.pad(counted, pads).astype(np.int64)
        sums, counts = np.zeros((count, *x.shape[1:])), np.zeros((count, *ones.shape[1:]), int)
        for shift in range(2 * self._half + 1):
            sums += values[shift : shift + count]
            counts += ones[shift : shift + count]
        middle = slice(self._half, self._half + count)
        averages = np.where(ones[middle] > 0, sums / np.maximum(counts, 1), 0)
        return averages.astype(np.float32)


class LocalHands:
    """Every hand around its wrist besides, in its own size; each row by itself."""

    def push(self, new: Rows) -> Rows:
        """The rows, three numbers wider."""
        return dataclasses.replace(new, x=hand_joints.with_local_hands(new.x))

    def finish(self) -> Rows:
        """Nothing waits here."""
        return nothing()


class Scaler:
    """The view's last stage: every number in the training set's measure."""

    def __init__(self, scaler: hand_joints.FeatureScaler, missing: str):
        self._scaler, self._missing = scaler, missing

    def push(self, new: Rows) -> Rows:
        """The rows, scaled."""
        return dataclasses.replace(new, x=self._scaler.of_present(new.x, self._missing))

    def finish(self) -> Rows:
        """Nothing waits here."""
        return nothing()


class StreamHands:
    """The whole view on a stream.

    Args:
      stored: the frames are float32 [n, 42, 7] at the view's rate, not landmarks.
      recorded_rate: frames a second of landmarks as they come; 0 = by their times.
      lengths: see `Normaliser`.
      rate, missing, normalise, relative_velocity, smooth, hands: the view's options.
      scaler: what its other options make.
    """

    def __init__(
        self,
        *,
        stored: bool = False,
        recorded_rate: float = 0.0,
        lengths: Sequence[float] | None = None,
        rate: float = 60.0,
        missing: str = "present",
        normalise: bool = True,
        relative_velocity: bool = False,
        smooth: int = 0,
        hands: str = "body",
        scaler: hand_joints.FeatureScaler | None = None,
    ):
        self._stages: list[Motion | Resampler | Normaliser | Smoother | LocalHands | Scaler] = []
        if not stored:
            self._stages.append(Motion(missing, recorded_rate))
            if rate:
                self._stages.append(Resampler(rate, missing))
        self._stages.append(
            Normaliser(
                missing, scale=normalise, relative_velocity=relative_velocity, lengths=lengths
            )
        )
        if smooth:
            self._stages.append(Smoother(smooth, missing))
        if hands == "local":
            self._stages.append(LocalHands())
        if scaler is not None:
            self._stages.append(Scaler(scaler, missing))

    def push(self, new: Rows) -> Rows:
        """float32 [n, 42, 7] rows that these frames complete; [n, 42, 10] with local hands."""
        for stage in self._stages:
            new = stage.push(new)
        return new

    def finish(self) -> Rows:
        """The rows that waited for frames that will not come."""
        left = nothing()
        for stage in self._stages:
            parts = [stage.push(left), stage.finish()]
            left = rows.join([part for part in parts if len(part)] or parts[:1])
        return left
