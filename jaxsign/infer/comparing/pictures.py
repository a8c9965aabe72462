"""The courses of several runs in one picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jaxsign import lettering
from jaxsign.infer.comparing.known_runs import KnownRun
from jaxsign.whole import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(path: Path, runs: Sequence[KnownRun], names: Sequence[str]) -> None:
    """Draws losses and the monitored number over the epochs, a colour a run.

    Args:
      path: of the PNG.
      runs: with at least one epoch each.
      names: of them.
    """
    with lettering.usual().drawn(list(names)):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(13, 4.2), layout="constrained")
        losses, numbers = figure.subplots(1, 2)
        for i, (run, name) in enumerate(zip(runs, names, strict=True)):
            _draw(losses, numbers, run, lettering.usual().label(name, 40), f"C{i % 10}")
        _finish(losses, "loss: training (dashed) and validation")
        monitors = list(dict.fromkeys(run.monitor for run in runs))
        _finish(numbers, f"validation: {', '.join(monitors)}")
        numbers.legend(frameon=False, fontsize=9)
        with whole(path) as draft:
            figure.savefig(draft, format="png", dpi=110)


def _draw(losses: "Axes", numbers: "Axes", run: KnownRun, name: str, colour: str) -> None:
    for column, style in (("train_loss", "--"), ("val_loss", "-")):
        cells = [(int(row["epoch"]), row.get(column, "")) for row in run.so_far.rows]
        points = [(epoch, float(cell)) for epoch, cell in cells if cell]
        _line(losses, points, style, colour, "")
    _line(numbers, run.so_far.course, "-", colour, name)
    if run.so_far.best is not None and run.so_far.course:
        at = run.so_far.epoch, run.so_far.best
        numbers.scatter(*at, color=colour, s=45, zorder=3)


def _line(
    axis: "Axes", points: Sequence[tuple[int, float]], style: str, colour: str, name: str
) -> None:
    if points:
        marker = "." if len(points) < 40 else None
        axis.plot(*zip(*points, strict=True), style, color=colour, marker=marker, label=name)


def _finish(axis: "Axes", title: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_title(title, loc="left", fontsize=11)
    axis.set_xlabel("epoch")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(alpha=0.3)
