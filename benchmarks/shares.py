"""How the time of some steps is shared out among the kinds of work in it."""

import collections
import itertools
import re
from collections.abc import Mapping, Sequence

from benchmarks import hlo
from jaxsign.train.traces import TraceEvent

# What they take beyond the operations inside them is others.
_AROUND = re.compile(r"^(while|call|conditional)\b")


def by_kind(events: Sequence[TraceEvent], program: hlo.Program) -> dict[str, float]:
    """Seconds of every one of `hlo.KINDS`, from the first operation's start to the last one's end.

    Where several run at once, each has its part of the time; where none does, it is idle.
    """
    marks = []
    for event in events:
        around = bool(_AROUND.match(event.name))
        kind = hlo.OTHERS if around else program.kind(event.name)
        marks += [(event.start, 1, around, kind), (event.end, -1, around, kind)]
    marks.sort(key=lambda mark: mark[0])
    seconds = dict.fromkeys(hlo.KINDS, 0.0)
    running = collections.Counter[str](), collections.Counter[str]()
    for (at, change, around, kind), (until, *_) in itertools.pairwise(marks):
        running[around][kind] += change
        for name, share in _shared(*running).items():
            seconds[name] += share * (until - at) * 1e-9
    return seconds


def _shared(inner: Mapping[str, int], around: Mapping[str, int]) -> dict[str, float]:
    """Parts of 1."""
    for counts in (inner, around):
        if total := sum(counts.values()):
            return {kind: count / total for kind, count in counts.items()}
    return {hlo.IDLE: 1.0}


def slowest(events: Sequence[TraceEvent], program: hlo.Program) -> list[tuple[str, str, float]]:
    """(kind, path, seconds) of what is not a product, the longest first; layers are added up."""
    took: dict[tuple[str, str], float] = collections.defaultdict(float)
    for event in events:
        kind = program.kind(event.name)
        if kind != hlo.PRODUCTS and not _AROUND.match(event.name):
            path = re.sub(r"_\d+(?=/|$)", "_N", program.path(event.name)) or event.name
            took[kind, path] += (event.end - event.start) * 1e-9
    longest = sorted(took.items(), key=lambda row: -row[1])
    return [(*both, seconds) for both, seconds in longest]


def operations(events: Sequence[TraceEvent], program: hlo.Program) -> float:
    """Floating-point operations of all products and convolutions that ran."""
    return sum(program.operations(event.name) for event in events)
