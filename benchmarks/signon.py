"""SignON's PoseFormer, PTN and VTN against the originals in torch.

python -m benchmarks.signon [--quick] [--json FILE]
"""

import csv
import dataclasses
import functools
import itertools
import tempfile
import typing
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from benchmarks import command, flops, sides, timing
from benchmarks.rows import Row
from benchmarks.workload import Batch
from configs import signon as recipes
from jaxsign import nets, runtime
from jaxsign.input import batching
from jaxsign.input.signs import sources, treatment
from jaxsign.tasks.classes.examples import ClassExamples

if typing.TYPE_CHECKING:
    from benchmarks import originals

CLASSES = 458
# By name in the table: the recipe's variant, and the shape of a frame.
NETS: dict[str, tuple[str, tuple[int, ...]]] = {
    "PoseFormer": ("", (75, 3)),
    "PTN": ("ptn", (75, 3)),
}


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured: clips, their longest and their bucket's frames; films' pixels."""

    nets: tuple[str, ...] = tuple(NETS)
    mixed: bool = True
    batch: int = 32
    frames: int = 64
    films: int = 2
    pixels: int = 112
    layers: int = 4
    rounds: int = 7
    # Steps on films take seconds.
    film_rounds: int = 3


SIZES = {
    "full": Size(),
    "quick": Size(
        ("PoseFormer",), mixed=False, batch=16, films=1, layers=2, rounds=2, film_rounds=1
    ),
    "check": Size(batch=2, frames=8, films=1, pixels=32, layers=1, rounds=1, film_rounds=1),
}


def lengths(size: Size, *, mixed: bool) -> np.ndarray:
    """Frames of every clip: all the longest, or from a quarter of that up."""
    if not mixed:
        return np.full(size.batch, size.frames)
    return np.linspace(size.frames // 4, size.frames, size.batch).astype(int)


def clips(frames: np.ndarray, shape: tuple[int, ...], longest: int) -> Batch:
    """Random clips of so many frames each, padded to the `longest`."""
    rng = np.random.default_rng(0)
    valid = np.arange(longest) < frames[:, None]
    images = len(shape) == 3
    if images:
        x = rng.integers(0, 256, (*valid.shape, *shape), np.uint8)
    else:
        x = rng.random((*valid.shape, *shape), np.float32)
        x[~valid] = 0
    count = len(frames)
    return {
        "x": x,
        "valid": valid,
        "weight": np.ones(count, np.float32),
        "gloss": rng.integers(0, CLASSES, count).astype(np.int32),
    }


class Jax(sides.Jax):
    """jaxsign's step."""

    def prepare(self, batch: Batch) -> Batch:
        return {name: batch[name][None] for name in ("x", "valid", "gloss", "weight")}


def recipe(variant: str, size: Size) -> ConfigDict:
    """The shipped recipe with classes and layers told."""
    config = recipes.get_config(variant)
    config.net.update(num_gloss=CLASSES, n_layers=size.layers)
    return config


def measure_points(size: str) -> list[Row]:
    """Of nets of points: steps at one length and of mixed ones, evaluation, what feeds them."""
    from benchmarks import originals  # late: torch

    chosen, rows = SIZES[size], list[Row]()
    for name in chosen.nets:
        variant, shape = NETS[name]
        config = recipe(variant, chosen)
        if size == "quick":
            name = f"{name} of {chosen.layers} layers"
        even = clips(lengths(chosen, mixed=False), shape, chosen.frames)
        ours, theirs = Jax(config, even), originals.Torch(config, runtime.available_cores())
        given = ours.prepare(even), theirs.prepare(even)
        rows.append(_step(f"{name}: step, one length", ours, theirs, given, chosen.rounds))
        rows.append(_answer(f"{name}: evaluation", ours, theirs, given, chosen.rounds))
        if chosen.mixed:
            rows.append(_mixed(name, ours, theirs, shape, chosen))
        rows.append(_one_by_one(name, ours, given[0], chosen))
        rows.append(_input(name, ours, config, given[0], chosen))
    return rows


def measure_films(size: str) -> list[Row]:
    """A step of VTN, and an answer; of a quick run the answer alone."""
    from benchmarks import originals  # late: torch

    chosen = SIZES[size]
    config = recipe("vtn", chosen)
    batch = clips(np.full(chosen.films, 16), (chosen.pixels, chosen.pixels, 3), 16)
    ours, theirs = Jax(config, batch), originals.Torch(config, runtime.available_cores())
    given = ours.prepare(batch), theirs.prepare(batch)
    name = "VTN resnet34" + (f", {chosen.layers} layers" if size == "quick" else "")
    rows = [_answer(f"{name}: evaluation", ours, theirs, given, chosen.film_rounds)]
    if size != "quick":
        rows.append(_step(f"{name}: step", ours, theirs, given, chosen.film_rounds))
    return rows


def _one_by_one(name: str, ours: Jax, given: Batch, size: Size) -> Row:
    """What `jaxsign embed` asks of the net: clips in a batch, and the same one at a time."""
    single = [{key: value[:, i : i + 1] for key, value in given.items()} for i in range(size.batch)]
    sides: dict[str, timing.Run] = {
        "jaxsign": functools.partial(ours.predict, given),
        "one at a time": lambda: [*map(ours.predict, single)],
    }
    row = f"{name}: embedding {size.batch} clips in a batch"
    return Row(row, timing.alternate(sides, rounds=size.rounds))


def _input(name: str, ours: Jax, config: ConfigDict, given: Batch, size: Size) -> Row:
    """Training batches from files, augmented as the recipe does, and the steps that they feed."""
    count = 2 * size.batch
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), count, size.frames)
        config = config.copy_and_resolve_references()
        config.data.update(aspect=(1.0,))
        config.data.train.path = folder
        source = sources.open_source(config.data, "train", {"gloss": 0})
        examples = ClassExamples(source, treatment.of_recipe(config, source, training=True))
        batches = batching.TrainBatches(examples, batching.BatchOptions(size.batch))
        times = timing.alternate(
            {
                "input": lambda: list(itertools.islice(batches.iterator(), 2)),
                "training steps": functools.partial(ours.train, [given] * 2),
            },
            rounds=size.rounds,
        )
    note = "the ratio says how many times it outruns the steps"
    return Row(f"{name}: input of two steps", times, note=note)


def write_folder(folder: Path, count: int, frames: int) -> None:
    """SignON's folder of random clips of 75 points, all for training."""
    rng = np.random.default_rng(0)
    (folder / "mediapipe").mkdir()
    with (folder / "samples.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("Id", "Label", "Participant", "Video", "Subset"))
        for i in range(count):
            np.save(folder / f"mediapipe/{i}.npy", rng.random((frames, 75, 3)))
            table.writerow((i, i % CLASSES, "a", f"{i}.mp4", "train"))


def _step(
    name: str, ours: Jax, theirs: "originals.Torch", given: tuple[Any, Any], rounds: int
) -> Row:
    steps = {
        "jaxsign": functools.partial(ours.train, [given[0]]),
        "torch": functools.partial(theirs.train, [given[1]]),
    }
    return Row(
        name, timing.alternate(steps, rounds=rounds), _operations(ours, given[0], train=True)
    )


def _answer(
    name: str, ours: Jax, theirs: "originals.Torch", given: tuple[Any, Any], rounds: int
) -> Row:
    answers: dict[str, timing.Run] = {
        "jaxsign": functools.partial(ours.predict, given[0]),
        "torch": functools.partial(theirs.predict, given[1]),
    }
    count = _operations(ours, given[0], train=False)
    return Row(name, timing.alternate(answers, rounds=rounds), count)


def _operations(ours: Jax, given: Batch, *, train: bool) -> float:
    """Of an answer; of a step without dropout and the optimizer."""
    batch = {name: value[0] for name, value in given.items()}

    def answer(params: Any) -> Any:
        found = nets.call(ours.net, {**ours.variables, "params": params}, batch)
        return nets.logits_of(found)["gloss"].sum()

    return flops.counted(jax.grad(answer) if train else answer, ours.variables["params"])


def _mixed(
    name: str, ours: Jax, theirs: "originals.Torch", shape: tuple[int, ...], size: Size
) -> Row:
    """Two batches of mixed lengths: jaxsign sorts them into two buckets, the original pads."""
    frames = np.sort(np.concatenate([lengths(size, mixed=True)] * 2))
    buckets = (int(frames[size.batch - 1]), size.frames)
    sorted_ = [
        clips(frames[i * size.batch : (i + 1) * size.batch], shape, bucket)
        for i, bucket in enumerate(buckets)
    ]
    shuffled = [clips(frames[i::2], shape, size.frames) for i in range(2)]
    steps = {
        "jaxsign": functools.partial(ours.train, [ours.prepare(b) for b in sorted_]),
        "torch": functools.partial(theirs.train, [theirs.prepare(b) for b in shuffled]),
    }
    times = timing.alternate(steps, rounds=size.rounds)
    compiled: Any = ours.steps.train
    # One of them is the step at one length, which may have a bucket's.
    note = f"{len({*buckets, size.frames})} lengths, {compiled._cache_size()} programs"
    return Row(f"{name}: two steps, mixed lengths", times, note=note)


MEASURES = (
    command.Measure(
        "signon", measure_points, "PTN, and steps of mixed lengths: compiling takes a minute"
    ),
    command.Measure("vtn", measure_films, "a training step: compiling takes a minute"),
)

if __name__ == "__main__":
    command.main(*MEASURES)
