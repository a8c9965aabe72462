"""What the frame before is worth: a net that sees videos, beside the same net on single frames.

    python -m benchmarks.single_frames [--config sttran:synthetic] [--out runs/single_frames]

Every frame of the made-up videos is written as a scene of its own. The recipe is trained on the
videos and, anew, on the frames; the first is asked for both, too. The table shows recall of every
relation of the validation videos with constraint, and how far the better of both looks at single
frames stays behind.
"""

import argparse
import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from jaxsign import config as configs
from jaxsign import runtime
from jaxsign.infer import evaluate
from jaxsign.input.scenes import cutting, sources
from jaxsign.screen import Console
from jaxsign.sections.data import SPLITS
from jaxsign.train import log, loop

_COLUMN = "R@20 with"


def cut(recipe: str, folder: Path) -> None:
    """Writes the frames of a recipe's videos, a folder a split."""
    for split in SPLITS[:2]:
        (folder / split).mkdir(parents=True)
        for one in sources.open_source(configs.load(recipe).data, split).scenes():
            for number, frame in enumerate(cutting.frames(one)):
                name = f"{one.source}-{number:03}"
                dataclasses.replace(frame, source=name).save(folder / split / f"{name}.scene.npz")


def train(recipe: str, words: Sequence[str], run: Path) -> None:
    """Trains; a run that is done is left."""
    loop.train(configs.load(recipe, words), run, log.TrainingDisplay(live=False))


def recall(run: Path, out: Path, data: Path | None = None) -> dict[str, float]:
    """Recall of every relation of the validation videos, with constraint, 0 to 1."""
    evaluate.evaluate(run, split="val", out=out, path=data)
    with (out / "per_predicate.csv").open() as rows:
        return {
            row["predicate"]: float(row[_COLUMN]) for row in csv.DictReader(rows) if row[_COLUMN]
        }


def main() -> None:
    """Cuts, trains, evaluates, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="sttran:synthetic", help="of made-up scenes")
    parser.add_argument("--out", type=Path, default=Path("runs/single_frames"))
    asked, words = parser.parse_known_args()
    runtime.quiet()
    runtime.compilation_cache()
    frames = asked.out / "frames"
    if not frames.exists():
        cut(asked.config, frames)
    places = [f"--config.data.{split}.path={frames / split}" for split in SPLITS[:2]]
    train(asked.config, words, asked.out / "videos")
    single = [*words, f"--config.data.source={sources.SCENES}", *places]
    train(asked.config, single, asked.out / "single")
    told = [
        recall(asked.out / "videos", asked.out / "videos" / "val"),
        recall(asked.out / "videos", asked.out / "videos" / "val_single", frames / "val"),
        recall(asked.out / "single", asked.out / "single" / "val"),
    ]
    table = Table(title=f"R@20 with constraint (%): {runtime.processor()}")
    names = "learnt and asked in videos", "asked in single frames", "learnt and asked in these"
    for name in ("relation", *names, "behind"):
        table.add_column(name, justify="right")
    for relation, whole in told[0].items():
        single_looks = [each[relation] for each in told[1:]]
        numbers = (whole, *single_looks, whole - max(single_looks))
        table.add_row(relation, *(f"{100 * number:.1f}" for number in numbers))
    Console().print(table)


if __name__ == "__main__":
    main()
