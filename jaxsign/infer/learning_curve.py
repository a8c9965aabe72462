"""A learning curve: what folds reach with a part of the clips, and whether more would help."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxsign.infer import folds
from jaxsign.tasks.classes import metrics
from jaxsign.whole import whole, write_json

SHARES = (0.25, 0.5, 1.0)
FILE = "learning-curve"  # .json and .png, beside the folds


@dataclasses.dataclass(frozen=True)
class Curve:
    """Accuracies of the folds of one head, by the share of the clips that they learnt.

    Attributes:
      head: of the net.
      clips: int [S], training clips of a fold, on average.
      accuracy: float [S, K].
    """

    head: str
    clips: tuple[int, ...]
    accuracy: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """float [S]."""
        return np.asarray(self.accuracy.mean(1))

    @property
    def spread(self) -> np.ndarray:
        """float [S], the standard deviation (n - 1) over folds."""
        return np.asarray(self.accuracy.std(1, ddof=1))

    @property
    def last_gain(self) -> tuple[float, float]:
        """What the last step gained, mean over folds, and the standard error of that."""
        gains = self.accuracy[-1] - self.accuracy[-2]
        return float(gains.mean()), float(gains.std(ddof=1) / math.sqrt(len(gains)))

    def verdict(self) -> str:
        """Whether more clips would help, in a sentence."""
        gain, error = self.last_gain
        name = metrics.spell(self.head)
        told = (
            f"{name}: from {self.clips[-2]} to {self.clips[-1]} training clips {100 * gain:+.1f} "
            f"± {100 * error:.1f} points, to {100 * self.mean[-1]:.1f} %"
        )
        if self.mean[-1] > 0.995:
            return f"{told}. There is hardly anything left to gain by more clips."
        if gain > 2 * error:
            return f"{told}. The curve still rises: more clips would help."
        if gain > error:
            return f"{told}. More clips may help; so few folds do not tell for sure."
        return f"{told}. The curve is flat: more clips of the same kind would hardly help."

    def to_json(self) -> dict[str, object]:
        """Plain values."""
        gain, error = self.last_gain
        return {
            "train_clips": list(self.clips),
            "accuracy": self.accuracy.tolist(),
            "mean": self.mean.tolist(),
            "spread": self.spread.tolist(),
            "last_gain": gain,
            "last_gain_standard_error": error,
            "verdict": self.verdict(),
        }


def parts(config: ConfigDict, workdir: str | Path) -> Iterator[tuple[float, Path, ConfigDict]]:
    """Of every share but all its number, the folder of its folds and their recipe."""
    for share in SHARES[:-1]:
        one = ConfigDict(config.to_dict())
        one.data.learning_curve = share * config.data.learning_curve
        yield share, Path(workdir) / f"share-{share:.0%}".rstrip("%"), one


def curves(results: Sequence[folds.Folded]) -> list[Curve]:
    """A curve for every head.

    Args:
      results: of `folds.evaluate`, for each of `SHARES`.
    """
    found, total = [], results[-1].clips
    for head, spread in results[-1].spreads.items():
        held_back = total / len(spread["accuracy"])
        clips = tuple(int(share * (total - held_back)) for share in SHARES)
        accuracy = np.array([one.spreads[head]["accuracy"] for one in results])
        found.append(Curve(head, clips, accuracy))
    return found


def tell(config: ConfigDict, workdir: str | Path, complete: folds.Folded) -> list[Curve]:
    """Writes the curve of trained folds as JSON and as a picture, and prints what it says.

    Args:
      config: the recipe of the folds.
      workdir: where their run folders lie.
      complete: what `folds.evaluate` gave of those that learnt all clips.
    """
    count, base = config.data.folds.count, Path(workdir)
    less = [folds.evaluate(folder, count, quiet=True) for _, folder, _ in parts(config, workdir)]
    found = curves([*less, complete])
    write_json(base / f"{FILE}.json", {curve.head: curve.to_json() for curve in found})
    draw(base / f"{FILE}.png", found)
    for curve in found:
        print(curve.verdict())
    print(f"Learning curve: {base / FILE}.png")
    return found


def draw(path: Path, found: Sequence[Curve]) -> None:
    """Draws accuracies over training clips: folds as dots, their mean and spread."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), dpi=110)
    axes = figure.add_subplot()
    for number, curve in enumerate(found):
        colour, clips = f"C{number}", np.array(curve.clips)
        axes.plot(clips, 100 * curve.accuracy, ".", color=colour, alpha=0.35, markersize=7)
        axes.errorbar(
            clips, 100 * curve.mean, 100 * curve.spread, color=colour, capsize=4, marker="o",
            label=metrics.spell(curve.head),
        )  # fmt: skip
        for x, y in zip(clips, 100 * curve.mean, strict=True):
            axes.annotate(f"{y:.1f}", (x, y), (7, -12), textcoords="offset points", color=colour)
    clips = np.array(found[0].clips)
    axes.set_xscale("log", base=2)
    axes.set_xticks(clips, [str(n) for n in clips])
    axes.set_xlim(clips[0] / 1.15, clips[-1] * 1.3)
    axes.minorticks_off()
    axes.set_xlabel("training clips (each step twice as many)")
    axes.set_ylabel("right of the clips held back (%)")
    axes.set_title(f"Learning curve over {found[0].accuracy.shape[1]} folds", loc="left")
    axes.grid(axis="y", color="#dedede", linewidth=0.6)
    if len(found) > 1:
        axes.legend(frameon=False)
    figure.text(0.01, -0.02, found[0].verdict(), fontsize=8, va="top", wrap=True)
    with whole(path) as draft:
        figure.savefig(draft, format="png", bbox_inches="tight", pad_inches=0.15)
