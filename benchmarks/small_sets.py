"""How well recipes learn small real sets: the table of docs/small_sets.md.

    python -m benchmarks.small_sets DATA                # everything, in under three hours
    python -m benchmarks.small_sets DATA --quick        # a few cells, in about ten minutes

DATA holds `traduttore_keypoints` and `signwish_keypoints`, each with a sequences.npz of 33 and 11
signs and the sets' own splits. A row is a set, all of its training clips or a share of them (the
first of every sign); a cell the accuracy on its test clips, mean and spread over seeds. Every
training is written down as it ends (--out): the same command goes on where it was stopped.
"""

import argparse
import dataclasses
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict
from rich.table import Table

from jaxsign import config as configs
from jaxsign import runtime
from jaxsign.infer import baseline, evaluate, folds, run_folder
from jaxsign.screen import Console
from jaxsign.train import log, loop
from jaxsign.whole import write_json

SETS = {"traduttore": 20, "signwish": 24}  # frames of a clip
SHARES = (1.0, 0.25, 0.1)
_FOLDS = 3


@dataclasses.dataclass(frozen=True)
class Cell:
    """A row and a column of the table: a set and a share of it, and who learns it."""

    name: str
    share: float
    column: str

    @property
    def row(self) -> str:
        return f"{self.name} {self.share:g}"


@dataclasses.dataclass(frozen=True)
class Found:
    """What one training came to: accuracy on the test clips, and seconds."""

    test: float
    seconds: float


def words(data: Path, cell: Cell, seed: int, **keys: object) -> list[str]:
    """The words of a command line that point a recipe at a row."""
    place = data / f"{cell.name}_keypoints"
    given = {f"data.{split}.path": place for split in ("train", "val", "test")}
    given |= {"data.learning_curve": cell.share, "seed": seed, "log.progress": False, **keys}
    return [f"--config.{key}={value}" for key, value in given.items()]


def of_baseline(data: Path, cell: Cell, seed: int, folder: Path) -> Found:
    """The better one of the two simple methods, on the view of `small`."""
    begun = time.monotonic()
    found = baseline.of_recipe(configs.load("small", words(data, cell, seed)))
    return Found(found.splits["test"].best("gloss")[1], time.monotonic() - begun)


def trained(recipe: str, *own: str) -> "Learner":
    """Trains a shipped recipe."""

    def learn(data: Path, cell: Cell, seed: int, folder: Path) -> Found:
        frames = [word.format(frames=SETS[cell.name]) for word in own]
        return _run(configs.load(recipe, [*words(data, cell, seed), *frames]), folder)

    return learn


def from_the_other(data: Path, cell: Cell, seed: int, folder: Path) -> Found:
    """`small` that starts from what it learnt of all of the other set."""
    (other,) = (name for name in SETS if name != cell.name)
    start = folder.parent / f"start-{other}-{seed}"
    _train(configs.load("small", words(data, Cell(other, 1.0, ""), seed)), start)
    keys = {"train.init_from": start, "train.keep_head": False}
    return _run(configs.load("small", words(data, cell, seed, **keys)), folder)


def from_hidden_frames(data: Path, cell: Cell, seed: int, folder: Path) -> Found:
    """`small` that starts from the training clips of the whole set without their labels."""
    start = folder.parent / f"masked-{cell.name}-{seed}"
    _train(configs.load("small:masked", words(data, Cell(cell.name, 1.0, ""), seed)), start)
    return _run(
        configs.load("small", words(data, cell, seed, **{"train.init_from": start})), folder
    )


def of_folds(data: Path, cell: Cell, seed: int, folder: Path) -> Found:
    """Three folds of `small` that answer together."""
    config = configs.load("small", words(data, cell, seed))
    config.data.folds.update(count=_FOLDS, number=1)
    begun = time.monotonic()
    for place, one in folds.recipes(config, folder):
        _train(one, place)
    seconds = time.monotonic() - begun
    return Found(_tested(run_folder.members(folder), folder), seconds)


Learner = Callable[[Path, Cell, int, Path], Found]
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
    begun = time.monotonic()
    loop.train(config, folder, log.TrainingDisplay(live=False))
    return time.monotonic() - begun


def _run(config: ConfigDict, folder: Path) -> Found:
    seconds = _train(config, folder)
    return Found(_tested([folder], folder), seconds)


def _tested(members: Sequence[Path], folder: Path) -> float:
    found = evaluate.evaluate(members, split="test", out=folder / "test")
    return float(found["overall_results"]["gloss_accuracy"])


def cells(quick: bool) -> Iterator[tuple[Cell, int]]:
    """What is to be trained, with its seed; the quick part of it first."""
    shares, seeds = (SHARES[1:], (1,)) if quick else (SHARES, (1, 2, 3))
    for seed in seeds:
        for column in QUICK if quick else COLUMNS:
            for share in reversed(shares):
                for name in SETS:
                    # Nothing is drawn in a baseline.
                    if column != "baseline" or seed == 1:
                        yield Cell(name, share, column), seed


def table(found: Mapping[str, Found]) -> Table:
    """Rows of sets, columns of who learnt them: mean and spread in percent, and seconds."""
    made = Table(title=f"test accuracy (%), seconds of training: {runtime.processor()}")
    keys = [tuple(key.split("|")) for key in found]
    columns = [name for name in COLUMNS if any(key[1] == name for key in keys)]
    for name in ("set, share", *columns):
        made.add_column(name, justify="right")
    for row in sorted({key[0] for key in keys}):
        line = [row]
        for column in columns:
            own = [found[key] for key in found if key.startswith(f"{row}|{column}|")]
            line.append(_spelt(own))
        made.add_row(*line)
    return made


def _spelt(own: Sequence[Found]) -> str:
    if not own:
        return ""
    values = 100 * np.array([one.test for one in own])
    spread = f" ± {values.std(ddof=1):.1f}" if len(own) > 1 else ""
    return f"{values.mean():.1f}{spread} ({np.mean([one.seconds for one in own]):.0f} s)"


def measure(
    data: Path, out: Path, quick: bool, columns: Mapping[str, Learner] = COLUMNS
) -> dict[str, Found]:
    """Trains what is not yet in `out`, and writes each training down as it ends."""
    stored = json.loads(out.read_text()) if out.is_file() else {}
    found = {key: Found(**value) for key, value in stored.items()}
    for cell, seed in cells(quick):
        key = f"{cell.row}|{cell.column}|{seed}"
        if key in found:
            continue
        folder = out.with_suffix("") / key.replace("|", "_").replace(" ", "_").replace(":", "_")
        shutil.rmtree(folder, ignore_errors=True)
        found[key] = columns[cell.column](data, cell, seed, folder)
        shutil.rmtree(folder, ignore_errors=True)
        write_json(out, {name: dataclasses.asdict(one) for name, one in found.items()})
        print(f"{key}: {found[key]}", flush=True)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Trains, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of both sets")
    parser.add_argument("--quick", action="store_true", help="one seed, shares, baseline and small")
    parser.add_argument("--out", type=Path, default=Path("runs/small_sets.json"), metavar="JSON")
    options = parser.parse_args(argv)
    if argv is None:
        runtime.reexec_with_kept_memory()
    runtime.quiet()
    runtime.compilation_cache()
    Console().print(table(measure(options.data, options.out, options.quick)))


if __name__ == "__main__":
    main()
