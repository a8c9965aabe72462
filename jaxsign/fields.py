"""A section of a recipe is the fields of one dataclass, which owns their defaults and checks."""

import dataclasses
import math
import numbers
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from jaxsign.errors import did_you_mean

Section = TypeVar("Section")


@dataclasses.dataclass(frozen=True)
class Rule:
    """Which values a field may have.

    Attributes:
      fine: whether a value is one of them; one that it cannot judge is not.
      text: what they are, behind the word "expected".
      words: all of them, where there are few: the nearest is named.
    """

    fine: Callable[[Any], bool]
    text: str
    words: tuple[str, ...] = ()

    def broken_by(self, value: Any) -> str:
        """What was expected in place of `value`; '' where it is fine."""
        try:
            fine = bool(self.fine(value))
        except (TypeError, ValueError):
            fine = False
        if fine:
            return ""
        given = value if isinstance(value, tuple | list) else [value]
        unknown = [v for v in given if isinstance(v, str) and v not in self.words]
        near = did_you_mean(unknown[0], self.words) if unknown else ""
        return f"expected {self.text}{'.' + near if near else ''}"


def between(low: float, high: float) -> Rule:
    """From `low` to `high`, both included."""
    return Rule(lambda v: low <= v <= high, f"{low:g} to {high:g}")


def among(*words: str) -> Rule:
    """One of a few words."""
    text = ", ".join(map(repr, words[:-1])) + f" or {words[-1]!r}"
    return Rule(lambda v: v in words, text, words)


def several(*words: str) -> Rule:
    """Any of a few words, each once."""
    return Rule(
        lambda v: {*v} <= {*words} and len({*v}) == len(v), f"some of {', '.join(words)}", words
    )


def pair(low: float, high: float) -> Rule:
    """A range within a range."""
    return Rule(
        lambda v: len(v) == 2 and low <= v[0] <= v[1] <= high,
        f"(from, to) between {low:g} and {high:g}",
    )


POSITIVE = Rule(lambda v: 0 < v < math.inf, "above 0")
NOT_NEGATIVE = Rule(lambda v: 0 <= v < math.inf, "0 or more")
FINITE = Rule(lambda v: -math.inf < v < math.inf, "a finite number")
COUNT = Rule(lambda v: 1 <= v <= 2**31, "1 or more")
SHARE = between(0, 1)
RATE = Rule(lambda v: 0 <= v < 1, "0 below 1")
PROBABILITY = Rule(lambda v: 0 <= v <= 1, "a probability from 0 to 1")


class When:
    """A key counts where another key of the recipe has one of some values.

    Attributes:
      key: the other key, with its section.
      values: of it.
    """

    def __init__(self, key: str, *values: Any):
        self.key, self.values = key, values


def value(default: Any, rule: Rule | None = None, text: str = "", when: When | None = None) -> Any:
    """A field of a section.

    Args:
      default: its value where a recipe says nothing.
      rule: that its values must keep; None = any.
      text: what it means.
      when: it counts; None = always.
    """
    return dataclasses.field(default=default, metadata={"rule": rule, "text": text, "when": when})


def section(owner: type, when: When | None = None) -> Any:
    """A field that is a section of its own, which counts `when`."""
    return dataclasses.field(default_factory=owner, metadata={"when": when})


@dataclasses.dataclass(frozen=True)
class Described:
    """What a key of a recipe means.

    Attributes:
      default: its value where a recipe says nothing.
      allowed: the values that it may have, in words; "" = any of the default's type.
      text: what it means; "" where nobody says so.
      whens: it counts where all of these hold.
    """

    default: Any
    allowed: str = ""
    text: str = ""
    whens: tuple[When, ...] = ()


def described(owner: Any, prefix: str = "", whens: tuple[When, ...] = ()) -> dict[str, Described]:
    """Every key of a dataclass and its sections.

    Args:
      owner: the dataclass.
      prefix: begins the keys, e.g. 'optim.'.
      whens: hold for all of them.
    """
    found: dict[str, Described] = {}
    for one in dataclasses.fields(owner):
        key, when = f"{prefix}{one.name}", one.metadata.get("when")
        own = (*whens, when) if when else whens
        if dataclasses.is_dataclass(one.default_factory):
            found |= described(one.default_factory, f"{key}.", own)
        else:
            rule, text = one.metadata.get("rule"), one.metadata.get("text", "")
            default = {} if one.default is dataclasses.MISSING else one.default
            found[key] = Described(default, rule.text if rule else "", text, own)
    return found


def make(owner: type[Section], values: Mapping[str, Any]) -> Section:
    """The dataclass with `values` by field, nested ones as sections; the others have defaults."""
    known: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(owner)  # type: ignore[arg-type]
    inner: dict[str, Any] = {one.name: one.default_factory for one in known}
    given = {
        name: make(inner[name], value) if dataclasses.is_dataclass(inner.get(name)) else value
        for name, value in values.items()
    }
    return owner(**given)


def problems(owner: Any, values: Mapping[str, Any], prefix: str = "") -> list[str]:
    """What `values` break of the types and rules of a dataclass and its sections, a line each.

    Args:
      owner: the dataclass.
      values: by field; those that are left out have their defaults.
      prefix: begins the keys, e.g. 'optim.'.
    """
    found = []
    for one in dataclasses.fields(owner):
        if one.name not in values:
            continue
        value, rule = values[one.name], one.metadata.get("rule")
        if dataclasses.is_dataclass(one.default_factory):
            found += problems(one.default_factory, value, f"{prefix}{one.name}.")
        elif not fits(value, one.type):
            more = f": {rule.text}" if rule else ""
            found.append(f"{prefix}{one.name}={value!r}: expected {_called(one.type)}{more}")
        elif value is not None and rule is not None and (expected := rule.broken_by(value)):
            found.append(f"{prefix}{one.name}={value!r}: {expected}")
    return found


def fits(value: Any, hint: Any) -> bool:
    """Whether a value of a recipe is of the type that a field is declared with.

    Args:
      value: what JSON or a recipe can hold: words, numbers, truths, None, lists and mappings.
      hint: a type of those, a union, a tuple; any other fits everything.
    """
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if origin in (tuple, Sequence):
        if not isinstance(value, tuple | list):
            return False
        each = inner[:1] * len(value) if _of_any_length(hint) else inner
        return len(each) == len(value) and all(map(fits, value, each))
    if hint is float:
        return _is_number(value, numbers.Real) and math.isfinite(value)
    if hint is int:
        return _is_number(value, numbers.Integral)
    if hint in (str, bool, types.NoneType):
        return isinstance(value, hint)
    if origin is not dict:
        return True
    from ml_collections import ConfigDict  # late: a verb's --help does without

    return isinstance(value, Mapping | ConfigDict)


def _of_any_length(hint: Any) -> bool:
    return typing.get_origin(hint) is Sequence or typing.get_args(hint)[1:] == (...,)


def _is_number(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _called(hint: Any) -> str:
    """A type in words."""
    words = {int: "a whole number", float: "a number", str: "text", bool: "True or False"}
    words |= {types.NoneType: "None", dict: "keys and values"}
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(_called, inner))
    if origin in (tuple, Sequence):
        parts = inner[:1] if _of_any_length(hint) else inner
        return f"a list ({', '.join(map(_called, parts))}{' ...' if parts != inner else ''})"
    return words.get(origin or hint, str(hint))
