"""The picture of an evaluation: errors by the length of sentences, and the glosses behind them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jaxsign import lettering
from jaxsign.tasks.sequences import sentences
from jaxsign.tasks.sequences.word_errors import Counts
from jaxsign.whole import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The glosses with most errors that are drawn.
_SHOWN = 24
_LONGEST = 24  # letters of a label
_RIGHT, _SUBSTITUTED, _DELETED, _INSERTED = "#4878a8", "#e8a33d", "#c9553b", "#8a6bb1"
_KINDS: tuple[tuple[Callable[[Counts], int], str, str], ...] = (
    (lambda counts: counts.deletions, _DELETED, "missed"),
    (lambda counts: counts.insertions, _INSERTED, "added"),
    (lambda counts: counts.substitutions, _SUBSTITUTED, "taken for another"),
)


def errors(
    path: Path,
    total: Counts,
    lengths: Mapping[int, Counts],
    glosses: Sequence[sentences.GlossRow],
    title: str,
) -> None:
    """Draws word error rates by length of sentence, and the glosses with most errors, into a PNG.

    Args:
      path: the PNG to write.
      total: of all sentences.
      lengths: `jaxsign.tasks.sequences.sentences.by_length`.
      glosses: rows of `jaxsign.tasks.sequences.sentences.per_gloss`.
      title: what was evaluated.
    """
    from matplotlib.figure import Figure

    worst = _worst(glosses)
    rate = "no words" if not total.words else f"WER {100 * total.wer:.1f} %"
    accuracy = f"{100 * total.sequence_accuracy:.1f} % of {total.sentences:,} sentences right"
    title = f"{title}: {rate}, {accuracy}"
    height = max(4.2, 1.6 + 0.24 * len(worst))
    letters = lettering.usual()
    with letters.drawn([title, *(row["gloss"] for row in worst)]):
        figure = Figure(figsize=(12, height), dpi=110, layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
        figure.suptitle(letters.label(title), x=0.01, ha="left", fontsize=13)
        _by_length(left, {n: counts for n, counts in lengths.items() if n})
        _by_gloss(right, worst, len(glosses))
        for axes in (left, right):
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(length=0)
        with whole(path, ending=True) as draft:
            figure.savefig(draft)


def _worst(glosses: Sequence[sentences.GlossRow]) -> list[sentences.GlossRow]:
    """The glosses with most errors, the worst first; of as many the rarer one."""
    wrong = [row for row in glosses if _errors(row)]
    return sorted(wrong, key=lambda row: (-_errors(row), row["support"], row["gloss"]))[:_SHOWN]


def _errors(row: sentences.GlossRow) -> int:
    return row["substituted"] + row["deleted"] + row["inserted"]


def _by_length(axes: "Axes", lengths: Mapping[int, Counts]) -> None:
    """Stacked bars of the rates; how many sentences stands over each."""
    places = range(len(lengths))
    base = [0.0] * len(lengths)
    for of, colour, label in _KINDS:
        rates = [100 * of(counts) / counts.words for counts in lengths.values()]
        axes.bar(places, rates, 0.78, bottom=base, color=colour, label=label)
        base = [low + rate for low, rate in zip(base, rates, strict=True)]
    top = max([*base, 1.0])
    for place, rate, counts in zip(places, base, lengths.values(), strict=True):
        axes.text(
            place, rate + 0.015 * top, f"{counts.sentences:,}", ha="center", fontsize=8,
            color="#777777",
        )  # fmt: skip
    axes.set_xticks(places, list(map(str, lengths)))
    axes.set_ylim(0, 1.12 * top)
    axes.set_xlabel("glosses signed   (number over a bar: sentences)")
    axes.set_ylabel("errors in 100 glosses")
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)


def _by_gloss(axes: "Axes", rows: Sequence[sentences.GlossRow], count: int) -> None:
    """Bars of every gloss: right, taken for another, missed; to the left what was added."""
    if not rows:
        axes.text(0.5, 0.5, "no errors", ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    places = range(len(rows))
    base = [0] * len(rows)
    parts = (
        ([row["correct"] for row in rows], _RIGHT, "right"),
        ([row["substituted"] for row in rows], _SUBSTITUTED, "taken for another"),
        ([row["deleted"] for row in rows], _DELETED, "missed"),
    )
    for values, colour, label in parts:
        axes.barh(places, values, 0.74, left=base, color=colour, label=label)
        base = [low + value for low, value in zip(base, values, strict=True)]
    axes.barh(places, [-row["inserted"] for row in rows], 0.74, color=_INSERTED, label="added")
    axes.axvline(0, color="#555555", linewidth=0.8)
    names = [lettering.usual().label(row["gloss"], _LONGEST) for row in rows]
    axes.set_yticks(places, names, fontsize=9)
    axes.set_ylim(max(len(rows), 8) - 0.4, -0.6)  # few bars are no blocks
    axes.locator_params(axis="x", integer=True)
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
    shown = f"the {len(rows)} glosses with most errors of {count}"
    axes.set_xlabel(f"times   ({shown})" if len(rows) < count else "times")
    axes.legend(
        ncols=4, loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False, fontsize=9,
        handlelength=1, columnspacing=1.2, borderaxespad=0.2,
    )  # fmt: skip
