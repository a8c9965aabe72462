"""A trial of a sweep: the numbers that it was given, and what came of them."""

import dataclasses
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias, TypeGuard

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.whole import write_json

RUNNING, DONE, PRUNED, FAILED = "running", "done", "pruned", "failed"
FILE = "trial.json"
# What a key of a recipe may be; a list of TOML is a tuple.
Value: TypeAlias = bool | int | float | str | None | tuple["Value", ...]
Values: TypeAlias = Mapping[str, Value]


@dataclasses.dataclass(frozen=True)
class Trial:
    """A trial, as its folder keeps it.

    Attributes:
      number: from 1.
      values: by key of the recipe, in the order of the space.
      state: 'running' (begun, not ended: it goes on), 'done', 'pruned' or 'failed'.
      result: the monitor's best value; None where there is none yet.
      epoch: whose it is, from 1; 0 = none.
      course: (epoch, the monitor's value) of every validation that was seen.
      seconds: that it took, over all its processes.
      reason: why it was pruned, or failed.
    """

    number: int
    values: Values
    state: str = RUNNING
    result: float | None = None
    epoch: int = 0
    course: tuple[tuple[int, float], ...] = ()
    seconds: float = 0.0
    reason: str = ""

    @property
    def name(self) -> str:
        """Of its folder: trial-003."""
        return f"trial-{self.number:03d}"

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state != RUNNING

    def save(self, folder: Path) -> None:
        """Writes it into its folder below the sweep's `folder`."""
        kept = dataclasses.asdict(self)
        write_json(folder / self.name / FILE, {**kept, "values": dict(self.values)})


def read_all(folder: Path) -> list[Trial]:
    """The trials of a sweep by number; folders that another program left there are passed over.

    Raises:
      UserError: a trial's file that cannot be read.
    """
    names = re.compile(r"trial-[0-9]{3,}")
    paths = [path / FILE for path in folder.glob("trial-*") if names.fullmatch(path.name)]
    return sorted((_read(path) for path in paths if path.exists()), key=lambda t: t.number)


def _read(path: Path) -> Trial:
    try:
        kept = reading.read_json(path)
        course = tuple((int(epoch), float(value)) for epoch, value in kept.pop("course"))
        values = {str(key): _tupled(value) for key, value in kept.pop("values").items()}
        found = Trial(**kept, values=values, course=course)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(
            f"{path}: is no trial of a sweep ({error}). Remove the folder {path.parent}: the same "
            "command does this trial anew"
        ) from error
    if found.name != path.parent.name:
        raise UserError(
            f"{path}: tells of trial {found.number}. Give the folder its name {found.name} back"
        )
    return found


def _tupled(value: object) -> Value:
    if isinstance(value, list | tuple):
        return tuple(map(_tupled, value))
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"a value {value!r}")


def ranked(trials: list[Trial], better: str) -> list[Trial]:
    """Those that have a result and were not given up, the best first, of equals the earlier."""
    sign = -1 if better == "max" else 1
    known = [t for t in trials if t.state == DONE and is_number(t.result)]
    return sorted(known, key=lambda t: (sign * (t.result or 0.0), t.number))


def is_number(value: float | None) -> TypeGuard[float]:
    """Whether a result is one that others can be held against."""
    return value is not None and math.isfinite(value)
