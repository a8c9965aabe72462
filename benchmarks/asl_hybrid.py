"""The ASL hybrid against the original in torch.

python -m benchmarks.asl_hybrid [--quick] [--json FILE]
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from benchmarks import command, sides, timing
from benchmarks.rows import Row
from benchmarks.workload import Batch
from configs import asl_hybrid as recipes
from jaxsign import runtime
from jaxsign.nets.layers import landmark_motion


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured: clips and frames of a training step, frames of single clips."""

    batch: int = 32
    frames: int = 384
    alone: tuple[int, ...] = (16, 60, 384)
    dim: int = 192
    rounds: int = 7


SIZES = {
    "full": Size(),
    "quick": Size(batch=16, frames=192, alone=(60,), rounds=3),
    "check": Size(batch=2, frames=8, alone=(4,), dim=16, rounds=1),
}


def recipe(size: Size) -> ConfigDict:
    """The shipped recipe with the original's dropout, so that both sides do the same work."""
    config = recipes.get_config()
    config.net.update(num_gloss=25, dim=size.dim, drop_path=0.0)
    return config


def clips(count: int, frames: int) -> Batch:
    """Random landmarks in the system's own layout; a tenth of the points is not seen."""
    rng = np.random.default_rng(0)
    landmarks = rng.random((count, frames, landmark_motion.LANDMARKS, 3), dtype=np.float32)
    landmarks[rng.random(landmarks.shape[:3]) < 0.1] = np.nan
    return {
        "landmarks": landmarks,
        "x": landmarks[:, :, np.asarray(landmark_motion.POINTS), :2],
        "valid": np.ones((count, frames), bool),
        "weight": np.ones(count, np.float32),
        "gloss": rng.integers(0, 25, count).astype(np.int32),
    }


class Jax(sides.Jax):
    """jaxsign's step on picked points, as its input pipeline delivers them."""

    def prepare(self, batch: Batch) -> Batch:
        return {name: batch[name][None] for name in ("x", "valid", "gloss", "weight")}


class Torch:
    """The original's forward, loss, backward, clipping and AdamW on all 543 points."""

    def __init__(self, size: Size, threads: int):
        import torch

        from parity.reference import asl_hybrid, asl_hybrid_net

        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.torch, self.criterion = torch, asl_hybrid.criterion
        self.model = asl_hybrid_net.ASLModel(dim=size.dim)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=4e-4, weight_decay=0.005)

    def prepare(self, batch: Batch) -> tuple[Any, Any]:
        landmarks, gloss = (self.torch.from_numpy(batch[name]) for name in ("landmarks", "gloss"))
        return landmarks, gloss

    def train(self, batches: Sequence[tuple[Any, Any]]) -> None:
        self.model.train()
        for x, labels in batches:
            self.optimizer.zero_grad()
            self.criterion(self.model(x), labels.long()).backward()
            self.torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()

    def predict(self, batch: tuple[Any, Any]) -> None:
        self.model.eval()
        with self.torch.inference_mode():
            self.model(batch[0])


def measure(size: str) -> list[Row]:
    """A training step, and the prediction of one clip of several lengths."""
    chosen = SIZES[size]
    ours = Jax(recipe(chosen), clips(1, chosen.frames))
    theirs = Torch(chosen, runtime.available_cores())
    batch = clips(chosen.batch, chosen.frames)
    steps = {
        "jaxsign": functools.partial(ours.train, [ours.prepare(batch)]),
        "torch": functools.partial(theirs.train, [theirs.prepare(batch)]),
    }
    name = f"ASLHybrid: training step, {chosen.batch} x {chosen.frames}"
    rows = [Row(name, timing.alternate(steps, rounds=chosen.rounds))]
    return rows + [_alone(ours, theirs, frames, chosen.rounds) for frames in chosen.alone]


def _alone(ours: Jax, theirs: Torch, frames: int, rounds: int) -> Row:
    clip = clips(1, frames)
    answers = {
        "jaxsign": functools.partial(ours.predict, ours.prepare(clip)),
        "torch": functools.partial(theirs.predict, theirs.prepare(clip)),
    }
    name = f"ASLHybrid: prediction, 1 x {frames}"
    return Row(name, timing.alternate(answers, rounds=rounds))


MEASURES = (command.Measure("asl_hybrid", measure),)

if __name__ == "__main__":
    command.main(*MEASURES)
