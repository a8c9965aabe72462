"""What a recipe's training step spends its time on, from XLA's own trace.

    python -m benchmarks.profile RECIPE [--frames N] [--json FILE] [--config.KEY=VALUE ...]

The first stage's step on one device, on a batch of the recipe's data, or of made-up ones where it
names none. Steps follow each other as in training; those that are timed are not traced.
"""

import argparse
import dataclasses
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from rich.table import Table

from benchmarks import hlo, shares, timing
from benchmarks.training_step import TrainingStep
from jaxsign import runtime
from jaxsign.errors import UserError
from jaxsign.screen import Console
from jaxsign.train import traces

_SLOWEST = 8
_WARMING = 5  # steps: memory that a process takes anew is slow for some


@dataclasses.dataclass(frozen=True)
class Profile:
    """Of a training step.

    Attributes:
      recipe: its name and what was changed of it.
      shape: of the net's first input.
      seconds: of a step, without a trace.
      traced: of a step in the trace, by kind of work.
      gflop: of a step's products and convolutions, in 1e9 operations.
      peak: GFLOP/s of the best float32 product.
      slowest: (kind, path, seconds of a step) of what is no product.
    """

    recipe: str
    shape: Sequence[int]
    seconds: float
    traced: dict[str, float]
    gflop: float
    peak: float
    slowest: Sequence[tuple[str, str, float]]

    @property
    def shares(self) -> dict[str, float]:
        """Of the traced time; together 1."""
        whole = sum(self.traced.values())
        return {kind: seconds / whole for kind, seconds in self.traced.items()}

    @property
    def of_peak(self) -> float:
        """The step's operations a second, as a share of the machine's best."""
        return self.gflop / self.seconds / self.peak

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**dataclasses.asdict(self), "shares": self.shares, "of_peak": self.of_peak}


def profile(recipe: str, words: list[str], *, frames: int, steps: int, peak: float) -> Profile:
    """Compiles, times and traces a recipe's step."""
    step = TrainingStep(recipe, words, frames)
    step.run(_WARMING)
    seconds = []
    for _ in range(steps):
        start = time.perf_counter()
        step.run(1)
        seconds.append(time.perf_counter() - start)
    events = _traced(step, steps)
    program = hlo.Program(step.text)
    spent = shares.by_kind(events, program)
    return Profile(
        recipe=" ".join([recipe, *words]),
        shape=step.shape,
        seconds=float(np.median(seconds)),
        traced={kind: value / steps for kind, value in spent.items()},
        gflop=shares.operations(events, program) / steps / 1e9,
        peak=peak / 1e9,
        slowest=[
            (kind, path, value / steps) for kind, path, value in shares.slowest(events, program)
        ][:_SLOWEST],
    )


def _traced(step: TrainingStep, steps: int) -> list[traces.TraceEvent]:
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    with tempfile.TemporaryDirectory() as folder:
        jax.profiler.start_trace(folder, profiler_options=options)
        try:
            step.run(steps)
        finally:
            jax.profiler.stop_trace()
        return traces.events(traces.newest(Path(folder)), {step.module})


def show(found: Profile) -> None:
    """Prints the tables."""
    console, step = Console(width=120, highlight=False), sum(found.traced.values())
    console.print(
        f"{found.recipe}: input {' x '.join(map(str, found.shape))}; {1e3 * found.seconds:.1f} ms "
        f"a step ({1e3 * step:.1f} ms in the trace), {found.gflop:.1f} GFLOP: {found.of_peak:.0%} "
        f"of {found.peak:.0f} GFLOP/s"
    )
    table = Table("work", "share", "ms a step")
    for kind, share in sorted(found.shares.items(), key=lambda row: -row[1]):
        table.add_row(kind, f"{share:.1%}", f"{1e3 * found.traced[kind]:.1f}")
    console.print(table)
    slow = Table("no product, all threads", "work", "ms a step")
    for kind, path, seconds in found.slowest:
        slow.add_row(path, kind, f"{1e3 * seconds:.1f}")
    console.print(slow)


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description="Shares of a training step, from XLA's trace.", allow_abbrev=False
    )
    parser.add_argument("recipe", help="FILE or FILE:ARG, as of jaxsign train --config")
    parser.add_argument("--frames", type=int, default=100, help="of made-up clips and videos (100)")
    parser.add_argument("--steps", type=int, default=10, help="timed, and traced (10)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to this file")
    options, words = parser.parse_known_args(argv)
    if argv is None:
        runtime.reexec_with_kept_memory()
    runtime.quiet()
    runtime.compilation_cache()
    # Else a program may come back that was compiled where paths and scopes were others.
    jax.config.update("jax_compilation_cache_include_metadata_in_key", True)
    try:
        found = profile(
            options.recipe,
            words,
            frames=options.frames,
            steps=options.steps,
            peak=timing.matmul_peak(),
        )
    except UserError as error:
        raise SystemExit(f"error: {error}") from error
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found.as_dict(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
