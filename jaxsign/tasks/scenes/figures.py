"""The picture of an evaluation of scenes: recall by K and constraint, and of every predicate."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxsign import lettering
from jaxsign.whole import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {"with": "#4878a8", "semi": "#e8a33d", "no": "#8a6bb1"}
_MARKS = "^sD"  # of branches beside the first, which answers are made of
_LONGEST = 28  # letters of a label
_CUT = 20  # whose recall is drawn of every predicate


def recalls(
    path: Path,
    complete: Mapping[str, Any],
    predicates: Sequence[Mapping[str, Any]],
    of: str = "K, candidates of a frame",
) -> None:
    """Draws recall over K, and R@20 of every predicate, into a PNG.

    Args:
      path: the PNG to write.
      complete: what was measured.
      predicates: rows of per_predicate.csv; those that never hold are left out.
      of: what K counts.
    """
    from matplotlib.figure import Figure

    rows = sorted((row for row in predicates if row["true"]), key=lambda row: -row["true"])
    height = max(4.2, 1.4 + 0.26 * len(rows))
    letters = lettering.usual()
    with letters.drawn([row["predicate"] for row in rows]):
        figure = Figure(figsize=(12, height), dpi=110, layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.3))
        info = complete["dataset_info"]
        title = f"{complete['mode']}: {info['videos']} videos, {info['frames']:,} frames"
        figure.suptitle(title, x=0.01, ha="left", fontsize=13)
        _by_cut(left, complete, of)
        _by_predicate(right, rows, next(iter(complete["recall"])), letters)
        for axes in (left, right):
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(length=0)
        with whole(path, ending=True) as draft:
            figure.savefig(draft)


def _by_cut(axes: "Axes", complete: Mapping[str, Any], of: str) -> None:
    cuts = [name.partition("@")[2] for name in next(iter(complete["recall"].values()))]
    places = range(len(cuts))
    for name, values in complete["recall"].items():
        shares = [100 * value for value in values.values()]
        means = [100 * value for value in complete["mean_recall"][name].values()]
        axes.plot(places, shares, "o-", color=_COLOURS[name], label=f"R@K, {name}")
        axes.plot(places, means, "o--", color=_COLOURS[name], alpha=0.6, label=f"mR@K, {name}")
    first = next(iter(complete["recall"]))
    for branch, mark in zip([*complete.get("branches", {})][1:], _MARKS, strict=False):
        shares = [100 * value for value in complete["branches"][branch]["recall"][first].values()]
        label = f"R@K, {first}, {branch}"
        axes.plot(places, shares, f"{mark}:", color=_COLOURS[first], alpha=0.6, label=label)
    axes.set_xticks(places, cuts)
    axes.set_ylim(0, 102)
    axes.set_xlabel(f"{of} that count")
    axes.set_ylabel("recall (%)")
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.6)
    axes.legend(fontsize=8, loc="lower right", facecolor="white", edgecolor="none", framealpha=0.8)


def _by_predicate(
    axes: "Axes", rows: Sequence[Mapping[str, Any]], constraint: str, letters: lettering.Lettering
) -> None:
    places = range(len(rows))
    shares = [100 * row[f"R@{_CUT} {constraint}"] for row in rows]
    axes.barh(places, [100] * len(rows), color="#eeeeee", height=0.72)
    axes.barh(places, shares, color=_COLOURS[constraint], height=0.72)
    names = [letters.label(row["predicate"], _LONGEST) for row in rows]
    axes.set_yticks(places, names, fontsize=9)
    for place, row, share in zip(places, rows, shares, strict=True):
        axes.text(101, place, f"{share:.0f} % of {row['true']:,}", va="center", fontsize=8)
    axes.set_xlim(0, 122)
    axes.set_xticks([0, 50, 100])
    axes.invert_yaxis()
    axes.set_xlabel(f"R@{_CUT}, {constraint} constraint (%), most frequent first")
