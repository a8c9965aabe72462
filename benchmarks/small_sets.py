"""How well recipes learn small real sets: the table of docs/small_sets.md.

    python -m benchmarks.small_sets DATA                # everything, in under three hours
    python -m benchmarks.small_sets DATA --quick        # a few cells, in about ten minutes

DATA holds `traduttore_keypoints` and `signwish_keypoints`, each with a sequences.npz of 33 and 11
signs and the sets' own splits. A row is a set, all of its training clips or a share of them (the
first of every sign); a cell the accuracy on its test clips, mean and spread over seeds. Every
training is written down as it ends (--out): the same command goes on where it was stopped. Each
core trains by itself, and seconds are those of one core.
"""

import argparse
import dataclasses
import functools
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import filelock
from ml_collections import ConfigDict

from benchmarks import trainings
from benchmarks.trainings import Found
from jaxsign import config as configs
from jaxsign.infer import baseline, evaluate, folds, run_folder
from jaxsign.train import log, loop

SETS = {"traduttore": 20, "signwish": 24}  # frames of a clip
SHARES = (1.0, 0.25, 0.1)
_FOLDS = 3


@dataclasses.dataclass(frozen=True)
class Share:
    """A row of the table: a set, and how much of its training clips."""

    name: str
    share: float

    def __str__(self) -> str:
        return f"{self.name} {self.share:g}"


def words(data: Path, part: Share, seed: int, **keys: object) -> list[str]:
    """The words of a command line that point a recipe at a row."""
    place = data / f"{part.name}_keypoints"
    given: dict[str, object] = {f"data.{split}.path": place for split in ("train", "val", "test")}
    given |= {"data.learning_curve": part.share, "seed": seed, "log.progress": False, **keys}
    return [f"--config.{key}={value}" for key, value in given.items()]


def of_baseline(data: Path, part: Share, seed: int, folder: Path) -> Found:
    """The better one of the two simple methods, on the view of `small`."""
    begun = time.process_time()
    found = baseline.of_recipe(configs.load("small", words(data, part, seed)))
    return Found(found.splits["test"].best("gloss")[1], time.process_time() - begun)


def trained(recipe: str, *own: str) -> "Learner":
    """Trains a shipped recipe."""

    def learn(data: Path, part: Share, seed: int, folder: Path) -> Found:
        frames = [word.format(frames=SETS[part.name]) for word in own]
        return _run(configs.load(recipe, [*words(data, part, seed), *frames]), folder)

    return learn


def from_the_other(data: Path, part: Share, seed: int, folder: Path) -> Found:
    """`small` that starts from what it learnt of all of the other set."""
    (other,) = (name for name in SETS if name != part.name)
    start = folder.parent / f"start-{other}-{seed}"
    _start(configs.load("small", words(data, Share(other, 1.0), seed)), start)
    keys = {"train.init_from": start, "train.keep_head": False}
    return _run(configs.load("small", words(data, part, seed, **keys)), folder)


def from_hidden_frames(data: Path, part: Share, seed: int, folder: Path) -> Found:
    """`small` that starts from the training clips of the whole set without their labels."""
    start = folder.parent / f"masked-{part.name}-{seed}"
    _start(configs.load("small:masked", words(data, Share(part.name, 1.0), seed)), start)
    return _run(
        configs.load("small", words(data, part, seed, **{"train.init_from": start})), folder
    )


def of_folds(data: Path, part: Share, seed: int, folder: Path) -> Found:
    """Three folds of `small` that answer together."""
    config = configs.load("small", words(data, part, seed))
    config.data.folds.update(count=_FOLDS, number=1)
    begun = time.process_time()
    for place, one in folds.recipes(config, folder):
        _train(one, place)
    seconds = time.process_time() - begun
    return Found(_tested(run_folder.members(folder), folder), seconds)


Learner = Callable[[Path, Share, int, Path], Found]
COLUMNS: dict[str, Learner] = {
    "baseline": of_baseline,
    "small": trained("small"),
    "3 folds of small": of_folds,
    "small from the other set": from_the_other,
    "small from hidden frames": from_hidden_frames,
    "traduttore": trained(
        "traduttore",
        "--config.task.heads=('gloss',)", "--config.loss.weights=(1.0,)",
        "--config.net.num_gloss=0", "--config.net.num_cat=0", "--config.input.buckets=({frames},)",
        "--config.input.max_length={frames}",
    ),
    "asl_hybrid:traduttore": trained("asl_hybrid:traduttore"),
    "signon:traduttore": trained(
        "signon:traduttore", "--config.input.buckets=({frames},)",
        "--config.input.max_length={frames}",
    ),
}  # fmt: skip
QUICK = ("baseline", "small")


def _train(config: ConfigDict, folder: Path) -> float:
    begun = time.process_time()
    if loop.train(config, folder, log.TrainingDisplay(live=False)).interrupted:
        raise KeyboardInterrupt
    return time.process_time() - begun


def _start(config: ConfigDict, folder: Path) -> None:
    """Trains what several rows start from, once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{folder}.lock"):
        _train(config, folder)


def _run(config: ConfigDict, folder: Path) -> Found:
    seconds = _train(config, folder)
    return Found(_tested([folder], folder), seconds)


def _tested(members: Sequence[Path], folder: Path) -> float:
    found: Any = evaluate.evaluate(members, split="test", out=folder / "test")
    return float(found["overall_results"]["gloss_accuracy"])


def wanted(
    data: Path,
    quick: bool,
    columns: Mapping[str, Learner] = COLUMNS,
    only: Sequence[str] = tuple(COLUMNS),
) -> Iterator[tuple[trainings.Cell, trainings.Learn]]:
    """What is to be trained; the quick part of it first."""
    shares, seeds = (SHARES[1:], (1,)) if quick else (SHARES, (1, 2, 3))
    for seed, column in itertools.product(seeds, QUICK if quick else columns):
        # Nothing is drawn in a baseline.
        if column not in only or (column == "baseline" and seed != 1):
            continue
        for share, name in itertools.product(reversed(shares), SETS):
            part = Share(name, share)
            learn = functools.partial(columns[column], data, part, seed)
            yield trainings.Cell(str(part), column, seed), learn


def main(argv: Sequence[str] | None = None) -> None:
    """Trains, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("data", type=Path, metavar="DATA", help="folder of both sets")
    add("--quick", action="store_true", help="one seed, shares, baseline and small")
    add("--only", nargs="+", default=tuple(COLUMNS), choices=COLUMNS, metavar="COLUMN")
    plan = trainings.Plan(
        "benchmarks.small_sets",
        "test accuracy (%)",
        "set, share",
        tuple(COLUMNS),
        lambda options: wanted(options.data, options.quick, only=options.only),
    )
    trainings.main(plan, parser, argv)


if __name__ == "__main__":
    main()
