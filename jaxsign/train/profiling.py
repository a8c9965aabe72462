"""`log.profile`: a trace of some updates for TensorBoard, and a table of what took their time."""

import collections
import contextlib
import dataclasses
import logging
import re
import resource
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike

from jaxsign import runtime
from jaxsign.train import log, traces
from jaxsign.train.state import TrainState

_LOG = logging.getLogger("jaxsign")
_ROWS = 15
# Their time is that of the operations inside them.
_AROUND = re.compile(r"^(while|call|conditional)\b")
# What in a path is no part of a net: compiled functions, loops, methods such as Net._trunk.
_PASSING = re.compile(r"(jit|pjit|pmap)\(|(shard_map|while|body|cond|closed_call|\w+\.\w+)$")


class Profile:
    """Traces the updates from the first to the last of `log.profile`, within one epoch.

    Args:
      updates: (first, last), counted from 1 over the whole run; () = none.
      folder: of TensorBoard, which shows the trace.
      display: where the table is printed.
    """

    def __init__(self, updates: Sequence[int], folder: Path, display: log.TrainingDisplay):
        self._first, self._last = updates or (1, 0)
        self._folder, self._display = folder, display
        self._begun: float | None = None
        # One batch of each shape.
        self._inputs: dict[tuple[tuple[int, ...], ...], tuple[Mapping[str, ArrayLike], ...]] = {}
        self._updates: list[int] = []

    def begin(self, update: int) -> None:
        """Tells it of the update that comes; it starts the trace with the first one."""
        if self._begun is None and not self._updates and self._first <= update <= self._last:
            options = jax.profiler.ProfileOptions()
            options.python_tracer_level = 0  # it would slow down what is measured
            try:
                jax.profiler.start_trace(self._folder, profiler_options=options)
            except RuntimeError as error:  # another one is going on
                self._give_up(error)
                return
            self._begun = time.monotonic()

    def add(self, update: int, *inputs: Mapping[str, ArrayLike]) -> bool:
        """Tells it what an update took beside the state; whether it is the last one to trace."""
        if self._begun is None:
            return False
        self._inputs[tuple(np.shape(leaf) for leaf in jax.tree.leaves(inputs))] = inputs
        self._updates.append(update)
        return update >= self._last

    def end(self, train: jax.stages.Wrapped, state: TrainState) -> None:
        """Ends the trace, if there is one and its updates are done, and prints the table."""
        if self._begun is None:
            return
        seconds, self._begun = time.monotonic() - self._begun, None
        try:
            jax.profiler.stop_trace()
        except (OSError, RuntimeError) as error:
            self._give_up(error)
            return
        compiled = [train.lower(state, *inputs).compile() for inputs in self._inputs.values()]
        self._inputs = {}
        first, last = self._updates[0], self._updates[-1]
        say = self._display.say
        say(f"profile  updates {first} to {last}, for TensorBoard in {self._folder}")
        found = operations(traces.newest(self._folder), [str(one.as_text()) for one in compiled])
        say(table(found, seconds, len(self._updates)))
        say(memory(state, [one.memory_analysis() for one in compiled]))

    def close(self, update: int) -> None:
        """Ends the trace of a run that failed; says so where the run ends before it began."""
        if self._begun is not None:
            with contextlib.suppress(OSError, RuntimeError):
                jax.profiler.stop_trace()
        elif update < self._first <= self._last:
            self._display.say(
                f"profile  none: log.profile begins with update {self._first}, the run ends with "
                f"{update}"
            )

    def _give_up(self, error: Exception) -> None:
        self._last = 0
        _LOG.warning("log.profile: no trace (%s). Everything else goes on.", error)


@dataclasses.dataclass(frozen=True)
class TracedOperation:
    """What an operation is: in which pass, in which part of the net, and what it ends with."""

    side: str
    part: str
    what: str


def operations(trace: Path, programs: Sequence[str]) -> dict[TracedOperation, tuple[float, int]]:
    """Seconds and times of each operation of training steps in a trace.

    Args:
      trace: an .xplane.pb.
      programs: their texts, one for each shape of batches.
    """
    named = [traces.paths(text) for text in programs]
    took: dict[object, dict[str, list[float]]] = collections.defaultdict(dict)
    modules = {traces.module(text) for text in programs}
    for event in traces.events(trace, modules):
        if not _AROUND.match(event.name):
            each = took[event.program].setdefault(event.name, [])
            each.append((event.end - event.start) * 1e-9)
    found: dict[TracedOperation, tuple[float, int]] = {}
    for times in took.values():
        # Nothing else tells which text belongs to a program of the trace.
        names = max(named, key=lambda known: len(known.keys() & times.keys()), default={})
        for name, seconds in times.items():
            one = operation(name, names.get(name, ""))
            before = found.get(one, (0.0, 0))
            found[one] = before[0] + sum(seconds), before[1] + len(seconds)
    return found


def operation(name: str, path: str) -> TracedOperation:
    """What an instruction is, by its name and its path (`traces.paths`)."""
    kind = re.sub(r"\.\d+$", "", name)
    if not path or path.endswith(")"):
        return TracedOperation("", "", kind)
    words = [word for word in path.split("/") if not _PASSING.match(word)]
    passes = [word for word in words if "jvp(" in word]
    back = any(word.startswith("transpose(") for word in passes)
    side = "backward" if back else "forward" if passes else "update"
    inner = [word for word in words if "jvp(" not in word]
    return TracedOperation(side, "/".join(inner[:-1]), inner[-1] if inner else kind)


def table(found: Mapping[TracedOperation, tuple[float, int]], seconds: float, updates: int) -> str:
    """The slowest operations, one a line, and what they all took of `seconds`."""
    every = sum(took for took, _ in found.values())
    if not every:
        return "         no operation of a training step is in the trace"
    rows = sorted(found.items(), key=lambda row: -row[1][0])
    shown = [row for row, _ in rows[:_ROWS]]
    part = max(len("part"), *(len(row.part) for row in shown))
    what = max(len("operation"), *(len(row.what) for row in shown))
    lines = [
        f"         {1e3 * seconds / updates:.2f} ms an update, waits and compiles among them; "
        f"{1e3 * every / updates:.2f} ms of operations, in all threads together",
        f"   share  ms/update   times  pass      {'part':{part}}  {'operation':{what}}".rstrip(),
    ]
    for row, (took, times) in rows[:_ROWS]:
        lines.append(
            f"  {100 * took / every:4.1f} %  {1e3 * took / updates:9.3f}  {times / updates:6.1f}  "
            f"{row.side:8}  {row.part:{part}}  {row.what}".rstrip()
        )
    if rest := rows[_ROWS:]:
        took = sum(took for _, (took, _) in rest)
        share = f"  {100 * took / every:4.1f} %  {1e3 * took / updates:9.3f}"
        lines.append(f"{share}          {len(rest)} others")
    return "\n".join(lines)


def memory(state: TrainState, programs: Sequence[Any]) -> str:
    """What lies in memory: the state by its parts, the largest of the programs, all at most.

    Args:
      state: of the run.
      programs: what jax's compiled programs say of their memory; None where they say nothing.
    """
    parts = {
        "parameters": state.params,
        "optimizer": state.opt_state,
        "statistics": state.collections,
        "moving average": state.average,
    }
    sizes = {
        name: sum(leaf.nbytes for leaf in jax.tree.leaves(tree)) for name, tree in parts.items()
    }
    known = [one for one in programs if one is not None]
    if known:
        sizes["inside a step"] = max(one.temp_size_in_bytes for one in known)
    process = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sizes |= {"process at most": process}
    lines = [f"{name:16} {size / 1e6:10.1f} MB" for name, size in sizes.items() if size]
    if of_device := runtime.device_memory()[0]:
        lines.append(f"{'device':16} {1e3 * of_device:10.1f} MB")
    return "\n".join([f"memory   {lines[0]}", *(f"         {line}" for line in lines[1:])])
