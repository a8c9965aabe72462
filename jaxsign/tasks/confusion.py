"""Which classes are taken for which: counted, and as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxsign import lettering
from jaxsign.tasks import naming
from jaxsign.whole import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

# Up to this many classes a cell has room for its count.
_COUNTS_UP_TO = 40
# Beyond this many classes the cells shrink and only every n-th label is shown.
_LABELS_UP_TO = 140
# The palest orange of a mistake: one wrong clip in a large class must still be seen.
_FAINTEST = 0.25
_LONGEST = 28  # letters of a label


def matrix(truth: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The counts int [K, K] (rows true) and the ids int [K] of rows and columns, sorted."""
    ids = np.union1d(truth, predicted)
    counts = np.zeros((len(ids), len(ids)), np.int64)
    np.add.at(counts, (np.searchsorted(ids, truth), np.searchsorted(ids, predicted)), 1)
    return counts, ids


def draw(
    path: Path,
    truth: np.ndarray,
    predicted: np.ndarray,
    *,
    title: str,
    names: Sequence[str] | None = None,
    things: str = "clips",
) -> None:
    """Draws the confusion matrix of one head into a PNG.

    Each row is divided by the number of its true samples: blue cells are the share recognised,
    orange cells the share taken for another class. A class that only occurs as a prediction has
    a grey row.

    Args:
      path: the PNG to write.
      truth: int [N].
      predicted: int [N].
      title: what was classified, e.g. `Gloss`; accuracy and number of clips are added.
      names: label names by id.
      things: what was classified, in the plural.
    """
    counts, ids = matrix(truth, predicted)
    named = [naming.class_name(names, int(i)) for i in ids]
    right = float((truth == predicted).mean())
    plural = "" if len(ids) == 1 else "es"
    title = f"{title}: {right:.1%} of {len(truth):,} {things} right, {len(ids)} class{plural}"
    letters = lettering.usual()
    with letters.drawn(named):
        _draw(path, counts, [letters.label(name, _LONGEST) for name in named], title)


def _draw(path: Path, counts: np.ndarray, labels: Sequence[str], title: str) -> None:
    from matplotlib.figure import Figure

    size = len(labels)
    few = size <= _COUNTS_UP_TO
    cell = 0.62 if size <= 12 else 0.4 if few else 0.19
    side = max(2.4, cell * min(size, _LABELS_UP_TO))
    figure = Figure(figsize=(side, side), dpi=110)
    axes = figure.add_axes((0, 0, 1, 1))
    _cells(axes, counts)
    _ticks(axes, labels, font=9 if few else 7)
    if few:
        _numbers(axes, counts, font=10 if size <= 12 else 8)
    _legend(figure, side)
    axes.set_title(title, fontsize=12 if few else 18, pad=12, loc="left")
    # The matrix fills the figure; the tight box then takes in titles and labels of any length.
    with whole(path) as draft:
        figure.savefig(draft, format="png", bbox_inches="tight", pad_inches=0.2)


def _cells(axes: "Axes", counts: np.ndarray) -> None:
    """Row shares as colours, with thin lines between the cells."""
    from matplotlib.colors import to_rgba

    size = len(counts)
    totals = counts.sum(1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    right, wrong = (colours(shares) for colours in _colour_maps())
    colours = np.where((counts > 0)[..., None], wrong, 1.0)
    colours[range(size), range(size)] = right[range(size), range(size)]
    colours[totals[:, 0] == 0] = to_rgba("#e4e4e4")
    axes.imshow(colours, interpolation="nearest")
    seen = "predicted" if totals.all() else "predicted   (grey row: none is true)"
    axes.set_xlabel(seen, fontsize=11)
    axes.set_ylabel("true", fontsize=11)
    axes.set_xticks(np.arange(-0.5, size), minor=True)
    axes.set_yticks(np.arange(-0.5, size), minor=True)
    if size <= _LABELS_UP_TO:
        axes.grid(which="minor", color="#dedede", linewidth=0.4)
    axes.tick_params(which="minor", length=0)


def _colour_maps() -> tuple["Colormap", "Colormap"]:
    """The colours of the shares recognised and mistaken."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    mistaken = colormaps["Oranges"](np.linspace(_FAINTEST, 1, 256))
    return colormaps["Blues"], ListedColormap(mistaken)


def _legend(figure: "Figure", side: float) -> None:
    """Two colour bars right of the matrix (of `side` inches), of one size on every picture."""
    from matplotlib.cm import ScalarMappable

    height = 1.1
    bars = zip(_colour_maps(), ("recognised", "mistaken"), strict=True)
    for row, (colours, label) in enumerate(bars):
        bottom = side - height - row * (height + 0.2)
        place = (1 + 0.25 / side, bottom / side, 0.16 / side, height / side)
        bar = figure.colorbar(ScalarMappable(cmap=colours), cax=figure.add_axes(place))
        bar.set_label(f"share {label}")
        bar.set_ticks([0, 0.5, 1], labels=["0", "½", "1"])


def _ticks(axes: "Axes", labels: Sequence[str], font: int) -> None:
    step = -(-len(labels) // _LABELS_UP_TO)
    places = range(0, len(labels), step)
    shown = [labels[i] for i in places]
    flat = len(labels) <= 12 and max(map(len, shown)) <= 3
    axes.set_xticks(places, shown, rotation=0 if flat else 90, fontsize=font)
    axes.set_yticks(places, shown, fontsize=font)


def _numbers(axes: "Axes", counts: np.ndarray, font: int) -> None:
    totals = np.maximum(counts.sum(1), 1)
    for row, column in zip(*np.nonzero(counts), strict=True):
        dark = counts[row, column] / totals[row] > 0.55
        axes.text(
            column,
            row,
            str(counts[row, column]),
            ha="center",
            va="center",
            fontsize=font,
            color="white" if dark else "#222222",
        )
