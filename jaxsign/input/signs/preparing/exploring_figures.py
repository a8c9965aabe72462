"""The pictures of an exploration."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from jaxsign import lettering
from jaxsign.input.signs.preparing.measuring import PARTS, PLACES, Facts
from jaxsign.whole import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIGNS, SIGNERS = "signs_distribution.png", "participants_analysis.png"
LANDMARKS, BOTH = "landmark_analysis.png", "participant_sign_analysis.png"
_SHOWN = 20
_BLUE, _ORANGE, _GREY, _GREEN = "#3b77af", "#e0873a", "#9a9a9a", "#5a9e5a"
_COLOURS = dict(zip(PARTS, (_GREY, _ORANGE, _GREEN, _BLUE), strict=True))


def draw(facts: Facts, folder: Path) -> list[Path]:
    """Writes the pictures; those of signers and signs only where the collection names some.

    Returns:
        The files.
    """
    texts = (facts.name, *facts.signs, *facts.signers)
    with lettering.usual().drawn(texts):
        return _draw(facts, folder)


def _draw(facts: Facts, folder: Path) -> list[Path]:
    made: dict[str, Figure] = {}
    if facts.signs:
        made[SIGNS] = _distribution(facts.signs, "sign", _of(facts), {})
    if facts.signers:
        pairs = facts.pairs(list(facts.signers), list(facts.signs))
        signed = dict(zip(facts.signers, (pairs > 0).sum(axis=1).tolist(), strict=True))
        made[SIGNERS] = _distribution(facts.signers, "signer", _of(facts), signed)
    made[LANDMARKS] = landmarks(facts)
    if facts.signs and facts.signers:
        made[BOTH] = _both(facts)
    for name, figure in made.items():
        _save(figure, folder / name)
    return [folder / name for name in made]


def _of(facts: Facts) -> str:
    drawn = len(facts.entries)
    return f"{drawn:,} clips" + ("" if drawn == facts.total else f" drawn from {facts.total:,}")


def _figure(width: float, height: float, title: str) -> "Figure":
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12)
    figure = Figure(figsize=(width, height), dpi=110, layout=layout)
    figure.suptitle(lettering.usual().label(title), x=0.01, ha="left", fontsize=13)
    return figure


def _save(figure: "Figure", path: Path) -> None:
    with whole(path) as draft:
        figure.savefig(draft, format="png")


def _plain(axes: "Axes", title: str, grid: Literal["x", "y"]) -> None:
    axes.set_title(title, loc="left", fontsize=10.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis=grid, color="#e4e4e4", linewidth=0.7)
    axes.tick_params(labelsize=9)


def _distribution(
    counts: Mapping[str, int], noun: str, of: str, signs: Mapping[str, int]
) -> "Figure":
    """Bars by name, and how the counts spread.

    Args:
        counts: clips by name, most first.
        noun: what the names are.
        of: which clips were counted.
        signs: how many different signs each has, or {}.
    """
    rows = list(counts.items())
    whole = len(rows) <= 2 * _SHOWN
    groups = {f"all {len(rows)} {noun}s": rows}
    if not whole:
        groups = {
            f"the {_SHOWN} {noun}s with most clips": rows[:_SHOWN],
            f"the {_SHOWN} {noun}s with fewest clips": rows[-_SHOWN:],
        }
    tallest = max(map(len, groups.values()))
    width = 8 + 3.5 * len(groups)
    figure = _figure(width, max(4.6, 1.4 + 0.22 * tallest), f"Clips by {noun}: {of}")
    grid = figure.add_gridspec(2, len(groups) + 1, width_ratios=[1.35] * len(groups) + [1])
    most = max(counts.values())
    for column, (title, group) in enumerate(groups.items()):
        _bars(figure.add_subplot(grid[:, column]), group, title, most, signs)
    values = np.array(list(counts.values()))
    axes = figure.add_subplot(grid[0, -1])
    _histogram(axes, values, f"how many {noun}s have so many clips", "clips", f"{noun}s")
    axes = figure.add_subplot(grid[1, -1])
    _boxes(axes, {"": values}, f"spread of clips by {noun}", [_BLUE], vertical=False)
    axes.set_yticks([])
    axes.locator_params(axis="x", integer=True)
    axes.set_xlabel("clips", fontsize=9.5)
    return figure


def _bars(
    axes: "Axes",
    rows: Sequence[tuple[str, int]],
    title: str,
    most: int,
    signs: Mapping[str, int],
) -> None:
    places = np.arange(len(rows))[::-1]
    axes.barh(places, [count for _, count in rows], color=_BLUE, height=0.72)
    axes.set_yticks(places, [_short(name) for name, _ in rows])
    for place, (name, count) in zip(places, rows, strict=True):
        text = f" {count:,}" + (f"  ({signs[name]} signs)" if name in signs else "")
        axes.text(count, place, text, va="center", fontsize=8, color="#444444")
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_xlim(0, most * (1.35 if signs else 1.16))
    axes.set_xlabel("clips", fontsize=9.5)
    _plain(axes, title, "x")


def _histogram(
    axes: "Axes", values: np.ndarray, title: str, unit: str, noun: str = "clips"
) -> None:
    whole = values.dtype.kind == "i" and np.ptp(values) <= 30
    edges: Any = np.arange(values.min(), values.max() + 2) - 0.5 if whole else 30
    axes.hist(values, bins=edges, color=_BLUE, edgecolor="white", linewidth=0.6)
    middle = float(np.median(values))
    axes.axvline(middle, color=_ORANGE, linewidth=1.6)
    if np.ptp(values) < 5 and whole:
        axes.set_xlim(values.min() - 4, values.max() + 4)
    axes.set_xlabel(unit, fontsize=9.5)
    axes.set_ylabel(noun, fontsize=9.5)
    axes.locator_params(axis="x", integer=values.dtype.kind == "i")
    axes.locator_params(axis="y", integer=True)
    _plain(axes, f"{title} (median {middle:,.4g})", "y")


def _boxes(
    axes: "Axes",
    groups: Mapping[str, Sequence[float] | np.ndarray],
    title: str,
    colours: Sequence[str],
    vertical: bool = True,
) -> None:
    drawn = axes.boxplot(
        list(groups.values()),
        orientation="vertical" if vertical else "horizontal",
        tick_labels=list(groups),
        widths=0.5,
        patch_artist=True,
        medianprops={"color": "black", "linewidth": 1.4},
        flierprops={"marker": ".", "markersize": 4, "markeredgecolor": "#777777"},
    )
    for box, colour in zip(drawn["boxes"], colours, strict=True):
        box.set(facecolor=colour, alpha=0.6, linewidth=0.8)
    _plain(axes, title, "y" if vertical else "x")


def landmarks(facts: Facts) -> "Figure":
    """Lengths, sizes and presence of the clips; a panel with nothing to say is left out."""
    clips = facts.clips
    panels: list[Callable[[Axes], None]] = [functools.partial(_lengths, facts=facts)]
    if _groups(facts):
        panels.append(functools.partial(_lengths_by, facts=facts))
    if any(clip.size is not None for clip in clips):
        panels.append(functools.partial(_sizes, facts=facts))
    panels += [functools.partial(draw, facts=facts) for draw in (_missing, _shares, _timelines)]
    rows = -(-len(panels) // 3)
    title = f"{len(clips):,} clips of {facts.name}, read in format {facts.format}"
    figure = _figure(15, 4.1 * rows, title)
    grid = figure.add_gridspec(rows, 6)
    for place, panel in enumerate(panels):
        row, column = divmod(place, 3)
        wide = 6 // min(3, len(panels) - 3 * row)  # those of a short row share its width
        panel(figure.add_subplot(grid[row, column * wide : (column + 1) * wide]))
    return figure


def _lengths(axes: "Axes", facts: Facts) -> None:
    _histogram(axes, np.array([clip.frames for clip in facts.clips]), "length of clips", "frames")


def _sizes(axes: "Axes", facts: Facts) -> None:
    sizes = np.array([clip.size / 1024 for clip in facts.clips if clip.size is not None])
    _histogram(axes, sizes, "size of files", "kB", "files")


def _missing(axes: "Axes", facts: Facts) -> None:
    missing = [np.array([clip.missing[part] for clip in facts.clips]) for part in PARTS]
    groups = dict(zip(_part_names(), missing, strict=True))
    title = "share of values that are missing, by clip"
    _boxes(axes, groups, title, list(_COLOURS.values()))
    _of_all(axes)


def _part_names() -> list[str]:
    return [part.replace("_", " ") for part in PARTS]


def _of_all(axes: "Axes") -> None:
    """The axis of shares."""
    axes.set_ylim(-0.03, 1.06)
    axes.yaxis.set_major_formatter("{x:.0%}")


def _groups(facts: Facts) -> list[tuple[str, list[int]]]:
    """Lengths by signer, or by sign where signers are unknown, those with most clips first."""
    groups: dict[str, list[int]] = {}
    for clip in facts.clips:
        names = {clip.entry.signer} if facts.signers else set(clip.entry.glosses)
        for name in names - {""}:
            groups.setdefault(name, []).append(clip.frames)
    return sorted(groups.items(), key=lambda row: (-len(row[1]), row[0]))


def _lengths_by(axes: "Axes", facts: Facts) -> None:
    """Lengths of the ten groups with most clips."""
    groups = _groups(facts)
    noun = "signer" if facts.signers else "sign"
    title = f"length by {noun}" + (f": 10 of {len(groups)}, those most read" * (len(groups) > 10))
    named = {f"{_short(name, 14)} ({len(values)})": values for name, values in groups[:10]}
    _boxes(axes, named, title, [_BLUE] * len(named))
    axes.tick_params(axis="x", rotation=40 if len(named) > 4 else 0)
    axes.set_ylabel("frames", fontsize=9.5)
    axes.locator_params(axis="y", integer=True)
    for label in axes.get_xticklabels():
        label.set_horizontalalignment("right" if len(named) > 4 else "center")


def _shares(axes: "Axes", facts: Facts) -> None:
    shares = [float(np.mean([clip.seen[part] for clip in facts.clips])) for part in PARTS]
    axes.bar(_part_names(), shares, color=list(_COLOURS.values()), width=0.6)
    for place, share in enumerate(shares):
        axes.text(place, share, f"{share:.0%}", ha="center", va="bottom", fontsize=9)
    _plain(axes, "frames that show the part, mean of clips", "y")
    _of_all(axes)


def _timelines(axes: "Axes", facts: Facts) -> None:
    middles = (np.arange(PLACES) + 0.5) / PLACES
    for part, colour in _COLOURS.items():
        shares = np.mean([clip.timeline[part] for clip in facts.clips], axis=0)
        # Face and pose often lie on each other.
        style = (0, (4, 2)) if part == "pose" else "-"
        label = part.replace("_", " ")
        axes.plot(middles, shares, color=colour, linestyle=style, linewidth=1.8, label=label)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set_xlabel("place in the clip", fontsize=9.5)
    axes.legend(frameon=False, fontsize=9, ncols=2)
    _plain(axes, "frames that show the part, from start to end", "y")
    _of_all(axes)


def _both(facts: Facts) -> "Figure":
    """Who signs what: counts, and which signs go together."""
    signers, signs = list(facts.signers)[:_SHOWN], list(facts.signs)[:_SHOWN]
    pairs = facts.pairs(signers, signs)
    # Two signers or one sign correlate with anything.
    both = len(facts.signers) > 2 and len(signs) > 1
    rows = max(len(signers), len(signs) if both else 0)
    width = (8 + 0.42 * len(signs)) if both else (3 + 0.42 * len(signs))
    figure = _figure(max(6.5, width), 2.4 + 0.3 * rows, f"Signers and signs: {_of(facts)}")
    axes = figure.subplots(1, 1 + both, squeeze=False)[0]
    image = axes[0].imshow(np.ma.masked_equal(pairs, 0), cmap="Blues", vmin=0, aspect="auto")
    _cells(axes[0], pairs, "{:d}", image.norm.vmax * 0.55)
    _names(axes[0], signs, signers)
    cut = {"signers": len(facts.signers), "signs": len(facts.signs)}
    most = [f"{_SHOWN} of {count} {what}" for what, count in cut.items() if count > _SHOWN]
    title = "clips" + (f": {', '.join(most)}, those with most clips" if most else "")
    axes[0].set_title(title, loc="left", fontsize=10.5)
    if both:
        _correlation(figure, axes[1], facts, signs)
    return figure


def _correlation(figure: "Figure", axes: "Axes", facts: Facts, signs: Sequence[str]) -> None:
    """Pearson's r between signs, over signers."""
    counts = facts.pairs(list(facts.signers), signs)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.corrcoef(counts, rowvar=False)
    axes.set_facecolor("#e4e4e4")
    shown = np.ma.masked_invalid(values)
    image = axes.imshow(shown, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    _names(axes, signs, signs)
    same = " (grey: as many clips of every signer)" if np.isnan(values).any() else ""
    title = f"correlation of signs' clips over signers{same}"
    axes.set_title(title, loc="left", fontsize=10.5)
    bar = figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02)
    bar.ax.tick_params(labelsize=9)


def _cells(axes: "Axes", values: np.ndarray, form: str, dark: float) -> None:
    for row, column in zip(*np.nonzero(values), strict=True):
        value = values[row, column]
        colour = "white" if value > dark else "#222222"
        text = form.format(value)
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)


def _names(axes: "Axes", columns: Sequence[str], rows: Sequence[str]) -> None:
    axes.set_xticks(range(len(columns)), map(_short, columns), rotation=90, fontsize=9)
    axes.set_yticks(range(len(rows)), map(_short, rows), fontsize=9)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _short(name: str, limit: int = 22) -> str:
    return lettering.usual().label(name, limit)
