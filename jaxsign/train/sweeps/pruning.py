"""Ending trials that are behind the others: the median rule on the monitor."""

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Literal

from jaxsign.train.sweeps.trials import Trial

_LEAST = 4  # trials that have ended well, before others are held against them


@dataclasses.dataclass(frozen=True)
class MedianPruner:
    """A trial ends when its best value so far is worse than the median of the others' by then.

    The rule of Golovin et al., Google Vizier (2017), section 3.2.

    Attributes:
      better: which values of the monitor are better.
      after: epochs that every trial gets; 0 = none is ended.
    """

    better: Literal["max", "min"]
    after: int

    def judges(self, others: Sequence[Trial]) -> bool:
        """Whether there are enough others that have ended."""
        return bool(self.after) and len(others) >= _LEAST

    def reason(self, course: Sequence[tuple[int, float]], others: Sequence[Trial]) -> str:
        """Why a trial of this course is given up; "" = it is not.

        Args:
          course: (epoch, value), of its validations so far.
          others: trials that ran to their end.
        """
        reached = max((epoch for epoch, _ in course), default=0)
        if not self.judges(others) or reached < self.after:
            return ""
        values = [one for other in others if (one := self._best(other.course, reached)) is not None]
        own = self._best(course, reached)
        if len(values) < _LEAST:
            return ""
        median = statistics.median(values)
        if own is not None and (own >= median if self.better == "max" else own <= median):
            return ""
        found = "nothing finite" if own is None else f"{own:.4g}"
        return f"{found} after epoch {reached}, where the median of others is {median:.4g}"

    def _best(self, course: Sequence[tuple[int, float]], epoch: int) -> float | None:
        values = [value for at, value in course if at <= epoch and value == value]
        return (max if self.better == "max" else min)(values, default=None)
