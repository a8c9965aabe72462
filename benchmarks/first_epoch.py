"""How long a recipe's first epoch takes, and what of it is compilation.

    python -m benchmarks.first_epoch RECIPE ... [--json FILE] [--config.KEY=VALUE ...]

Every recipe is trained for an epoch by two processes, one behind the other: with an empty
compilation cache, and with what the first one left in it. Seconds count from the start of the
process; a recipe that names no data gets made-up ones.
"""

import argparse
import collections
import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from jaxsign import runtime
from jaxsign.errors import UserError
from jaxsign.screen import Console
from jaxsign.train import log
from jaxsign.whole import write_json

_TRACING = ("/jax/core/compile/jaxpr_trace_duration",
            "/jax/core/compile/jaxpr_to_mlir_module_duration")  # fmt: skip
_COMPILING = "/jax/core/compile/backend_compile_duration"
_LARGE = 0.2  # seconds of a compile from which the cache keeps it


@dataclasses.dataclass(frozen=True)
class FirstEpoch:
    """Seconds of a process.

    Attributes:
      imported: until everything was imported.
      tracing, compiling: spent on it in all threads.
      programs: that took more than a fifth of a second to compile, or to read from the cache.
      step: until the first step's loss was seen, which is some steps later.
      epoch: until the first epoch was written down.
      processor: of all cores, until then.
    """

    imported: float
    tracing: float
    compiling: float
    programs: int
    step: float
    epoch: float
    processor: float


class _Noting(log.TrainingDisplay):
    """Notes when the first step's loss is seen, and ends the process with the first epoch."""

    def __init__(self, begun: float):
        super().__init__(live=False)
        self._since = begun
        self.step_done = self.epoch_done = 0.0

    def step(self, done: int, note: str) -> None:
        self.step_done = self.step_done or time.time() - self._since
        super().step(done, note)

    def end_epoch(self, epoch: int, epochs: int, text: str, *, validated: bool = True) -> None:
        super().end_epoch(epoch, epochs, text, validated=validated)
        self.epoch_done = time.time() - self._since
        raise SystemExit(0)


def train(recipe: str, words: list[str], begun: float, frames: int) -> FirstEpoch:
    """Trains an epoch in this process, which began at `begun` (seconds since 1970)."""
    import jax

    from benchmarks.training_step import with_data
    from jaxsign import config as configs
    from jaxsign.train import loop

    spent: dict[str, list[float]] = collections.defaultdict(list)

    def listen(event: str, duration_secs: float, **_: str | int) -> None:
        spent[event].append(duration_secs)

    jax.monitoring.register_event_duration_secs_listener(listen)
    imported = time.time() - begun
    display = _Noting(begun)
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.suppress(SystemExit):  # the display ends the run after its first epoch
            loop.train(with_data(configs.load(recipe, words), frames), folder, display)
    jax.monitoring.unregister_event_duration_listener(listen)
    return FirstEpoch(
        imported,
        sum(sum(spent[event]) for event in _TRACING),
        sum(spent[_COMPILING]),
        sum(seconds > _LARGE for seconds in spent[_COMPILING]),
        display.step_done,
        display.epoch_done,
        time.process_time(),
    )


def measure(recipe: str, words: Sequence[str], cache: Path, frames: int) -> FirstEpoch:
    """Trains an epoch in a process of its own, with the compilation cache in a folder.

    Raises:
      UserError: it failed; its last words.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found.json"
        command = [sys.executable, "-m", "benchmarks.first_epoch", recipe, *words]
        command += ["--frames", str(frames), "--into", str(found), "--begun", str(time.time())]
        environment = {**os.environ, "JAXSIGN_CACHE": str(cache)}
        environment.pop("JAX_COMPILATION_CACHE_DIR", None)
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode or not found.exists():
            raise UserError(f"{recipe}: {(done.stderr or done.stdout).strip()[-2000:]}")
        return FirstEpoch(**json.loads(found.read_text()))


def table(found: dict[str, dict[str, FirstEpoch]]) -> Table:
    """A row a recipe and cache."""
    made = Table(title=runtime.processor())
    for name in ("recipe", "cache", "import", "trace", "compile", "programs", "first step",
                 "first epoch", "processor"):  # fmt: skip
        made.add_column(name, justify="left" if name in ("recipe", "cache") else "right")
    for recipe, sides in found.items():
        for cache, one in sides.items():
            numbers = [one.imported, one.tracing, one.compiling]
            made.add_row(
                recipe,
                cache,
                *(f"{seconds:.1f} s" for seconds in numbers),
                str(one.programs),
                *(f"{seconds:.1f} s" for seconds in (one.step, one.epoch, one.processor)),
            )
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("recipe", nargs="+", help="FILE or FILE:ARG, as of jaxsign train --config")
    parser.add_argument("--frames", type=int, default=100, help="of made-up clips and videos (100)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to this file")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--begun", type=float, default=0.0, help=argparse.SUPPRESS)
    options, words = parser.parse_known_args(argv)
    runtime.quiet()
    if options.into:
        runtime.reexec_with_kept_memory()
        runtime.compilation_cache()
        (recipe,) = options.recipe
        one = train(recipe, words, options.begun, options.frames)
        write_json(options.into, dataclasses.asdict(one))
        return
    found: dict[str, dict[str, FirstEpoch]] = {}
    try:
        for recipe in options.recipe:
            with tempfile.TemporaryDirectory() as cache:
                found[recipe] = {
                    side: measure(recipe, words, Path(cache), options.frames)
                    for side in ("empty", "filled")
                }
    except UserError as error:
        raise SystemExit(f"error: {error}") from error
    Console(width=120, highlight=False).print(table(found))
    if options.json:
        sides = {k: {c: dataclasses.asdict(one) for c, one in v.items()} for k, v in found.items()}
        write_json(options.json, sides)


if __name__ == "__main__":
    main()
