"""A strict majority of neighbouring windows, and the list of signs that its changes make."""

import collections
import dataclasses
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True)
class Vote:
    """What one window says.

    Attributes:
      number: its class; None = no sign, or not sure.
      probability: of that class.
      start, end: seconds of the stretch in its middle that it speaks for.
    """

    number: int | None
    probability: float
    start: float
    end: float


@dataclasses.dataclass
class Span:
    """Windows side by side that a majority gives to one class; `sure`, of those that voted so."""

    number: int
    start: float
    end: float
    sure: list[float]


class Majority:
    """The votes' list of signs: for each window the strict majority around it, then collapsed.

    Args:
      count: windows that decide, about half of them after the one that they decide on; fewer at
        both ends of the stream.
    """

    def __init__(self, count: int):
        self._before, self._after = count // 2, count - 1 - count // 2
        self._votes: collections.deque[Vote] = collections.deque()
        self._next = 0  # the place in `_votes` that is decided next
        self._open: Span | None = None

    def push(self, vote: Vote) -> list[Span]:
        """The span that ends by what is known now, if one does."""
        self._votes.append(vote)
        return self._decide() if len(self._votes) > self._next + self._after else []

    def finish(self) -> list[Span]:
        """The spans of the windows that are left."""
        ended = []
        while self._next < len(self._votes):
            ended += self._decide()
        last, self._open = self._open, None
        return [*ended, *([last] if last else [])]

    @property
    def going(self) -> int | None:
        """The class of the span that has not ended."""
        return self._open.number if self._open else None

    def _decide(self) -> list[Span]:
        vote, around = self._votes[self._next], [*self._votes][: self._next + self._after + 1]
        winner = _winner(v.number for v in around)
        if self._next < self._before:
            self._next += 1
        else:
            self._votes.popleft()
        ended = []
        if self._open is not None and winner != self._open.number:
            ended, self._open = [self._open], None
        if winner is not None:
            if self._open is None:
                self._open = Span(winner, vote.start, vote.end, [])
            self._open.end = vote.end
            if vote.number == winner:
                self._open.sure.append(vote.probability)
        return ended


def _winner(numbers: Iterable[int | None]) -> int | None:
    votes = [*numbers]
    best, count = collections.Counter(votes).most_common(1)[0]
    return best if 2 * count > len(votes) else None
