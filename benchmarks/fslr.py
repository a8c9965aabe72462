"""SignTransformer and InceptionV3GRU against the original in torch.

python -m benchmarks.fslr [--quick] [--json FILE]
"""

import dataclasses
import functools
import itertools
import typing
from collections.abc import Callable

from ml_collections import ConfigDict

from benchmarks import command, flops, sides, timing, workload
from benchmarks.rows import Row
from configs import fslr_iv3_gru, fslr_transformer
from jaxsign import runtime
from jaxsign.input import batching
from jaxsign.input.signs.treatment import Treatment
from jaxsign.tasks.classes.examples import ClassExamples

if typing.TYPE_CHECKING:
    from benchmarks import originals


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured: clips a batch, frames a clip, clips an epoch, rounds of each.

    Attributes:
      longest: frames of a clip of the epoch; layers: of SignTransformer.
    """

    batch: int = 32
    frames: int = 100
    clips: int = 320
    rounds: int = 15
    epoch_rounds: int = 5
    longest: int = 300
    layers: int = 4


SIZES = {
    "full": Size(),
    "quick": Size(batch=16, clips=32, rounds=3, epoch_rounds=2, longest=128, layers=2),
    "check": Size(batch=1, frames=24, clips=3, rounds=1, epoch_rounds=1, longest=24),
}


def recipes(size: str) -> dict[str, tuple[ConfigDict, int]]:
    """The shipped recipes and the numbers a frame of their input."""
    transformer, gru = fslr_transformer.get_config(), fslr_iv3_gru.get_config()
    # What a run takes from its data where the recipe says 0.
    transformer.net.update(input_dim=156, num_gloss=105, num_cat=10, n_layers=SIZES[size].layers)
    gru.net.update(num_gloss=105, num_cat=10)
    if size == "check":
        transformer.net.update(emb_dim=16, n_heads=2, n_layers=1, ff_dim=32)
        transformer.input.buckets = (24,)
    layers = transformer.net.n_layers
    name = "SignTransformer" + (f" of {layers} layers" if size == "quick" else "")
    return {name: (transformer, 156), "InceptionV3GRU on features": (gru, 2048)}


@functools.cache
def jaxsign_side(name: str, size: str) -> sides.Jax:
    """Our side of a recipe, made once, so that its programs are compiled once."""
    config, dim = recipes(size)[name]
    return sides.Jax(config, workload.batch([SIZES[size].frames], SIZES[size].frames, dim))


def measure(size: str) -> list[Row]:
    """All comparisons at one of `SIZES`."""
    from benchmarks import originals  # late: torch

    chosen = SIZES[size]
    rows = []
    for name, (config, dim) in recipes(size).items():
        example = workload.batch([chosen.frames] * chosen.batch, chosen.frames, dim)
        ours = jaxsign_side(name, size)
        theirs = originals.Torch(config, runtime.available_cores())
        rows += _steps(name, ours, theirs, example, chosen)
        if dim == 156:
            rows += _epochs(name, ours, theirs, config, chosen)
    return rows


def _steps(
    name: str, ours: sides.Jax, theirs: "originals.Torch", example: workload.Batch, size: Size
) -> list[Row]:
    """Training step, and prediction of a batch and of one clip."""
    steps = {
        "jaxsign": functools.partial(ours.train, [ours.prepare(example)]),
        "torch": functools.partial(theirs.train, [theirs.prepare(example)]),
    }
    rows = [
        Row(
            f"{name}: training step, {size.batch} x {size.frames}",
            timing.alternate(steps, rounds=size.rounds),
            flops.count(ours.net, size.batch, size.frames, train=True),
        )
    ]
    for clips in (size.batch, 1):
        few = {key: value[:clips] for key, value in example.items()}
        answers: dict[str, timing.Run] = {
            "jaxsign": functools.partial(ours.predict, ours.prepare(few)),
            "torch": functools.partial(theirs.predict, theirs.prepare(few)),
        }
        rows.append(
            Row(
                f"{name}: prediction, {clips} x {size.frames}",
                timing.alternate(answers, rounds=size.rounds),
                flops.count(ours.net, clips, size.frames, train=False),
            )
        )
    return rows


def _epochs(
    name: str, ours: sides.Jax, theirs: "originals.Torch", config: ConfigDict, size: Size
) -> list[Row]:
    """A training epoch over clips of mixed lengths; jaxsign's side includes its input pipeline."""
    clips = workload.lengths(size.clips, longest=size.longest)
    examples = ClassExamples(workload.source(clips, 156), Treatment(max_length=size.longest))
    bucketed, even = (
        batching.TrainBatches(examples, batching.BatchOptions(size.batch, buckets))
        for buckets in (tuple(config.input.buckets), (size.longest,))
    )
    padded = workload.padded_to_longest(clips, size.batch, 156)
    times = timing.alternate(
        {
            "jaxsign": _epoch_of(ours, bucketed),
            "torch": functools.partial(theirs.train, [theirs.prepare(b) for b in padded]),
            "one length": _epoch_of(ours, even),
        },
        rounds=size.epoch_rounds,
    )
    frames = {
        "jaxsign": _frames(bucketed),
        "torch": sum(batch["valid"].size for batch in padded),
        "one length": _frames(even),
    }
    lengths = f"{len(clips)} clips of {clips.min()} to {clips.max()} frames"
    return [
        Row(
            f"{name}: epoch, {lengths}{against}",
            {side: times[side] for side in ("jaxsign", other)},
            note=f"frames with padding: {frames['jaxsign']}, {other} {frames[other]}; "
            f"lengths {', '.join(str(size[0]) for size in bucketed.plan.sizes)}",
        )
        for other, against in (("torch", ""), ("one length", ", buckets against one length"))
    ]


def _epoch_of(side: sides.Jax, batches: batching.TrainBatches) -> Callable[[], None]:
    iterator = batches.iterator()
    return lambda: side.train(itertools.islice(iterator, batches.steps_per_epoch))


def _frames(batches: batching.TrainBatches) -> int:
    planned = [batches.plan[number] for number in range(batches.steps_per_epoch)]
    return sum(plan.size[0] * plan.rows.size for plan in planned)


MEASURES = (command.Measure("fslr", measure),)

if __name__ == "__main__":
    command.main(*MEASURES)
