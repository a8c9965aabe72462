"""The entries of a case's `args` and `call`, which remember what was read of them.

A target that does not know an entry must not pass by it: whatever is left unread once it has run
makes the case fail by name.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jaxsign.errors import UserError


class Entries(Mapping[str, Any]):
    """One section of entries; sections and lists of sections inside are `Entries` again.

    Every way to a value counts as reading it. `in` does not.

    Args:
      values: the section, as JSON gives it.
      where: its name in messages, such as `call`.
    """

    def __init__(self, values: Mapping[str, Any], where: str):
        self._where = where
        self._values = {key: _part(value, f"{where}.{key}") for key, value in values.items()}
        self._plain = dict(values)
        self._read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            raise UserError(f"{self._where}.{name} is missing, and the original has no default.")
        self._read.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def get(self, name: str, default: Any = None) -> Any:
        """The entry, or the original's `default` where it is absent."""
        return self[name] if name in self else default

    def section(self, name: str) -> "Entries":
        """The section of that name; an empty one where it is absent."""
        return self[name] if name in self else Entries({}, f"{self._where}.{name}")

    def given(self, *names: str, **theirs: str) -> dict[str, Any]:
        """The entries that are there of `names`, and of `theirs` (our name = the original's)."""
        wanted = {name: name for name in names} | theirs
        return {ours: self[name] for ours, name in wanted.items() if name in self}

    def of(self, function: Callable) -> dict[str, Any]:
        """The entries that are there of the parameters of `function`, to be passed by name."""
        return self.given(*inspect.signature(function).parameters)

    def whole(self, name: str, default: Any = None) -> Any:
        """The entry as plain data: everything inside it counts as read."""
        if name in self:
            self._read.add(name)
            self._values[name] = self._plain[name]
        return self._plain.get(name, default)

    def one_of(self, name: str, *known: Any) -> Any:
        """The entry of a target that does no other than `known`; the first one where it is absent.

        Raises:
          UserError: it is another.
        """
        value = self.whole(name, known[0])
        if value not in known:
            expected = " or ".join(map(repr, known))
            raise UserError(f"{self._where}.{name} is {value!r}; the target knows only {expected}.")
        return value

    def match(self, name: str, pattern: str) -> re.Match[str] | None:
        """The whole text of an entry against a pattern of all that a target knows.

        Returns:
          The match; None where the entry is absent.

        Raises:
          UserError: it says something else.
        """
        if name not in self:
            return None
        found = re.fullmatch(pattern, self[name])
        if found is None:
            raise UserError(
                f"{self._where}.{name} is {self[name]!r}; the target knows only /{pattern}/."
            )
        return found

    def unread(self) -> Iterator[str]:
        """The full names of the entries that nobody has read."""
        for name, part in self._values.items():
            if name in self._read:
                yield from _unread(part)
            else:
                yield f"{self._where}.{name}"


def _part(value: Any, where: str) -> Any:
    if isinstance(value, Mapping):
        return Entries(value, where)
    if isinstance(value, list):
        return [_part(item, f"{where}[{i}]") for i, item in enumerate(value)]
    return value


def _unread(part: Any) -> Iterator[str]:
    if isinstance(part, Entries):
        yield from part.unread()
    elif isinstance(part, list):
        for item in part:
            yield from _unread(item)
