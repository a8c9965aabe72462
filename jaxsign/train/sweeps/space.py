"""The space of a sweep: which keys of a recipe take which values; a file of TOML.

"optim.lr" = { low = 1e-4, high = 1e-2, log = true }
"net.n_layers" = { low = 1, high = 4 }
"net.dropout" = [0.0, 0.1, 0.3]
"""

import dataclasses
import itertools
import math
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import defaults, reading, stages
from jaxsign.errors import UserError, did_you_mean, listing
from jaxsign.train.sweeps.trials import Value, Values

_OF_RANGE = ("low", "high", "log", "points")
_TRIES = 200  # random points that are drawn for one that no trial had
_EXAMPLE = '"optim.lr" = { low = 1e-4, high = 1e-2, log = true }'
# What trials would not be comparable by, or what decides which other keys there are.
_FIXED = {
    "task.monitor": "trials are held against each other by it",
    "task.name": "it decides which other keys there are",
    "net.name": "it decides which other keys there are",
    "view.name": "it decides which other keys there are",
    "stages": "it decides which other keys there are",
}
_FIXED_DATA = ("data.val.", "data.test")


class Axis(Protocol):
    """A key of a space with its values."""

    @property
    def key(self) -> str:
        """Of the recipe."""

    def draw(self, rng: np.random.Generator) -> Value:
        """A value at random."""

    def grid(self) -> tuple[Value, ...]:
        """All values of a grid, in order; none where the space does not say which."""

    def extremes(self) -> tuple[Value, ...]:
        """Values that are fine only if all are."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of a list."""

    key: str
    options: tuple[Value, ...]

    def draw(self, rng: np.random.Generator) -> Value:
        return self.options[int(rng.integers(len(self.options)))]

    def grid(self) -> tuple[Value, ...]:
        return self.options

    def extremes(self) -> tuple[Value, ...]:
        return self.options


@dataclasses.dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Attributes:
      log: all ratios are as likely, not all differences.
      whole: whole numbers alone.
      points: of a grid; 0 = not said: then a grid has all whole numbers.
    """

    key: str
    low: float
    high: float
    log: bool = False
    whole: bool = False
    points: int = 0

    def draw(self, rng: np.random.Generator) -> Value:
        """A value at random, of four digits, so that people can read it."""
        if self.whole and not self.log:
            return int(rng.integers(int(self.low), int(self.high) + 1))
        return self.at(float(rng.random()))

    def at(self, share: float) -> Value:
        """The value at a share of the way from `low` to `high`."""
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            return self.rounded(math.exp(low + share * (high - low)))
        return self.rounded(self.low + share * (self.high - self.low))

    def rounded(self, value: float) -> Value:
        """A value of the range near another one: a whole number, or one of four digits."""
        if self.whole:
            return int(min(max(round(value), self.low), self.high))
        return min(max(float(f"{value:.4g}"), float(self.low)), float(self.high))

    def grid(self) -> tuple[Value, ...]:
        if not self.points:
            return tuple(range(int(self.low), int(self.high) + 1)) if self.whole else ()
        shares = np.linspace(0, 1, self.points)
        return tuple(dict.fromkeys(self.at(float(share)) for share in shares))

    def extremes(self) -> tuple[Value, ...]:
        return self.at(0), self.at(1)


@dataclasses.dataclass(frozen=True)
class Space:
    """All keys of a sweep."""

    axes: tuple[Axis, ...]

    def draw_new(
        self, rng: np.random.Generator, taken: Collection[Values]
    ) -> dict[str, Value] | None:
        """A point at random that is none of those `taken`; None where none is found any more."""
        for _ in range(_TRIES):
            point = {axis.key: axis.draw(rng) for axis in self.axes}
            if point not in taken:
                return point
        return None

    def grid(self) -> list[dict[str, Value]]:
        """All points of the grid, in order.

        Raises:
          UserError: a range of numbers that does not say how many of them.
        """
        keys = [axis.key for axis in self.axes]
        rows = [axis.grid() for axis in self.axes]
        without = [key for key, row in zip(keys, rows, strict=True) if not row]
        if without:
            raise UserError(
                f"--how grid: which values of {', '.join(without)}? Add how many to each range, "
                "such as points = 4, or list them; or choose --how random or bayes"
            )
        return [dict(zip(keys, point, strict=True)) for point in itertools.product(*rows)]


def read(path: Path, recipe: ConfigDict) -> Space:
    """The space of a file, for a recipe.

    Raises:
      UserError: no TOML, no keys, keys that the recipe does not have (the nearest is named), and
        values that it cannot have; all of them at once.
    """
    known = configs.flatten(recipe)
    entries = list(_entries(_table(path), known))
    if not entries:
        raise UserError(f"{path}: names no key of the recipe. Expected lines such as\n  {_EXAMPLE}")
    axes: list[Axis] = []
    wrong = []
    for key, entry in entries:
        try:
            if any(key == axis.key for axis in axes):
                raise UserError(f'{key}: stands there twice, as "{key}" and in a [section]')
            axis = _axis(key, entry, known)
            stages.check_taken(recipe, [key])
            _check(axis, recipe, lambda config: defaults.problems(config))
            axes.append(axis)
        except UserError as error:
            wrong.append(str(error))
    if wrong:
        raise UserError(f"{path}: the recipe cannot be trained with this:\n{listing(wrong)}")
    return Space(tuple(axes))


def check_net(space: Space, recipe: ConfigDict, path: Path) -> None:
    """Holds the values of a space against what the recipe's net may have, which imports JAX.

    Raises:
      UserError: what it may not; all of it at once.
    """
    from jaxsign import fields, nets

    owner, wrong = nets.get(recipe.net.name), []
    for axis in space.axes:
        try:
            _check(axis, recipe, lambda config: fields.problems(owner, config.net, "net."))
        except UserError as error:
            wrong.append(str(error))
    if wrong:
        raise UserError(f"{path}: the recipe cannot be trained with this:\n{listing(wrong)}")


def _check(axis: Axis, recipe: ConfigDict, problems: Callable[[ConfigDict], list[str]]) -> None:
    """Sets each extreme value alone; that of a stage's key as if all of the recipe had it.

    What several keys must keep together is not asked: other trials may well keep it.
    """
    before, known = set(problems(recipe)), configs.flatten(recipe)
    stage, key = _parts(axis.key, known)
    for value in axis.extremes():
        try:
            changed = configs.merged(recipe, {axis.key: value, key: value})
        except (TypeError, ValueError) as error:
            old = known[axis.key]
            raise UserError(
                f"{axis.key}={value!r}: of another type than the recipe's {old!r}"
            ) from error
        if wrong := [one for one in problems(changed) if one not in before]:
            raise UserError("; ".join(f"{stage}{one}" for one in wrong))


def _parts(key: str, known: Collection[str]) -> tuple[str, str]:
    """`stage.NAME.` and the key of the recipe that it changes in that stage; else '' and `key`."""
    first, *rest = key.split(".", 2)
    inner = rest[-1] if rest else ""
    if first == "stage" and inner in known:
        return key.removesuffix(inner), inner
    return "", key


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(reading.read_bytes(path, "a file of TOML").decode())
    except ValueError as error:
        raise UserError(
            f"{path}: is no TOML ({error}). Expected lines such as\n  {_EXAMPLE}"
        ) from error


def _entries(
    table: Mapping[str, Any], known: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    """Keys of the recipe and what stands there; [section] and "section.key" are the same."""
    for name, entry in table.items():
        key = f"{prefix}{name}"
        if isinstance(entry, dict) and key not in known and not set(entry) & set(_OF_RANGE):
            yield from _entries(entry, known, f"{key}.")
        else:
            yield key, entry


def _axis(key: str, entry: object, known: Mapping[str, Any]) -> Axis:
    if key not in known:
        raise UserError(f"unknown key {key!r}.{did_you_mean(key, known)}")
    if key in _FIXED or key.startswith(_FIXED_DATA):
        why = _FIXED.get(key, "trials are held against each other by the same clips")
        raise UserError(f"{key}: stays as it is in a sweep: {why}")
    if isinstance(entry, list):
        return _choice(key, entry, known[key])
    if isinstance(entry, dict):
        return _range(key, entry, known[key])
    raise UserError(
        f"{key} = {entry!r}: expected a list of values, or {{ low = ..., high = ... }}. A value "
        f"that stays the same is set on the command line: --config.{key}={entry}"
    )


def _choice(key: str, entry: list[Any], old: Any) -> Choice:
    options = tuple(_like(value, old) for value in entry)
    if not options:
        raise UserError(f"{key} = []: expected at least one value")
    twice = [value for number, value in enumerate(options) if value in options[:number]]
    if twice:
        raise UserError(f"{key}: {twice[0]!r} stands there twice")
    return Choice(key, options)


def _like(value: Any, old: Any) -> Value:
    """A value of TOML as the recipe's has its type."""
    if isinstance(value, list):
        return tuple(_like(one, None) for one in value)
    return float(value) if isinstance(old, float) and type(value) is int else value


def _range(key: str, entry: dict[str, Any], old: Any) -> Range:
    for name in entry:
        if name not in _OF_RANGE:
            raise UserError(
                f"{key}: a range has no {name!r}.{did_you_mean(name, _OF_RANGE)} Known: "
                f"{', '.join(_OF_RANGE)}"
            )
    if isinstance(old, bool) or not (old is None or isinstance(old, int | float)):
        raise UserError(
            f"{key}: a range is for numbers, and the recipe has {old!r} there. List the values"
        )
    whole = isinstance(old, int)
    low, high = (_end(key, entry, name, whole=whole) for name in ("low", "high"))
    log, points = entry.get("log", False), entry.get("points", 0)
    if low >= high:
        raise UserError(f"{key}: low={low:g} is not below high={high:g}")
    if not isinstance(log, bool):
        raise UserError(f"{key}: log={log!r}: expected true or false")
    if log and low <= 0:
        raise UserError(f"{key}: low={low:g}: expected above 0, as log = true")
    if "points" in entry and (type(points) is not int or points < 2):
        raise UserError(f"{key}: points={points!r}: expected a whole number of 2 or more")
    return Range(key, low, high, log, whole, points)


def _end(key: str, entry: dict[str, Any], name: str, *, whole: bool) -> float:
    if name not in entry:
        raise UserError(f"{key}: a range without {name!r}: expected {{ low = ..., high = ... }}")
    value = entry[name]
    kinds = (int,) if whole else (int, float)
    if type(value) not in kinds or not math.isfinite(value):
        expected = "a whole number, as the recipe's is" if whole else "a number"
        raise UserError(f"{key}: {name}={value!r}: expected {expected}")
    return value
