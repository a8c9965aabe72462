"""The processes that train one net together, on one machine or several.

They work in step: each makes its own rows of every batch. The first one alone writes the run's
folder and speaks; the others follow. Who asks where it stands asks here, and nowhere else.
"""

import contextlib
import dataclasses
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from jaxsign.errors import UserError, listing

_Value = TypeVar("_Value")
# Votes on their way: an answer is asked for so many votes later, when it has long been here.
_VOTES = 4


class Gathering(Protocol):
    """Brings what each process says to all of them."""

    def say(self, value: object) -> int:
        """Says a plain value, as JSON has it, in a round that all processes take part in."""
        ...

    def hear(self, number: int) -> Sequence[object]:
        """What was said in a round, by the processes' numbers.

        Raises:
          UserError: another process has failed.
        """
        ...


@dataclasses.dataclass(frozen=True)
class Machines:
    """The processes of a run, and which of them this one is.

    Attributes:
      index: this one's number, from 0.
      names: of all of them, for messages.
      gathering: how they hear of each other; None = there is no other.
    """

    index: int = 0
    names: tuple[str, ...] = ("process 0",)
    gathering: Gathering | None = None

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.names)

    @property
    def first(self) -> bool:
        """Whether this one writes and speaks."""
        return self.index == 0

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.count > 1

    def gather(self, value: _Value) -> list[_Value]:
        """The plain values that the processes give, by their numbers; all must call this."""
        if self.gathering is None:
            return [value]
        return list(self.gathering.hear(self.gathering.say(value)))  # type: ignore[arg-type]

    def of_first(self, value: _Value) -> _Value:
        """The plain value that the first process gives; the others' do not count."""
        return self.gather(value)[0]

    def agree(self, entries: Mapping[str, str]) -> None:
        """Refuses processes that differ in what must be equal.

        Args:
          entries: what it is -> how it is here.

        Raises:
          UserError: names what differs, and how it is in both.
        """
        first, *others = self.gather(dict(entries))
        differ = [
            f"{what}: {first.get(what, 'absent')} in {self.names[0]}, "
            f"{other.get(what, 'absent')} in {name}"
            for name, other in zip(self.names[1:], others, strict=True)
            for what in dict.fromkeys((*first, *other))
            if first.get(what) != other.get(what)
        ]
        if differ:
            raise UserError(
                "the processes of this training are not alike:\n"
                f"{listing(differ)}\nGive all of them the same command, data and packages."
            )


class Ballot:
    """A yes of any process, which all of them hear at the same vote.

    A process does not wait for it: the answer is that of some votes before.
    """

    def __init__(self, machines: Machines):
        self._gathering = machines.gathering
        self._open: deque[int] = deque()

    def ask(self, yes: bool) -> bool:
        """Whether any process said yes; all must ask equally often."""
        if self._gathering is None:
            return yes
        self._open.append(self._gathering.say(yes))
        return len(self._open) > _VOTES and any(self._gathering.hear(self._open.popleft()))


ALONE = Machines()
_here = ALONE


def here() -> Machines:
    """Where this process stands."""
    return _here


@contextlib.contextmanager
def standing(machines: Machines) -> Iterator[Machines]:
    """While entered, `here` gives `machines`."""
    global _here
    before, _here = _here, machines
    try:
        yield machines
    finally:
        _here = before
