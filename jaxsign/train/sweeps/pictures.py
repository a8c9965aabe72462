"""The picture of a sweep: results in the order of the trials, and by the values of every key."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxsign import lettering
from jaxsign.tasks import measures
from jaxsign.train.sweeps import trials
from jaxsign.train.sweeps.trials import Trial
from jaxsign.whole import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FILE = "sweep.png"
_ACROSS = 3  # panels in a row
_MOST_WORDS = 12  # values of a key that are told by name on its axis
_FEW = 5  # so many different numbers stand side by side, as names do
_LOG_FROM = 20.0  # ratio of the largest to the smallest value from which an axis is logarithmic
_GREY, _BEST, _COLOURS = "#9a9a9a", "#c8102e", "viridis"


def draw(path: Path, known: Sequence[Trial], number: measures.Number) -> None:
    """Draws the trials that have ended; those that failed stand at the lower edge.

    Args:
      path: of the PNG.
      known: trials, by number.
      number: the monitor.
    """
    keys = list(dict.fromkeys(key for trial in known for key in trial.values))
    words = [str(trial.values.get(key, "")) for trial in known for key in keys]
    with lettering.usual().drawn([*keys, *words]):
        figure = _figure(known, keys, number)
        with whole(path) as draft:
            figure.savefig(draft, format="png", dpi=110, bbox_inches="tight", pad_inches=0.15)


def _figure(known: Sequence[Trial], keys: list[str], number: measures.Number) -> "Figure":
    from matplotlib.figure import Figure

    rows = 1 + math.ceil(len(keys) / _ACROSS)
    figure = Figure(figsize=(11, 3.1 * rows), layout="constrained")
    grid = figure.add_gridspec(rows, _ACROSS)
    first = figure.add_subplot(grid[0, :])
    _over_time(first, known, number)
    best = trials.ranked(list(known), number.better)[:1]
    for place, key in enumerate(keys):
        axis = figure.add_subplot(grid[1 + place // _ACROSS, place % _ACROSS], sharey=first)
        _by_key(axis, known, key, best)
        if place % _ACROSS == 0:
            axis.set_ylabel(number.words)
    return figure


def _over_time(axis: "Axes", known: Sequence[Trial], number: measures.Number) -> None:
    """Result after result, and the best so far."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    done = [t for t in known if t.state == trials.DONE and trials.is_number(t.result)]
    pruned = [t for t in known if t.state == trials.PRUNED and trials.is_number(t.result)]
    failed = [t for t in known if t.state == trials.FAILED]
    if done:
        values = [t.result or 0.0 for t in done]
        so_far = (np.maximum if number.better == "max" else np.minimum).accumulate(values)
        numbers = [t.number for t in done]
        last = max(t.number for t in known)
        axis.step(
            [*numbers, last], [*so_far, so_far[-1]], where="post", color=_BEST, linewidth=1.4,
            label="best so far",
        )  # fmt: skip
        axis.scatter(numbers, values, c=numbers, cmap=_COLOURS, zorder=3, label="ended")
        best = trials.ranked(done, number.better)[0]
        axis.set_title(
            f"{number.words}: best {number.shown(best.result or 0.0)} ({best.name})", loc="left"
        )
    _crosses(axis, [(t.number, t.result) for t in pruned], "x", "pruned")
    _at_edge(axis, [t.number for t in failed], "failed")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlim(0.5, max(t.number for t in known) + 0.5)
    if number.percent:
        axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axis.set_xlabel("trial")
    axis.set_ylabel(number.words)
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, loc="best", ncols=4, fontsize=9)


def _by_key(axis: "Axes", known: Sequence[Trial], key: str, best: Sequence[Trial]) -> None:
    """Results over the values of a key; later trials are lighter."""
    at = _places(axis, known, key)
    ended = [t for t in known if t.state == trials.DONE]
    done = [(t, t.result) for t in ended if trials.is_number(t.result)]
    axis.scatter(
        [at(t) for t, _ in done], [result for _, result in done],
        c=[t.number for t, _ in done], cmap=_COLOURS, zorder=3,
    )  # fmt: skip
    pruned = [t for t in known if t.state == trials.PRUNED and trials.is_number(t.result)]
    _crosses(axis, [(at(t), t.result) for t in pruned], "x", "")
    failed = [t for t in known if t.state == trials.FAILED]
    _at_edge(axis, [at(t) for t in failed], "")
    for one, result in ((one, one.result) for one in best if trials.is_number(one.result)):
        axis.scatter(
            [at(one)], [result], s=150, facecolors="none",
            edgecolors=_BEST, linewidths=1.6, zorder=4,
        )  # fmt: skip
    axis.set_xlabel(lettering.usual().label(key, 60))
    axis.grid(alpha=0.3)


def _crosses(
    axis: "Axes", points: Sequence[tuple[float, float | None]], mark: str, name: str
) -> None:
    if points:
        axis.scatter(*zip(*points, strict=True), marker=mark, color=_GREY, label=name or None)


def _at_edge(axis: "Axes", places: Sequence[float], name: str) -> None:
    """Trials without a result, as triangles at the lower edge."""
    if places:
        axis.scatter(
            places, [0.03] * len(places), marker="v", color=_BEST, alpha=0.6, clip_on=False,
            transform=axis.get_xaxis_transform(), label=name or None,
        )  # fmt: skip


def _places(axis: "Axes", known: Sequence[Trial], key: str) -> Callable[[Trial], float]:
    """Where trials lie on the axis of a key.

    Many numbers as they are; all other values side by side by name, those of one value spread a
    little, that they do not hide each other.
    """
    values = [trial.values.get(key) for trial in known]
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == len(values) and len(set(numbers)) > _FEW:
        low, high = min(numbers), max(numbers)
        if low > 0 and high / low >= _LOG_FROM:
            from matplotlib.ticker import LogFormatter

            axis.set_xscale("log")
            for of in (axis.xaxis.set_major_formatter, axis.xaxis.set_minor_formatter):
                of(LogFormatter(minor_thresholds=(1, 0.4)))
        of_trial = {trial.number: float(n) for trial, n in zip(known, numbers, strict=True)}
        return lambda trial: of_trial[trial.number]
    in_order = sorted(set(numbers)) if len(numbers) == len(values) else values
    names = list(dict.fromkeys(map(str, in_order)))
    shown = names[:_MOST_WORDS]
    axis.set_xticks(
        range(len(shown)), [lettering.usual().label(name, 14) for name in shown],
        rotation=20 if len(shown) > 4 else 0,
    )  # fmt: skip
    axis.set_xlim(-0.5, len(names) - 0.5)
    return lambda t: names.index(str(t.values.get(key))) + 0.06 * (t.number % 5 - 2)
