"""The input pipeline alone, against the training step that it feeds.

python -m benchmarks.input_pipeline [--quick] [--json FILE]
"""

import collections
import functools
import tempfile
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from benchmarks import command, fslr, timing, workload
from benchmarks.rows import Row
from jaxsign.input import batching
from jaxsign.input.signs import clip_source, sources
from jaxsign.input.signs.treatment import Treatment
from jaxsign.tasks.classes.examples import ClassExamples

# clips, frames a clip, clips a batch, rounds
SIZES = {"full": (128, 100, 32, 9), "quick": (64, 100, 32, 3), "check": (2, 24, 1, 1)}


def measure(size: str) -> list[Row]:
    """Batches from a folder of npz files: read every time, and kept in memory."""
    clips, frames, batch, rounds = SIZES[size]
    rows = []
    for name, (config, dim) in fslr.recipes(size).items():
        example = workload.batch([frames] * batch, frames, dim)
        side = fslr.jaxsign_side(name, size)
        steps = functools.partial(side.train, [side.prepare(example)] * -(-clips // batch))
        with tempfile.TemporaryDirectory() as folder:
            write_folder(Path(folder), config.data.key, clips, frames, dim)
            source = _open(config, Path(folder))
            for memory, where in ((0, "read from files"), (4096, "kept in memory")):
                treatment = Treatment(max_length=300, cache_mb=memory)
                batches = batching.EvalBatches(
                    ClassExamples(source, treatment), batching.BatchOptions(batch_size=batch)
                )
                times = timing.alternate(
                    {"input": functools.partial(_read, batches), "training steps": steps},
                    rounds=rounds,
                )
                speed = clips / times["input"].median
                note = f"{speed:.0f} clips/s; the ratio says how many times it outruns the steps"
                rows.append(Row(f"input for {name}, {clips} x {frames}, {where}", times, note=note))
    return rows


def _read(batches: batching.EvalBatches) -> None:
    # Not training batches: their endless iterator reads ahead between two measurements.
    collections.deque(batches, maxlen=0)


def write_folder(folder: Path, key: str, clips: int, frames: int, dim: int) -> None:
    """Compressed npz files of half-empty noise, as image features are, and their labels.csv."""
    example = workload.source(np.full(clips, frames), dim)
    rows = ["file,gloss,cat,occluded"]
    for i, name in enumerate(example.ids):
        array = np.maximum(np.asarray(example.read(i)), 0)
        np.savez_compressed(folder / f"{name}.npz", **{key: array})
        rows.append(f"{name}.npz,{example.labels['gloss'][i]},{example.labels['cat'][i]},0")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _open(config: ConfigDict, folder: Path) -> clip_source.Source:
    place = {"path": str(folder), "labels": str(folder / "labels.csv")}
    config.data.train.update(place)
    return sources.open_source(config.data, "train", {"gloss": 105, "cat": 10})


MEASURES = (command.Measure("input_pipeline", measure),)

if __name__ == "__main__":
    command.main(*MEASURES)
