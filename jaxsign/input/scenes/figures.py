"""Pictures of scenes: counts of a folder, and frames of a video with boxes and relations."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from jaxsign import lettering
from jaxsign.errors import UserError
from jaxsign.input import lookup, pictures
from jaxsign.input.scenes.collection import SceneCollection
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.statistics import SceneStatistics
from jaxsign.input.signs.inspecting import facts
from jaxsign.whole import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours of groups, and of the classes of a video's boxes.
_COLOURS = ("#4878a8", "#e08a2e", "#4f9d69", "#b4506b", "#8a6bb1", "#7a7a52", "#3aa6a6", "#a0522d")
_SHOWN = 30  # bars of a panel, the commonest
_LONGEST = 24  # letters of a label
_LINES = 6  # pairs that stand under a frame
_WIDE, _GAP, _TITLE, _TEXT = 4.0, 0.15, 0.35, 1.05  # inches of a frame, and of what is around it


def overview(path: Path, found: SceneStatistics) -> None:
    """Draws how often classes and predicates occur, and how large videos and frames are.

    Raises:
      UserError: the name does not end with .png.
    """
    from matplotlib.figure import Figure

    _check(path)
    objects = [(name, n, 0) for name, n in found.objects.items() if n]
    relations = [
        (name, n, number)
        for number, counts in enumerate(found.relations.values())
        for name, n in counts.items()
        if n
    ]
    columns = [("boxes of each class", objects), ("pairs of each predicate", relations)]
    bars = min(max(len(objects), len(relations), 8), _SHOWN)
    title = f"{Path(found.path).name}: {len(found.frames):,} videos, {sum(found.frames):,} frames"
    letters = lettering.usual()
    with letters.drawn([title, *(row[0] for row in objects + relations), *found.relations]):
        figure = Figure(figsize=(13, 1.8 + 0.23 * bars), dpi=110, layout="constrained")
        figure.suptitle(letters.label(title), x=0.01, ha="left", fontsize=13)
        grid = figure.add_gridspec(3, 3, width_ratios=(1.2, 1.2, 1))
        for column, (what, rows) in enumerate(columns):
            _bars(figure.add_subplot(grid[:, column]), what, rows, bars)
        if len(found.relations) > 1:
            _legend(figure.axes[1], list(found.relations))
        sides = {"frames a video": found.frames, "boxes a frame": found.boxes}
        sides["pairs a frame"] = found.pairs
        for row, (what, values) in enumerate(sides.items()):
            _histogram(figure.add_subplot(grid[row, 2]), what, np.asarray(values))
        with whole(path, ending=True) as draft:
            figure.savefig(draft)


def strip(path: Path, collection: SceneCollection, count: int) -> None:
    """Draws frames of a collection's only video, evenly spread, over its pictures where they are.

    Raises:
      UserError: the name does not end with .png.
    """
    from matplotlib.figure import Figure

    _check(path)
    scene, name = collection.videos[0].read(), collection.videos[0].name
    chosen = facts.spread(len(scene), count)
    columns = min(len(chosen), 4)
    there = lookup.Lookup(collection.pictures) if collection.pictures else None
    rows = -(-len(chosen) // columns)
    words = scene.vocabulary
    letters = lettering.usual()
    with letters.drawn([*words.objects, *words.predicates, *scene.frames, name]):
        tall = _WIDE * float(min(np.max(scene.image_sizes[:, 1] / scene.image_sizes[:, 0]), 1.5))
        cell = tall + _TITLE + _TEXT
        width, height = columns * (_WIDE + _GAP) + _GAP, rows * cell + _TITLE
        figure = Figure(figsize=(width, height), dpi=100)
        title = f"{name}: {len(chosen)} of {len(scene)} frames"
        figure.text(_GAP / width, 1 - 0.25 / height, letters.label(title), fontsize=13, va="center")
        for place, frame in enumerate(chosen):
            row, column = divmod(place, columns)
            left, top = _GAP + column * (_WIDE + _GAP), _TITLE + row * cell + _TITLE
            corner = left / width, 1 - (top + tall) / height
            axes = figure.add_axes((*corner, _WIDE / width, tall / height))
            _frame(axes, scene, frame, there)
        with whole(path, ending=True) as draft:
            figure.savefig(draft)


def _check(path: Path) -> None:
    if path.suffix.lower() != ".png":
        raise UserError(f"{path}: the picture's name must end with .png")


def _bars(axes: "Axes", title: str, rows: Sequence[tuple[str, int, int]], most: int) -> None:
    """Bars (name, how often, number of its colour), the commonest first."""
    ranked = sorted(rows, key=lambda row: -row[1])
    shown = ranked[:_SHOWN]
    places = np.arange(len(shown))
    axes.barh(places, [n for _, n, _ in shown], 0.72, color=[_colour(c) for *_, c in shown])
    labels = lettering.usual()
    axes.set_yticks(places, [labels.label(name, _LONGEST) for name, *_ in shown], fontsize=9)
    axes.set_ylim(most - 0.4, -0.6)
    top = max([n for _, n, _ in shown], default=1)
    for place, (_, n, _) in zip(places, shown, strict=True):
        axes.text(n + 0.01 * top, float(place), f"{n:,}", va="center", fontsize=8, color="#444444")
    axes.set_xlim(0, 1.14 * top)
    axes.set_xticks([])
    rest = f" ({len(shown)} of {len(ranked)})" if len(shown) < len(ranked) else ""
    _plain(axes, title + rest)
    axes.spines["bottom"].set_visible(False)


def _legend(axes: "Axes", groups: Sequence[str]) -> None:
    from matplotlib.patches import Patch

    axes.legend(
        handles=[
            Patch(color=_colour(number), label=lettering.usual().label(name, _LONGEST))
            for number, name in enumerate(groups)
        ],
        loc="lower right",
        frameon=False,
        fontsize=9,
    )


def _histogram(axes: "Axes", title: str, values: np.ndarray) -> None:
    width = max(1, -(-int(np.ptp(values) + 1) // 30))
    edges = np.arange(values.min(), values.max() + width + 1, width) - 0.5
    axes.hist(values, bins=edges.tolist(), color=_colour(0), edgecolor="white", linewidth=0.6)
    axes.locator_params(axis="x", integer=True)
    axes.locator_params(axis="y", integer=True, nbins=4)
    if np.ptp(values) < 4:
        axes.set_xlim(max(values.min() - 3, -0.5), values.max() + 3)
    _plain(axes, f"{title} (median {np.median(values):g})")
    axes.tick_params(labelsize=8)


def _plain(axes: "Axes", title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0)


def _frame(axes: "Axes", scene: Scene, frame: int, there: lookup.Lookup | None) -> None:
    """A frame's boxes by the colour of their classes; lines join the pairs that are labelled."""
    from matplotlib.patches import Rectangle

    width, height = scene.image_sizes[frame].tolist()
    image = _image(there.path(scene.frames[frame])) if there else None
    if image is not None:
        axes.imshow(image, extent=(0, width, height, 0), alpha=0.75)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("equal", anchor="NW")
    axes.set_xticks([])
    axes.set_yticks([])
    names = _names(scene, frame)
    for box, name in names.items():
        x1, y1, x2, y2 = scene.boxes[box].tolist()
        colour = _colour(int(scene.labels[box]) - 1)
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, ec=colour, lw=1.8))
        axes.text(
            max(x1, 0), max(y1, 0), name, color="white", fontsize=8, va="top", clip_on=True,
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip
    chosen = np.flatnonzero((scene.pair_frames == frame) & scene.labelled)
    centres = (scene.boxes[:, :2] + scene.boxes[:, 2:]) / 2
    for subject, other in scene.pairs[chosen]:
        line = {"arrowstyle": "-|>", "color": "#333333", "lw": 0.8, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", centres[other], centres[subject], arrowprops=line)
    title = lettering.usual().label(Path(scene.frames[frame]).name, _LONGEST)
    time = "" if scene.times is None else f", {scene.times[frame]:.2f} s"
    axes.set_title(f"{title}{time}", fontsize=9, loc="left", pad=3)
    axes.text(
        0, -0.02, _relations(scene, chosen, names), transform=axes.transAxes, fontsize=8, va="top"
    )


def _names(scene: Scene, frame: int) -> dict[int, str]:
    """What to call the boxes of a frame: by class, the second of one with its number."""
    seen: Counter[str] = Counter()
    found = {}
    for box in np.flatnonzero(scene.box_frames == frame).tolist():
        name = lettering.usual().label(scene.vocabulary.objects[scene.labels[box]], _LONGEST)
        seen[name] += 1
        found[box] = f"{name} {seen[name]}" if seen[name] > 1 else name
    return found


def _relations(scene: Scene, pairs: np.ndarray, names: Mapping[int, str]) -> str:
    """What is told of the pairs, a pair a line, at most `_LINES`."""
    letters = lettering.usual()
    lines = []
    for row in pairs:
        subject, other = (names[int(box)] for box in scene.pairs[row])
        told = itertools.compress(scene.vocabulary.predicates, scene.relations[row])
        lines.append(letters.label(f"{subject} → {other}: {', '.join(told) or 'nothing'}", 62))
    if len(lines) > _LINES:
        lines[_LINES - 1 :] = [f"... and {len(lines) - _LINES + 1} pairs more"]
    return "\n".join(lines)


def _image(path: Path) -> Image.Image | None:
    """A small copy of a picture; None where there is none, or none that can be read."""
    try:
        image = pictures.shown(path)
    except (*pictures.BROKEN, UserError):
        return None
    image.thumbnail((640, 640))
    return image


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]
