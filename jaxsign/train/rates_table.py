"""The table that a stage begins with: which parameters train, at which rate, which stand still.

A row is a part of the net, or of it what has one rate: a module's name at the top of the paths,
with numbered ones (`layer_0`, `layer_1`) together.
"""

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping

from jaxsign import nets
from jaxsign.train import by_path

_SHOWN = 4  # names of arrays that tell apart what trains in a part of the net


@dataclasses.dataclass(frozen=True)
class RateGroup:
    """Parameters of one part of a net that share a rate.

    Attributes:
      part: of the net, its numbers as '*'.
      ends: last names of their paths, where others of the part have another rate; else ().
      arrays, numbers: how many.
      factor: of the stage's learning rate; None = they stand still.
      used: they may get a gradient.
    """

    part: str
    ends: tuple[str, ...]
    arrays: int
    numbers: int
    factor: float | None
    used: bool = True


def groups(
    params: nets.Tree,
    trainable: Iterable[str],
    factors: Mapping[str, float],
    unused: Iterable[str] = (),
) -> tuple[RateGroup, ...]:
    """The table's rows, those of a part together.

    Args:
      params: of the net, or their shapes.
      trainable: paths.
      factors: of the learning rate, by path; the others have 1.
      unused: patterns of paths that never get a gradient.
    """
    chosen, patterns = set(trainable), tuple(unused)
    found: dict[str, dict[tuple[float | None, bool], dict[str, int]]] = {}
    for path, leaf in by_path.flat(params).items():
        factor = factors.get(path, 1.0) if path in chosen else None
        used = factor is not None or not any(re.search(one, path) for one in patterns)
        part = re.sub(r"\d+", "*", path.partition("/")[0])
        found.setdefault(part, {}).setdefault((factor, used), {})[path] = math.prod(leaf.shape)
    return tuple(
        RateGroup(
            part, _ends(sizes) if len(kinds) > 1 else (), len(sizes), sum(sizes.values()), *kind
        )
        for part, kinds in found.items()
        for kind, sizes in kinds.items()
    )


def _ends(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(path.rpartition("/")[2] for path in paths))


def lines(rows: Iterable[RateGroup], rate: float) -> list[str]:
    """The table, a line a row; one line for all where all that can train does so at one rate.

    Args:
      rows: as `groups` gives them.
      rate: the stage's learning rate.
    """
    rows = tuple(rows)
    used = [row for row in rows if row.used]
    if all(row.factor == 1 for row in used):
        all_ = RateGroup("all", (), sum(r.arrays for r in used), sum(r.numbers for r in used), 1.0)
        rows = (all_, *(row for row in rows if not row.used))
    names = [_name(row) for row in rows]
    name_width = max(map(len, names))
    width = max(len(f"{row.numbers:,}") for row in rows)
    return [
        f"{_state(row):<8} {name:<{name_width}}  {row.numbers:>{width},} numbers in "
        f"{row.arrays} array{'s' * (row.arrays != 1)}{_rate(row, rate)}"
        for row, name in zip(rows, names, strict=True)
    ]


def _name(row: RateGroup) -> str:
    more = ", ..." if len(row.ends) > _SHOWN else ""
    return f"{row.part} ({', '.join(row.ends[:_SHOWN])}{more})" if row.ends else row.part


def _state(row: RateGroup) -> str:
    if row.factor is not None:
        return "train"
    return "frozen" if row.used else "unused"


def _rate(row: RateGroup, rate: float) -> str:
    return "" if row.factor is None else f", rate {rate * row.factor:.6g}"
