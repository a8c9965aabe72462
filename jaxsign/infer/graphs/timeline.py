"""Objects and relations of a film over its time, as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxsign import lettering
from jaxsign.infer.graphs import counting
from jaxsign.whole import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OBJECTS, _RELATIONS = 12, 24  # most rows, the most frequent
_LONGEST = 44  # letters of a label
_OBJECT = "#3b4656"
_COLOURS = ("#2f6fb3", "#d9822b", "#3c9a5f", "#b4506b", "#7d5fb5")  # of groups


def draw(path: Path, counts: counting.FilmCounts, groups: Sequence[str], title: str) -> None:
    """Draws a row for each of the most frequent objects and relations, darker where surer.

    Args:
      path: the PNG to write.
      counts: of the film.
      groups: names of the groups of predicates.
      title: above it.
    """
    from matplotlib.figure import Figure

    objects = counting.ranked(counts.objects.values())[:_OBJECTS]
    relations = counting.ranked(counts.relations.values())[:_RELATIONS]
    relations.sort(key=lambda one: (groups.index(one.group), -one.frames))
    parts = [("objects", objects, counts.objects), ("relations", relations, counts.relations)]
    rows = [max(len(tallies), 1) for _, tallies, _ in parts]
    letters = lettering.usual()
    names = [one.name.replace("_", " ") for one in counts.tallies]
    with letters.drawn([title, *names, *groups]):
        figure = Figure(figsize=(13, 2.2 + 0.27 * sum(rows)), dpi=110, layout="constrained")
        figure.suptitle(letters.label(title, 110), x=0.01, ha="left", fontsize=13)
        axes = figure.subplots(2, 1, sharex=True, height_ratios=rows)
        for place, (what, tallies, every) in zip(axes, parts, strict=True):
            _rows(place, counts, tallies, groups)
            more = f", {len(tallies)} of {len(every)}" if len(every) > len(tallies) else ""
            place.set_title(f"{what}{more}", loc="left", fontsize=10)
        axes[-1].set_xlabel("seconds" if counts.timed else "frames")
        _legend(axes[-1], relations, groups)
        with whole(path, ending=True) as draft:
            figure.savefig(draft)


def _rows(
    axes: "Axes",
    counts: counting.FilmCounts,
    tallies: Sequence[counting.Tally],
    groups: Sequence[str],
) -> None:
    """A band for each: as opaque in a span of time as it was sure there."""
    from matplotlib.colors import to_rgb

    edges, table = counts.edges(), counts.table(tallies)
    image = np.ones((max(len(tallies), 1), table.shape[1], 3))
    for row, tally in enumerate(tallies):
        colour = np.array(to_rgb(_colour(tally, groups)))
        # What was seen at all stays visible.
        depth = np.where(table[row] > 0, 0.15 + 0.85 * table[row], 0)[:, None]
        image[row] = 1 - depth * (1 - colour)
    axes.pcolormesh(edges, np.arange(len(image) + 1), image)
    axes.hlines(np.arange(1, len(image)), edges[0], edges[-1], color="white", linewidth=4)
    labels = lettering.usual()
    told = [labels.label(one.name.replace("_", " "), _LONGEST) for one in tallies] or ["none"]
    axes.set_yticks(np.arange(len(told)) + 0.5, told, fontsize=9)
    axes.set_ylim(len(told), 0)
    axes.set_xlim(edges[0], edges[-1])
    for row, tally in enumerate(tallies):
        text = f" {counting.share(tally, counts)}"
        axes.text(edges[-1], row + 0.5, text, va="center", fontsize=8, color="#555555")
    axes.grid(axis="x", color="#e2e2e2", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0)


def _colour(tally: counting.Tally, groups: Sequence[str]) -> str:
    return _COLOURS[groups.index(tally.group) % len(_COLOURS)] if tally.group else _OBJECT


def _legend(axes: "Axes", relations: Sequence[counting.Tally], groups: Sequence[str]) -> None:
    from matplotlib.patches import Patch

    seen = dict.fromkeys((one.group, _colour(one, groups)) for one in relations)
    labels = lettering.usual()
    handles = [Patch(color=colour, label=labels.label(name)) for name, colour in seen]
    if handles:
        # On the upper edge: above the rows, however few there are.
        axes.legend(handles=handles, fontsize=8, ncols=5, frameon=False, loc="lower right",
                    bbox_to_anchor=(1, 1), borderaxespad=0)  # fmt: skip
