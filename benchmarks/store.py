"""A store of many clips: opening it, reading at random, and memory while training shuffles it.

python -m benchmarks.store [--quick] [--json FILE]
"""

import functools
import itertools
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from benchmarks import command, timing
from benchmarks.rows import Row
from jaxsign import config as configs
from jaxsign.input import batching
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats, sources
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.treatment import Treatment
from jaxsign.input.signs.views import fslr156
from jaxsign.tasks.classes.examples import ClassExamples

# clips in the store, frames a clip, clips read at random, rounds
SIZES = {"full": (100_000, 16, 2000, 5), "quick": (4_000, 16, 500, 3), "check": (60, 4, 20, 1)}
_DISTINCT = 64
_MB = 1e6


def measure(size: str) -> list[Row]:
    """Rows for one store, made by code in a temporary folder."""
    count, frames, reads, rounds = SIZES[size]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "store"
        formats.write_collection(_made(count, frames), place, "store")
        name = f"store of {count} clips x {frames}"
        files = sum(file.stat().st_size for file in place.iterdir())
        note = f"{files / count / 1e3:.1f} kB a clip: pose and hands"
        rows = [Row(f"{name}: open", _times(functools.partial(_open, place), rounds), note=note)]
        collection = formats.open_collection(place)
        order = np.random.default_rng(0).integers(0, count, reads).tolist()
        times = _times(functools.partial(_read, collection, order), rounds)
        note = f"{reads / times['jaxsign'].median:.0f} clips a second, one thread"
        rows.append(Row(f"{name}: {reads} clips at random", times, note=note))
        return [*rows, _shuffled(name, place, size)]


def _made(count: int, frames: int) -> formats.Collection:
    """`count` clips of pose and hands, of which `_DISTINCT` differ."""
    rng = np.random.default_rng(0)
    held = []
    for number in range(_DISTINCT):
        # Smooth paths with a little noise, as landmarks of a signer are.
        path = np.cumsum(rng.normal(0, 0.01, (frames, 543, 3)), axis=0) + rng.random((543, 3))
        path[:, clips.FACE] = np.nan
        held.append(Clip(path, np.arange(frames) / 30, (640, 480), 30.0, f"made-{number}"))
    entries = [
        formats.Entry(f"{i:06d}", (f"SIGN_{i % 250:03d}",), "", f"signer{i % 21}", "train")
        for i in range(count)
    ]
    return formats.Collection("made", "made", entries, lambda i: held[i % _DISTINCT])


def _times(run: timing.Run, rounds: int) -> dict[str, timing.Timing]:
    return timing.alternate({"jaxsign": run}, rounds=rounds)


def _open(place: Path) -> int:
    return len(formats.open_collection(place))


def _read(collection: formats.Collection, order: list[int]) -> None:
    for index in order:
        collection.read(index)


def _shuffled(name: str, place: Path, size: str) -> Row:
    """One epoch of training batches over the whole store, and the process's memory in it."""
    data = configs.base().data
    data.source, data.train.path = "collection", str(place)
    source = sources.open_source(data, "train")
    treatment = Treatment(view=fslr156.Fslr156View(), max_length=64, cache_mb=0)
    batches = batching.TrainBatches(ClassExamples(source, treatment), batching.BatchOptions(32))
    process, memory = psutil.Process(), []
    epoch = batches.steps_per_epoch
    steps = iter(batches.iterator())

    def run() -> None:
        for number, _ in enumerate(itertools.islice(steps, epoch)):
            if number % max(epoch // 20, 1) == 0:
                memory.append(process.memory_info().rss / _MB)

    times = {"jaxsign": _once(run)}
    # The first twentieth fills the buffers.
    settled = memory[1:] or memory
    growth = settled[-1] - settled[0]
    note = (
        f"{len(source) / times['jaxsign'].median:.0f} clips a second with the view fslr156; memory "
        f"{settled[0]:.0f} MB after 1/20 of the epoch, {settled[-1]:.0f} MB at its end "
        f"({growth:+.0f})"
    )
    return Row(f"{name}: one shuffled epoch", times, note=note)


def _once(run: timing.Run) -> timing.Timing:
    start = time.perf_counter()
    run()
    seconds = time.perf_counter() - start
    return timing.Timing(seconds, (seconds,))


MEASURES = (command.Measure("store", measure),)

if __name__ == "__main__":
    command.main(*MEASURES)
