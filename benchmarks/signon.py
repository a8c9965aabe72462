"""SignON's PoseFormer, PTN and VTN against the originals in torch.

python -m benchmarks.signon [--quick] [--json FILE]
"""

import dataclasses
import functools
import typing
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from benchmarks import command, sides, timing
from benchmarks.report import Row
from benchmarks.workload import Batch
from configs import signon as recipes
from jaxsign import runtime

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

    batch: int = 32
    frames: int = 64
    films: int = 2
    pixels: int = 112
    layers: int = 4
    rounds: int = 7


SIZES = {
    "full": Size(),
    "quick": Size(rounds=3),
    "check": Size(batch=2, frames=8, films=1, pixels=32, layers=1, rounds=1),
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


def measure(size: str) -> list[Row]:
    """Steps at one length and of mixed ones (in two buckets), and evaluation; a step on films."""
    from benchmarks import originals  # late: torch

    chosen, rows = SIZES[size], list[Row]()
    for name, (variant, shape) in NETS.items():
        config = recipe(variant, chosen)
        even = clips(lengths(chosen, mixed=False), shape, chosen.frames)
        ours, theirs = Jax(config, even), originals.Torch(config, runtime.available_cores())
        given = ours.prepare(even), theirs.prepare(even)
        rows.append(_step(f"{name}: step, one length", ours, theirs, given, chosen.rounds))
        rows.append(_answer(f"{name}: evaluation", ours, theirs, given, chosen.rounds))
        rows.append(_mixed(name, ours, theirs, shape, chosen))
    films = recipe("vtn", chosen)
    batch = clips(np.full(chosen.films, 16), (chosen.pixels, chosen.pixels, 3), 16)
    ours, theirs = Jax(films, batch), originals.Torch(films, runtime.available_cores())
    given = ours.prepare(batch), theirs.prepare(batch)
    return [*rows, _step("VTN resnet34: step", ours, theirs, given, chosen.rounds)]


def _step(
    name: str, ours: Jax, theirs: "originals.Torch", given: tuple[Any, Any], rounds: int
) -> Row:
    steps = {
        "jaxsign": functools.partial(ours.train, [given[0]]),
        "torch": functools.partial(theirs.train, [given[1]]),
    }
    return Row(name, timing.alternate(steps, rounds=rounds))


def _answer(
    name: str, ours: Jax, theirs: "originals.Torch", given: tuple[Any, Any], rounds: int
) -> Row:
    answers = {
        "jaxsign": functools.partial(ours.predict, given[0]),
        "torch": functools.partial(theirs.predict, given[1]),
    }
    return Row(name, timing.alternate(answers, rounds=rounds))


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
    return Row(f"{name}: two steps, mixed lengths", timing.alternate(steps, rounds=size.rounds))


if __name__ == "__main__":
    command.main(measure)
