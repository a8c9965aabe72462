"""The operations in a trace that jax's profiler wrote."""

import dataclasses
import re
from collections.abc import Set
from pathlib import Path

import jax

_INSTRUCTION = re.compile(
    r'^\s*(?:ROOT )?%?([\w.\-]+) = .*?metadata=\{[^}]*?op_name="([^"]*)"', re.MULTILINE
)
_ELSEWHERE = re.compile(r"(dot|conv(?!ert))(?!.*fusion)")


@dataclasses.dataclass(frozen=True)
class TraceEvent:
    """One time that an operation ran.

    Attributes:
      name: of the instruction.
      program: which of the process it belongs to.
      start, end: nanoseconds.
    """

    name: str
    program: object
    start: float
    end: float


def events(trace: Path, modules: Set[str]) -> list[TraceEvent]:
    """Every operation of some modules.

    Args:
      trace: an .xplane.pb.
      modules: names, such as jit_train_step.
    """
    found: list[tuple[str, dict[str, object], float, float]] = []
    ends: dict[object, float] = {}
    for plane in jax.profiler.ProfileData.from_file(str(trace)).planes:
        for line in plane.lines:
            for event in line.events:
                stats = dict(event.stats)
                start = float(event.start_ns)
                if event.name.startswith("end: "):
                    ends[stats.get("_c")] = start
                elif stats.get("hlo_module") in modules and stats.get("hlo_op"):
                    found.append((str(stats["hlo_op"]), stats, start, start + event.duration_ns))
    return [
        TraceEvent(
            name,
            stats.get("program_id"),
            start,
            max(end, ends.get(stats.get("_p"), end)) if elsewhere(name) else end,
        )
        for name, stats, start, end in found
    ]


def elsewhere(name: str) -> bool:
    """Whether an instruction's work goes on in other threads, so that its end is told apart.

    XLA's CPU backend tells one of others too, but only after what came behind them in a thread.
    """
    return bool(_ELSEWHERE.match(name))


def module(text: str) -> str:
    """The name by which traces know a program, of its text: HloModule NAME, ..."""
    return text.split(maxsplit=2)[1].rstrip(",")


def paths(text: str) -> dict[str, str]:
    """Instructions of a program, of its text -> the paths under which jax knows them.

    A path is such as `jit(train_step)/transpose(jvp(Net))/layer_0/linear1/dot_general`; what the
    compiler added has none.
    """
    return dict(_INSTRUCTION.findall(text))


def newest(folder: Path) -> Path:
    """The trace that was written last in a folder of TensorBoard's."""
    return max(folder.glob("plugins/profile/*/*.xplane.pb"), key=_made)


def _made(path: Path) -> float:
    return path.stat().st_mtime
