"""Log-probabilities of overlapping windows made one sequence, and its glosses while it grows."""

import dataclasses
from collections.abc import Sequence

import numpy as np

Array = np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Stitched:
    """Output frames of the stitched sequence.

    Attributes:
      log_probs: float64 [n, V], each row a distribution.
      first, last: float64 [n], seconds of the first and the last input frame of each.
    """

    log_probs: Array
    first: Array
    last: Array

    def __len__(self) -> int:
        return len(self.log_probs)


def weights(frames: int) -> Array:
    """float64 [frames]: a window's trust in its frames: 1, 2, ... towards its middle, then back."""
    places = np.arange(frames)
    return np.minimum(places + 1, frames - places).astype(np.float64)


class Stitcher:
    """Averages the log-probabilities of overlapping windows, weighted by `weights`.

    It holds the frames alone that a later window may still change.
    """

    def __init__(self) -> None:
        self._base = 0
        self._sums: Array | None = None
        self._totals = np.zeros(0)
        self._first = np.zeros(0)
        self._last = np.zeros(0)

    def add(self, start: int, log_probs: Array, first: Array, last: Array) -> None:
        """Takes a window.

        Args:
          start: its first output frame, counted from the stream's start.
          log_probs: float [n, V].
          first, last: float64 [n], see `Stitched`.
        """
        count, place = len(log_probs), start - self._base
        if self._sums is None:
            self._sums = np.zeros((0, log_probs.shape[1]))
        more = place + count - len(self._sums)
        if more > 0:
            self._sums = np.pad(self._sums, ((0, more), (0, 0)))
            self._totals = np.pad(self._totals, (0, more))
            self._first = np.concatenate([self._first, first[count - more :]])
            self._last = np.concatenate([self._last, last[count - more :]])
        weight = weights(count)
        self._sums[place : place + count] += weight[:, None] * log_probs
        self._totals[place : place + count] += weight
        # The last frame of the stream may have been cut short in an earlier window, not here.
        self._last[place : place + count] = np.maximum(self._last[place : place + count], last)

    def take(self, until: int | None = None) -> Stitched:
        """The frames before output frame `until`, or all that are left; they are then forgotten."""
        found = self._average(None if until is None else until - self._base)
        count = len(found)
        self._base += count
        if self._sums is not None:
            self._sums = self._sums[count:].copy()
        self._totals, self._first = self._totals[count:], self._first[count:]
        self._last = self._last[count:]
        return found

    def peek(self) -> Stitched:
        """All frames that are not final yet, as they stand now."""
        return self._average(None)

    def _average(self, count: int | None) -> Stitched:
        sums = np.zeros((0, 1)) if self._sums is None else self._sums[:count]
        averages = sums / self._totals[:count, None]
        # Averages of logarithms are no distribution until they are scaled.
        top = averages.max(axis=1, keepdims=True, initial=-np.inf)
        averages = averages - top
        averages -= np.log(np.exp(averages).sum(axis=1, keepdims=True))
        return Stitched(averages, self._first[:count], self._last[:count])


@dataclasses.dataclass(frozen=True)
class GlossRun:
    """Neighbouring output frames with the same best id.

    Attributes:
      id: CTC id, 0 = blank.
      start, end: seconds of its first and last input frame.
      confidence: mean probability of the id over its frames.
      frames: output frames.
    """

    id: int
    start: float
    end: float
    confidence: float
    frames: int

    def __add__(self, other: "GlossRun") -> "GlossRun":
        frames = self.frames + other.frames
        mean = (self.confidence * self.frames + other.confidence * other.frames) / frames
        return GlossRun(self.id, self.start, other.end, mean, frames)


def runs(stitched: Stitched) -> list[GlossRun]:
    """The runs of a stretch, blanks too. The lowest id wins ties."""
    if not len(stitched):
        return []
    ids = stitched.log_probs.argmax(axis=1)
    best = np.exp(stitched.log_probs[np.arange(len(ids)), ids])
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    ends = np.r_[starts[1:], len(ids)]
    return [
        GlossRun(int(ids[s]), float(stitched.first[s]), float(stitched.last[e - 1]),
            float(best[s:e].mean()), int(e - s))
        for s, e in zip(starts, ends, strict=True)
    ]  # fmt: skip


class Collapser:
    """CTC's collapse over a sequence that grows: repeats are one, blanks part them."""

    def __init__(self) -> None:
        self._open: GlossRun | None = None

    def push(self, stitched: Stitched) -> list[GlossRun]:
        """The runs that ended in these frames, blanks left out."""
        done = self._joined(stitched)
        self._open = done.pop() if done else None
        return [run for run in done if run.id]

    def finish(self) -> list[GlossRun]:
        """The run that is still going on, if it is no blank."""
        last, self._open = self._open, None
        return [last] if last is not None and last.id else []

    def tentative(self, stitched: Stitched) -> list[GlossRun]:
        """What the going run and these frames, which are not final, look like so far."""
        return [run for run in self._joined(stitched) if run.id]

    def _joined(self, stitched: Stitched) -> list[GlossRun]:
        found = runs(stitched)
        if self._open is None:
            return found
        if found and found[0].id == self._open.id:
            return [self._open + found[0], *found[1:]]
        return [self._open, *found]


class Merger:
    """The original's merge: windows one after the other, equal neighbours collapsed."""

    def __init__(self) -> None:
        self._last: int | None = None

    def push(self, found: Sequence[GlossRun]) -> list[GlossRun]:
        """Those of a window's glosses that do not repeat the one before them."""
        kept = []
        for run in found:
            if run.id != self._last:
                kept.append(run)
            self._last = run.id
        return kept
