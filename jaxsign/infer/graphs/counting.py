"""What was told over a film, in numbers whose size does not grow with it."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from jaxsign.infer.graphs.seen import Limits, SeenFrame

Array = np.ndarray
_BINS = 512  # spans of time that are told apart, at most
_LOST = 2  # frames in which a thing may be missed, and is still the same one
_SPELLS = 8  # of a thing that are kept, the longest


@dataclasses.dataclass
class Spell:
    """A time in which a thing was there without a break.

    Attributes:
      start, end: in seconds of the film.
      frames: in which it was told.
      first, last: their numbers.
    """

    start: float
    end: float
    frames: int
    first: int
    last: int


@dataclasses.dataclass
class Tally:
    """A class of objects, or a relation, over a film.

    Attributes:
      name: 'cup', 'person holding cup'.
      group: of its predicate; '' = a class.
      frames: in which it was told.
      total: sum over them of the best score of each.
      best, best_at: the best of them, and its time.
      first, last: times of the first and of the last frame in which it was told.
      spells: the longest, in order of time.
      broken: how many spells there were.
      bins: sum of scores by number of the bin.
    """

    name: str
    group: str
    frames: int = 0
    total: float = 0.0
    best: float = 0.0
    best_at: float = 0.0
    first: float = 0.0
    last: float = 0.0
    spells: list[Spell] = dataclasses.field(default_factory=list)
    broken: int = 0
    bins: dict[int, float] = dataclasses.field(default_factory=dict)

    @property
    def mean(self) -> float:
        """Mean score of the frames in which it was told."""
        return self.total / max(self.frames, 1)

    def add(self, frame: SeenFrame, score: float, bin: int) -> None:
        """Counts a frame in which it was told."""
        if not self.frames:
            self.first = frame.seconds
        self.last = frame.seconds
        self.frames += 1
        self.total += score
        self.bins[bin] = self.bins.get(bin, 0.0) + score
        if score > self.best:
            self.best, self.best_at = score, frame.seconds
        number, seconds = frame.number, frame.seconds
        if self.spells and number - self.spells[-1].last <= _LOST + 1:
            now = self.spells[-1]
            now.end, now.frames, now.last = seconds, now.frames + 1, number
            return
        if len(self.spells) >= _SPELLS:
            self.spells.remove(min(self.spells, key=lambda one: one.frames))
        self.spells.append(Spell(seconds, seconds, 1, number, number))
        self.broken += 1

    def json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            **({"group": self.group} if self.group else {}),
            "frames": self.frames,
            "mean_score": round(self.mean, 4),
            "best_score": round(self.best, 4),
            "best_at": round(self.best_at, 3),
            "spells": self.broken,
            "first": round(self.first, 3),
            "last": round(self.last, 3),
        }


class FilmCounts:
    """Counts of a film's frames.

    Args:
      limits: which boxes and relations count.

    Attributes:
      frames: how many.
      start, end: seconds of the first and of the last.
      timed: whether the film tells times.
      size: of the first frame, width and height.
      sizes: how often the frames' size changed.
      objects, relations: by name.
      boxes: that count, of all frames.
      empty: frames in which no box counts.
    """

    def __init__(self, limits: Limits):
        self._limits = limits
        self.frames, self.boxes, self.empty, self.sizes = 0, 0, 0, 0
        self.start, self.end, self.timed = 0.0, 0.0, True
        self.size = self._last_size = (0, 0)
        self.objects: dict[str, Tally] = {}
        self.relations: dict[str, Tally] = {}
        self._width, self._times = 1, [0.0]

    def add(self, frame: SeenFrame) -> None:
        """Counts a frame; they come in order."""
        if not self.frames:
            self.start, self.timed = frame.seconds, frame.timed
            self.size = self._last_size = frame.size
        self.sizes += frame.size != self._last_size
        self._last_size, self.end = frame.size, frame.seconds
        bin = self._bin(frame)
        best: dict[str, float] = {}
        for name, score in zip(frame.answer.classes, frame.answer.scores.tolist(), strict=True):
            if score > self._limits.boxes:
                best[name] = max(score, best.get(name, 0.0))
                self.boxes += 1
        self.empty += not best
        for name, score in best.items():
            self.objects.setdefault(name, Tally(name, "")).add(frame, score, bin)
        told: set[str] = set()
        for relation in frame.sure(self._limits):
            name = frame.answer.told(relation)
            if name not in told:  # the surest of several pairs comes first
                told.add(name)
                tally = self.relations.setdefault(name, Tally(name, relation.group))
                tally.add(frame, relation.score, bin)
        self.frames += 1

    def _bin(self, frame: SeenFrame) -> int:
        """The number of the frame's bin; where there are too many, two become one."""
        if frame.number // self._width >= _BINS:
            self._width *= 2
            self._times = self._times[::2]
            for tally in self.tallies:
                sums: dict[int, float] = {}
                for old, total in tally.bins.items():
                    sums[old // 2] = sums.get(old // 2, 0.0) + total
                tally.bins = sums
        found = frame.number // self._width
        if found >= len(self._times) or not frame.number:
            self._times[found:] = [frame.seconds]
        return found

    @property
    def tallies(self) -> list[Tally]:
        """Of objects, then of relations."""
        return [*self.objects.values(), *self.relations.values()]

    @property
    def seconds(self) -> float:
        """From the first to the last frame; 0 where the film tells no times."""
        return self.end - self.start if self.timed else 0.0

    def edges(self) -> Array:
        """float [n + 1]: where the bins begin, and where the last one ends."""
        step = (self.end - self.start) / max(self.frames - 1, 1) or 1.0
        return np.array([*self._times, max(self.end, self._times[-1]) + step])

    def table(self, tallies: Iterable[Tally]) -> Array:
        """float [rows, n]: the mean score over the frames of each bin, 0 where it was not told."""
        rows = list(tallies)
        found = np.zeros((len(rows), len(self._times)))
        for row, tally in zip(found, rows, strict=True):
            row[list(tally.bins)] = list(tally.bins.values())
        counts = np.full(len(self._times), self._width)
        counts[-1] = self.frames - self._width * (len(self._times) - 1)
        return np.minimum(found / np.maximum(counts, 1), 1.0)

    def line(self) -> str:
        """What was seen, in a line."""
        best = [f"{one.name.replace('_', ' ')} ({one.frames}x)" for one in self._commonest()]
        frames = f"{self.frames:,} frame{'s' * (self.frames != 1)}"
        return f"{frames}: {', '.join(best) or 'no relations'}"

    def _commonest(self) -> list["Tally"]:
        return ranked(self.relations.values())[:3]

    def json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "frames": self.frames,
            "seconds": round(self.seconds, 3),
            "timed": self.timed,
            "boxes": self.boxes,
            "frames_without_boxes": self.empty,
            "objects": [one.json() for one in ranked(self.objects.values())],
            "relations": [one.json() for one in ranked(self.relations.values())],
        }


def share(tally: Tally, counts: FilmCounts) -> str:
    """Of a film's frames those in which it was told: '12 %', or '<1 %'."""
    found = 100 * tally.frames / counts.frames
    return f"{found:.0f} %" if found >= 1 else "<1 %"


def ranked(tallies: Iterable[Tally]) -> list[Tally]:
    """The most frequent first."""
    return sorted(tallies, key=lambda one: (-one.frames, -one.total, one.name))
