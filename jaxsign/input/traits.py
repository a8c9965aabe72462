"""Named numbers that tell what an example is like, and what is usual of many."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

Traits = Mapping[str, float]
Usual = Mapping[str, tuple[float, float, float]]  # of a trait: 5th, 50th and 95th percentile
# Examples that are looked at where there are more: reading all would take as long as an epoch.
SAMPLE = 64
_PERCENT = (5, 50, 95)


def usual(rows: Iterable[Traits]) -> Usual:
    """What is usual of examples, to four digits."""
    values: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            if math.isfinite(value):
                values.setdefault(name, []).append(value)
    found = {name: np.percentile(row, _PERCENT).tolist() for name, row in values.items()}
    return {name: (round(a, 4), round(b, 4), round(c, 4)) for name, (a, b, c) in found.items()}


def read_usual(stored: Any) -> Usual:
    """The same as JSON has it.

    Raises:
      ValueError: something else.
    """
    try:
        return {str(name): (float(a), float(b), float(c)) for name, (a, b, c) in stored.items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"expected three numbers of each trait, found {stored!r:.80}") from error
