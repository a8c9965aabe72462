"""jaxsign's side of the golden cases: one module a system, found by the system's name.

A system's module holds
  `TARGETS`: target name -> function(case) -> produced arrays under the golden names;
  `FILES`: file name pattern -> function(path) -> `FileCheck`, for what lies beside the cases;
  `LEFT_OUT`: target, case or file name -> why it is not compared.
  `LATER`: case -> beginning of arrays' names -> why these of it are not compared.
  `TOLERANCES`: case -> array -> tolerance, where a prefix of the case's own is not meant for it.
"""

import dataclasses
import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class FileCheck:
    """What a file beside the cases says and what jaxsign gives, under the same names."""

    expected: Mapping[str, Any]
    produced: Mapping[str, Any]
    tolerance: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def module(system: str, package: str = __name__) -> Any:
    """The module of `system`, or None where there is none."""
    name = f"{package}.{system}"
    if not system.isidentifier() or importlib.util.find_spec(name) is None:
        return None
    return importlib.import_module(name)


def find(system: str, target: str, package: str = __name__) -> Any:
    """The function that runs `target` of `system`, or None if nothing is known by that name.

    A case may name several targets, separated by commas, that one function serves.
    """
    holder = module(system, package)
    if holder is None:
        return None
    if target in holder.TARGETS:
        return holder.TARGETS[target]
    found = {holder.TARGETS.get(part.strip()) for part in target.split(",")}
    return found.pop() if len(found) == 1 else None
