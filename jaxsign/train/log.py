"""What a person sees while a run goes on: progress, TensorBoard, the picture of its history."""

import contextlib
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from jaxsign import lettering
from jaxsign.input.folders import progress
from jaxsign.screen import Console
from jaxsign.tasks import measures
from jaxsign.train import records
from jaxsign.whole import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOG = logging.getLogger("jaxsign")
_SHORT = 10.0  # seconds of a first epoch whose length says nothing of the next
_SILENT = 60.0  # seconds of an epoch after which something is said, where there is no bar
_SPREAD = 100_000  # numbers of an array that a histogram is made of


class TrainingDisplay:
    """Progress with ETA on a terminal; one plain line an epoch elsewhere."""

    def __init__(
        self,
        *,
        live: bool = True,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.console = console or Console(highlight=False)
        self._clock = clock
        self._live = live and self.console.is_terminal
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._times: list[float] = []
        self._begun = self._waited = 0.0
        self._told = -math.inf  # when the last line of an epoch was printed

    def say(self, text: str) -> None:
        """Prints a line above the bar."""
        self.console.print(text, markup=False, soft_wrap=True)

    def start_epoch(self, epoch: int, epochs: int, steps: int, done: int) -> None:
        """Opens the bar of an epoch; both counts from 1."""
        self._begun = self._spoken = self._clock()
        self._waited, self._name = 0.0, f"{epoch}/{epochs}"
        self._left, self._steps, self._first = epochs - epoch, steps, done
        if not self._live:
            return
        columns = (
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left {task.fields[left]}"),
            TextColumn("{task.fields[note]}"),
        )
        self._bar = Progress(*columns, console=self.console, transient=True)
        self._task = self._bar.add_task(
            "", total=steps, completed=done, epoch=self._name, note="", left="-:--"
        )
        self._bar.start()

    def step(self, done: int, note: str) -> None:
        """Moves the bar; without one says after every minute how far the epoch is."""
        if done == self._first:
            return
        seconds = self._seconds() / (done - self._first) * (self._steps - done)
        left = progress.duration(seconds)
        if self._bar is not None:
            self._bar.update(self._task, completed=done, note=note, left=left)
        elif self._clock() - self._spoken > _SILENT:
            self._spoken = self._clock()
            self.say(
                f"epoch {self._name}  step {done}/{self._steps}  {note}  its steps left {left}"
            )

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Around what comes once, such as a compile: no estimate counts its time."""
        begun = self._clock()
        try:
            yield
        finally:
            self._waited += self._clock() - begun

    def _seconds(self) -> float:
        """Of the epoch at hand."""
        return self._clock() - self._begun - self._waited

    def end_epoch(self, epoch: int, epochs: int, text: str, *, validated: bool = True) -> None:
        """Closes the bar and prints the epoch's line with the time that the rest will take.

        None of an epoch that was not `validated`, if the last line is younger than a second.
        """
        self.close()
        if not self._first:  # of one that was begun earlier only a part is known
            self._times.append(self._seconds())
        if not validated and self._clock() - self._told < 1.0:
            return
        self._told = self._clock()
        # The first epoch compiles what is small, too: a short one tells little of the others.
        recent = sorted(self._times[1:][-5:] or self._times)
        each = recent[len(recent) // 2] if recent else 0.0
        known = self._left and (len(self._times) > 1 or each > _SHORT)
        eta = f"  left {progress.duration(each * self._left)}" if known else ""
        width = len(str(epochs))
        self.say(f"epoch {epoch:{width}d}/{epochs}  {text}{eta}")

    def close(self) -> None:
        """Removes the bar, if there is one."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class TensorBoard:
    """Scalars for TensorBoard, as tensorboardX lays them out.

    Does nothing when switched off, and after a write that failed: training goes on without it.
    """

    def __init__(self, folder: Path, enabled: bool, step: int):
        self._folder = folder
        self._file: Any = None  # a writer of tensorboardX, which is imported late
        if enabled:
            with self._guarded():
                from tensorboardX import event_file_writer

                folder.mkdir(parents=True, exist_ok=True)
                self._file = event_file_writer.EventsWriter(str(folder / "events"))
        if step:  # what a killed run wrote past its checkpoint is to be forgotten
            self._write(step + 1, file_version="brain.Event:2")
            self._write(step + 1, session_log={"status": "START"})

    def scalars(self, values: dict[str, float], step: int) -> None:
        """Writes `values` at `step`."""
        if self._file is not None:
            from tensorboardX import summary

            for name, value in values.items():
                self._write(step, summary=summary.scalar(name, value))

    def histograms(self, values: Mapping[str, np.ndarray], step: int) -> None:
        """Writes how the numbers of arrays are spread, those that are finite.

        Of a large array every n-th counts, some 100,000 of them.
        """
        if self._file is not None:
            from tensorboardX import summary

            for name, array in values.items():
                some = np.ravel(array)[:: 1 + array.size // _SPREAD].astype(np.float64)
                some = some[np.isfinite(some)]
                if some.size:
                    self._write(step, summary=summary.histogram(name, some, bins=64))

    def _write(self, step: int, **content: object) -> None:
        if self._file is not None:
            from tensorboardX.proto import event_pb2

            with self._guarded():
                event = event_pb2.Event(step=step, wall_time=time.time(), **content)
                self._file.write_event(event)

    def flush(self) -> None:
        """Makes what was written visible."""
        if self._file is not None:
            with self._guarded():
                self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            with self._guarded():
                self._file.close()
        self._file = None

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            _LOG.warning(
                "%s: cannot be written (%s): this run's curves end here. Everything else goes on.",
                self._folder, error.strerror or error,
            )  # fmt: skip
            file, self._file = self._file, None
            if file is not None:
                # Closed for good, though what it still holds cannot be written.
                with contextlib.suppress(OSError):
                    file.close()


_LOSSES = measures.Panel("loss", {"train_loss": "training", "val_loss": "validation"})
_RATE = measures.Panel("learning rate of the next epoch", {"lr": ""})


def draw_history(
    rows: Sequence[measures.Row], path: Path, title: str, quality: measures.Panel
) -> None:
    """Draws losses, the task's own panel and the learning rate over the epochs into a PNG."""
    stages = {str(row.get("stage", "")) for row in rows}
    with lettering.usual().drawn([title, *stages]):
        _draw_history(rows, path, lettering.usual().label(title), quality)


def _draw_history(
    rows: Sequence[measures.Row], path: Path, title: str, quality: measures.Panel
) -> None:
    from matplotlib.figure import Figure

    # Fixed margins: finding them ("constrained") takes as long as the drawing.
    margins = {"left": 0.045, "right": 0.99, "bottom": 0.13, "top": 0.8, "wspace": 0.2}
    figure = Figure(figsize=(13, 4))
    axes = figure.subplots(1, 3, gridspec_kw=margins)
    for axis, panel in zip(axes, (_LOSSES, quality, _RATE), strict=True):
        _draw(axis, rows, panel)
    if all(measures.number_in(row, "lr") > 0 for row in rows):
        from matplotlib.ticker import LogFormatter

        axes[2].set_yscale("log")
        # Plain numbers: the usual powers are formulas, which are off so that $ is a dollar.
        for of in (axes[2].yaxis.set_major_formatter, axes[2].yaxis.set_minor_formatter):
            of(LogFormatter())
    _mark_stages(axes, rows)
    _mark_best(axes[1], rows, quality)
    figure.suptitle(title, x=margins["left"], y=0.96, ha="left")
    with whole(path) as draft:
        figure.savefig(draft, format="png", dpi=110)


def _draw(axis: "Axes", rows: Sequence[measures.Row], panel: measures.Panel) -> None:
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    epochs = [measures.number_in(row, "epoch") for row in rows]
    for key, label in panel.curves.items():
        # Epochs without a validation are passed over; what a stage does not have is a gap.
        points = [
            (epoch, measures.number_in(row, key))
            for epoch, row in zip(epochs, rows, strict=True)
            if row.get(key) != ""
        ]
        axis.plot(
            *zip(*points, strict=True) if points else ((), ()),
            label=label,
            marker="." if len(rows) < 40 else None,
        )
    axis.set_title(panel.title)
    axis.set_xlabel("epoch")
    axis.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.3)
    if panel.percent:
        axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    if any(panel.curves.values()):
        axis.legend(frameon=False)


def _mark_stages(axes: "Sequence[Axes]", rows: Sequence[measures.Row]) -> None:
    """A line where a stage begins, with its name."""
    first, last = (measures.number_in(rows[i], "epoch") for i in (0, -1))
    for before, row in zip(rows, rows[1:], strict=False):
        if before.get("stage") == row.get("stage"):
            continue
        at = measures.number_in(row, "epoch") - 0.5
        name = lettering.usual().label(str(row["stage"]))
        # Near the right edge the name stands on the line's left: there is room for it.
        late = at > first + 0.8 * (last - first)
        for axis in axes:
            axis.axvline(at, color="dimgrey", linewidth=1.2, linestyle="--")
            axis.annotate(
                name, (at, 0.97), xycoords=("data", "axes fraction"), va="top",
                xytext=(-4 if late else 4, 0), textcoords="offset points",
                ha="right" if late else "left", fontsize=9, color="black",
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
            )  # fmt: skip


def _loss_of(row: measures.Row) -> float:
    """Of the validation; infinite where none was made."""
    return math.inf if row["val_loss"] == "" else measures.number_in(row, "val_loss")


def _mark_best(axis: "Axes", rows: Sequence[measures.Row], panel: measures.Panel) -> None:
    key, label = next(iter(panel.curves.items()))
    known = [row for row in rows if row[key] != ""]
    if not known:
        return
    sign, best = -1 if panel.better == "min" else 1, records.Best()
    for row in known:
        value = measures.number_in(row, key)
        best.observe(int(measures.number_in(row, "epoch")), sign * value, _loss_of(row))
    assert best.score is not None
    value = sign * best.score
    axis.set_ylim(0, None if max(measures.number_in(row, key) for row in known) > 1 else 1.02)
    axis.axhline(value, color="grey", linewidth=0.8, linestyle=":")
    shown = f"{100 * value:.1f} %" if panel.percent else f"{label}: {value:.3f}"
    axis.set_title(f"{panel.title}\nbest {shown} (epoch {best.epoch})")
