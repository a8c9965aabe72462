"""WhisperSign against the original in torch: training steps, an epoch, decoding.

python -m benchmarks.whisper_sign [--quick] [--json FILE]
"""

import collections
import dataclasses
import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from benchmarks import command, flops, sides, timing, workload
from benchmarks.rows import Row
from benchmarks.workload import Batch
from configs import whisper_sign as recipes
from jaxsign import runtime
from jaxsign.infer import asking
from jaxsign.infer import run as runs
from jaxsign.input import planning
from jaxsign.tasks.sequences import decoder, options

# At random weights every frame has a label of its own. With this the beam's hypotheses of two
# seconds have 3 to 6 glosses, about what is signed in that time.
BLANK_BIAS = 2.5


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
      net: fields of the recipe's net that are not the published ones.
      batch: clips a step; labels: glosses a clip.
      frames: lengths of the training steps; alone: of the clips that are decoded.
      clips, shortest, longest: of the epoch; padded: frames that the original pads all of them to.
      rounds, epoch_rounds: measurements of each.
    """

    net: tuple[tuple[str, int], ...] = ()
    batch: int = 16
    labels: int = 6
    frames: tuple[int, ...] = (120, 300)
    alone: int = 120
    clips: int = 320
    shortest: int = 60
    longest: int = 300
    padded: int = 1500
    rounds: int = 7
    epoch_rounds: int = 3


_SMALL = (("dim", 256), ("num_heads", 4), ("num_layers", 1), ("ff_dim", 1024))
_TINY = (("dim", 16), ("num_heads", 2), ("num_layers", 1), ("ff_dim", 32), ("num_gloss", 20))
SIZES = {
    "full": Size(),
    "quick": Size(
        net=_SMALL, batch=8, frames=(120,), shortest=91, longest=120, rounds=3, epoch_rounds=1
    ),
    "check": Size(
        _TINY, batch=2, labels=2, frames=(12,), alone=12, clips=4, shortest=10, longest=20,
        padded=40, rounds=1, epoch_rounds=1,
    ),
}  # fmt: skip


def recipe(size: Size) -> ConfigDict:
    """The published recipe's second stage: everything trains, on the loss of both heads."""
    config = recipes.get_config()
    config.net.update(num_gloss=1295)
    config.net.update(dict(size.net))
    return config


def clips(size: Size, count: int, frames: int) -> Batch:
    """Random joints and glosses; all frames are real, so that nothing is saved by masks."""
    rng = np.random.default_rng(0)
    ids = dict(size.net).get("num_gloss", 1295)
    return {
        "x": rng.standard_normal((count, frames, 42, 7), dtype=np.float32),
        "valid": np.ones((count, frames), bool),
        "sequence": rng.integers(1, ids + 1, (count, size.labels)).astype(np.int32),
        "sequence_valid": np.ones((count, size.labels), bool),
        "weight": np.ones(count, np.float32),
    }


class Jax(sides.Jax):
    """jaxsign's step, and recognition as `jaxsign predict` does it."""

    def __init__(self, config: ConfigDict, example: Batch):
        super().__init__(config, example)
        variables: Any = jax.tree.map(np.array, self.variables)
        variables["params"]["ctc_head"]["bias"][0] += BLANK_BIAS
        self._run = runs.Run(
            workdir=Path(),
            which="best",
            config=config,
            labels={"gloss": None},
            net=self.net,
            variables=jax.device_put(variables),
            info={},
        )
        self._asker = asking.Asker(self._run)

    def prepare(self, batch: Batch) -> Batch:
        return {name: value[None] for name, value in batch.items()}

    @functools.cache  # noqa: B019 - a side lives as long as the process
    def decoder(self, mode: str) -> decoder.Decoder:
        """That answers in one of the modes of decoding."""
        return decoder.Decoder(self._run, options.DecodingOptions(mode=mode))

    def recognise(self, batch: Batch, mode: str) -> None:
        clips = [runs.NetInput(x, np.ones(len(x), bool)) for x in batch["x"]]
        self._asker.answers(clips, len(clips), answerer=self.decoder(mode))


class Torch:
    """The original's forward, promised loss, backward, clipping and AdamW, and greedy decoding."""

    def __init__(self, config: ConfigDict, threads: int):
        import torch

        from parity.reference import whispersign_net, whispersign_train
        from parity.settings import whispersign_runs

        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.torch, self.loop = torch, whispersign_train
        self.model = whispersign_net.WhisperSignModel(**original_args(config.net))
        with torch.no_grad():
            self.model.decoder.ctc_decoder.projection.bias[0] += BLANK_BIAS
        self.stage = whispersign_runs.Stage(
            epochs=1,
            lr=config.optim.lr,
            weight_decay=config.optim.weight_decay,
            alpha=config.loss.alpha,
            grad_clip=config.optim.grad_clip,
        )
        self.optimizer = whispersign_train.make_optimizer(self.model.parameters(), self.stage)

    def prepare(self, batch: Batch) -> dict[str, Any]:
        tensor = self.torch.from_numpy
        return {
            "features": tensor(batch["x"]),
            "feature_lengths": tensor(batch["valid"].sum(1)),
            "labels": tensor(batch["sequence"][batch["sequence_valid"]]).long(),
            "label_lengths": tensor(batch["sequence_valid"].sum(1)),
        }

    def train(self, batches: Iterable[dict[str, Any]]) -> None:
        self.model.train()
        records = self.loop.Records()
        for batch in batches:
            self.loop.update(self.model, batch, self.optimizer, self.stage, records)

    def recognise(self, batch: dict[str, Any]) -> None:
        self.model.eval()
        self.model.decode(batch["features"], batch["feature_lengths"])


def original_args(net: ConfigDict) -> dict[str, dict[str, Any]]:
    """The original's three sections for a net of ours."""
    frontend = {name: net[name] for name in ("num_joints", "num_features", "patch_size")}
    frontend |= {"d_model": net.dim, "dropout": net.frontend_dropout}
    frontend["spatial_dropout"] = net.spatial_dropout
    encoder = {name: net[name] for name in ("num_heads", "num_layers", "dropout")}
    encoder["d_ff"] = net.ff_dim
    decoder = {"vocab_size": net.num_gloss + 1}
    return {"frontend": frontend, "encoder": encoder, "decoder": decoder}


def measure(size: str) -> list[Row]:
    """Everything at one of `SIZES`."""
    chosen = SIZES[size]
    config = recipe(chosen)
    ours = Jax(config, clips(chosen, 1, chosen.frames[0]))
    theirs = Torch(config, runtime.available_cores())
    name = f"WhisperSign {config.net.dim}/{config.net.num_layers}"
    return [
        *_steps(name, ours, theirs, chosen),
        *_epochs(name, ours, theirs, config, chosen),
        *_decoding(name, ours, theirs, chosen),
    ]


def _steps(name: str, ours: Jax, theirs: Torch, size: Size) -> list[Row]:
    """Teacher-forced training steps."""
    rows = []
    for frames in size.frames:
        times = timing.alternate(_step(ours, theirs, size, frames), rounds=size.rounds)
        count = flops.whisper_sign_step(ours.net, size.batch, frames, size.labels + 1)
        title = f"{name}: training step, {size.batch} x {frames}"
        rows.append(Row(title, times, count, "first run = compilation and a step"))
    return rows


def _step(ours: Jax, theirs: Torch, size: Size, frames: int) -> dict[str, timing.Run]:
    batch = clips(size, size.batch, frames)
    return {
        "jaxsign": functools.partial(ours.train, [ours.prepare(batch)]),
        "torch": functools.partial(theirs.train, [theirs.prepare(batch)]),
    }


def _epochs(name: str, ours: Jax, theirs: Torch, config: ConfigDict, size: Size) -> list[Row]:
    """An epoch, summed up from one step of every shape: no input pipeline on either side."""
    lengths = workload.lengths(size.clips, size.shortest, size.longest)
    plan = planning.Plan(
        planning.Whole(lengths[:, None]),
        planning.bucket_sizes(config.input.buckets, (size.padded,)),
        size.batch,
        accumulation=1,
        seed=0,
        shuffle=True,
    )
    counts = collections.Counter(plan[number].size[0] for number in range(plan.per_epoch))
    shapes = {frames: _step(ours, theirs, size, frames) for frames in sorted(counts)}
    programs = {f"{side} {n}": run for n, pair in shapes.items() for side, run in pair.items()}
    programs["padded"] = _step(ours, theirs, size, size.padded)["torch"]
    times = timing.alternate(programs, rounds=size.epoch_rounds)
    bucketed, same = (
        summed([(times[f"{side} {n}"], count) for n, count in counts.items()])
        for side in ("jaxsign", "torch")
    )
    padded = summed([(times["padded"], plan.per_epoch)])
    shape = ", ".join(f"{count} of {n}" for n, count in sorted(counts.items()))
    title = f"{name}: epoch, {len(lengths)} clips of {lengths.min()} to {lengths.max()} frames"
    note = f"one step of each shape timed and summed; batches: {shape}"
    return [
        Row(
            title,
            {"jaxsign": bucketed, "torch": padded},
            note=f"{note}; torch as the original: all at {size.padded}",
        ),
        Row(f"{title}, same buckets", {"jaxsign": bucketed, "torch": same}, note=note),
    ]


def summed(parts: Sequence[tuple[timing.Timing, int]]) -> timing.Timing:
    """Steps, each so many times; the first runs count once."""
    rounds = range(len(parts[0][0].seconds))
    seconds = tuple(sum(count * part.seconds[i] for part, count in parts) for i in rounds)
    return timing.Timing(sum(part.first for part, _ in parts), seconds)


def _decoding(name: str, ours: Jax, theirs: Torch, size: Size) -> list[Row]:
    """One clip greedily, on both sides; a batch by beam and rescoring against greedily."""
    clip, batch = clips(size, 1, size.alone), clips(size, size.batch, size.alone)
    single = {
        "jaxsign": functools.partial(ours.recognise, clip, "greedy"),
        "torch": functools.partial(theirs.recognise, theirs.prepare(clip)),
    }
    modes = {
        "jaxsign": functools.partial(ours.recognise, batch, "two_pass"),
        "greedy": functools.partial(ours.recognise, batch, "greedy"),
    }
    both = timing.alternate(modes, rounds=size.rounds)
    cost = both["jaxsign"].median / both["greedy"].median
    return [
        Row(f"{name}: greedy, 1 x {size.alone}", timing.alternate(single, rounds=size.rounds)),
        Row(
            f"{name}: beam 10 and rescoring of 8, {size.batch} x {size.alone}",
            both,
            note=f"{cost:.2f} times the time of greedy decoding",
        ),
    ]


MEASURES = (
    command.Measure(
        "whisper_sign", measure, "clips of 60 to 90 and of 120 to 300 frames: a program each"
    ),
)

if __name__ == "__main__":
    command.main(*MEASURES)
