"""What an unpickled torch file is made of, before it becomes plain values."""

import abc
from collections.abc import Callable
from typing import Any


class Late(abc.ABC):
    """A value that is made when its place in the file is known, for the message if that fails."""

    __slots__ = ()

    @abc.abstractmethod
    def made(self) -> Any:
        """The plain value; raises ValueError where it makes no sense."""


class Name:
    """In place of a function, a class or a constant that a file names and that is admitted.

    Args:
      name: as the file has it; the plain value where the thing itself is the value.
      make: takes the place of calling it; None = it is not called.
    """

    __slots__ = ("_make", "name")

    def __init__(self, name: str, make: Callable[..., Any] | None = None):
        self.name, self._make = name, make

    def __call__(self, *args: Any) -> Any:
        if self._make is None:
            raise ValueError(f"it calls {self.name}")
        return self._make(*args)

    def __setstate__(self, state: Any) -> None:
        raise ValueError(f"it changes {self.name}")


class Foreign:
    """In place of whatever is not admitted: swallows what it is given, and is refused later.

    There is a subclass for each name that a file has.
    """

    __slots__ = ()
    label = ""

    def __new__(cls, *args: Any) -> "Foreign":
        return object.__new__(cls)

    def __init__(self, *args: Any):
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        """As a list's, a set's: nothing is kept."""

    extend = add = append

    def __call__(self, *args: Any) -> "Foreign":
        return self


def foreign(name: str) -> type[Foreign]:
    """The stand-in of a name that is not admitted."""
    return type("Foreign", (Foreign,), {"__slots__": (), "label": name})


class Dict(dict):
    """In place of the classes that are dicts but for their methods."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        pass  # such as the versions of a state_dict's modules


class Attributes:
    """In place of classes that hold nothing but attributes."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: Any = {}

    def __setstate__(self, state: Any) -> None:
        self.values = state
