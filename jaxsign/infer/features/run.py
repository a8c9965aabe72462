"""A run of `jaxsign features` from its options to its last line, with progress."""

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from jaxsign import runtime
from jaxsign.infer.features import folder as features_folder
from jaxsign.infer.features import images as features
from jaxsign.infer.features import inputs as features_inputs
from jaxsign.infer.features.folder import Job, Plan
from jaxsign.input.signs.extract import locking
from jaxsign.input.signs.extract.settings import Settings


def run(
    target: Path,
    weights: str | Path,
    out: Path,
    *,
    settings: Settings,
    keypoints: Path | None = None,
    keep_partial: bool = False,
    batch_size: int | None = None,
    overwrite: bool = False,
    console: Console | None = None,
) -> list[Job]:
    """Computes what is not there yet; returns the jobs that failed.

    Raises:
      UserError: no input, no weights, or results of other options in `out`.
    """
    console = console or Console(highlight=False)
    jobs = [Job(name, path) for name, path in features_inputs.find(target, out).items()]
    net, variables = features.load_backbone(weights)
    plan = Plan(
        out=out,
        settings=settings,
        net={
            "net": "inception_v3",
            "transform_input": net.transform_input,
            "weights_sha256": features.fingerprint(variables),
        },
        keep_partial=keep_partial,
        threads=runtime.available_cores(),
    )
    if keypoints is not None:
        features_folder.join(jobs, keypoints)
    with locking.alone(out):
        todo = jobs if overwrite else features_folder.left_to_do(jobs, plan)
        display = _Display(todo, console)
        if len(todo) < len(jobs):
            display.say(f"{len(jobs) - len(todo)} done already, {len(todo)} to do")
        for job in todo:
            if job.reason:
                display.end(job)
        fit = [job for job in todo if not job.reason]
        if fit:
            display.say(f"compiling InceptionV3 for {runtime.describe_devices()}")
            extractor = features.Extractor(net, variables, batch_size or _usual_batch())
            with display:
                features_folder.work_off(
                    fit, extractor, plan, on_frame=display.advance, on_end=display.end
                )
    failed = [job for job in jobs if job.reason]
    display.sum_up(len(todo) - len(failed), len(failed), out)
    return failed


def _usual_batch() -> int:
    import jax

    return 8 if jax.default_backend() == "cpu" else 64


class _Display:
    """A bar with the time left on a terminal; elsewhere a line an input. Failures always."""

    def __init__(self, jobs: Sequence[Job], console: Console):
        self._console, self._count = console, len(jobs)
        self._ended = self._frames = 0
        self._begun = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.fields[note]}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=max(1, len(jobs)), note="")

    def __enter__(self) -> "_Display":
        self._begun = time.monotonic()
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._seconds = time.monotonic() - self._begun
        self._bar.stop()

    def say(self, text: str) -> None:
        """Prints a line above the bar."""
        self._console.print(text, markup=False, soft_wrap=True)

    def advance(self, job: Job, share: float) -> None:
        """A frame of `job` was read; `share` of it is done."""
        self._frames += 1
        rate = self._frames / max(1e-3, time.monotonic() - self._begun)
        self._bar.update(
            self._task,
            completed=self._ended + share,
            note=f"{self._ended}/{self._count}  {job.name}  {rate:.0f} frames/s",
        )

    def end(self, job: Job) -> None:
        """`job` was written or failed."""
        self._ended += 1
        if job.reason:
            self.say(f"failed: {job.reason}")
        elif not self._console.is_terminal:
            self.say(f"[{self._ended}/{self._count}] {job.name}: {len(job.times)} frames")

    def sum_up(self, written: int, failed: int, out: Path) -> None:
        """The last line."""
        text = f"{out}: {written} written, {failed} failed"
        if self._frames:
            each = 1e3 * self._seconds / self._frames
            text += f"; {self._frames:,} frames, {each:.0f} ms each"
        self.say(text)
