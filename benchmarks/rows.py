"""A row of results: one comparison."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from benchmarks.timing import Timing


@dataclasses.dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
      name: what was measured.
      sides: times by side, ours first; the ratio is of the second to it.
      flops: operations of one run of our side, 0 = not counted.
      note: anything that the reader must know.
    """

    name: str
    sides: Mapping[str, Timing]
    flops: float = 0.0
    note: str = ""

    @property
    def ours(self) -> Timing:
        """Our side's times."""
        return next(iter(self.sides.values()))

    @property
    def other(self) -> str:
        """The side that ours is compared with, or an empty string."""
        return [*self.sides, ""][1]

    @property
    def ratio(self) -> float | None:
        """How many times as fast our side is."""
        return self.sides[self.other].median / self.ours.median if self.other else None

    @property
    def speed(self) -> float:
        """Operations a second of our side."""
        return self.flops / self.ours.median

    def as_dict(self, peak: float) -> dict[str, Any]:
        """For the file of results; `ratio` and what follows are for its readers alone."""
        return {
            "name": self.name,
            "sides": {name: timing.as_dict() for name, timing in self.sides.items()},
            "gflop": self.flops / 1e9,
            "note": self.note,
            "ratio": self.ratio,
            "gflop_per_s": self.speed / 1e9,
            "share_of_peak": self.speed / peak if self.flops else None,
        }

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> "Row":
        """From what `as_dict` gave."""
        sides = {name: Timing.of(one) for name, one in saved["sides"].items()}
        return cls(saved["name"], sides, saved["gflop"] * 1e9, saved["note"])
