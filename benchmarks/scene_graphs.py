"""Nets of scenes on made-up videos against the originals in torch, which take one at a time.

python -m benchmarks.scene_graphs [--only NAME ...] [--quick] [--json FILE]
"""

import dataclasses
import functools
import itertools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from benchmarks import command, original_recall, sides, timing
from benchmarks.rows import Row
from benchmarks.workload import Batch
from jaxsign import config as configs
from jaxsign import nets, tasks
from jaxsign.input import batching
from jaxsign.input.scenes import pairs, sources
from jaxsign.input.scenes.examples import SceneExamples
from jaxsign.input.scenes.vocabulary import ACTION_GENOME
from jaxsign.tasks.scenes import recall
from jaxsign.train import setup


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured: frames of a video, widths and depth of the net.

    Attributes:
      counts: videos of the batches, the most last.
      evaluated: frames whose recall is counted.
    """

    frames: int = 16
    counts: tuple[int, ...] = (1, 8)
    feature_dim: int = 2048
    union_dim: int = 1024
    hidden_dim: int = 512
    embed_dim: int = 1024
    temporal_layers: int = 3
    rounds: int = 5
    evaluated: int = 1000

    @property
    def videos(self) -> int:
        """That are made."""
        return self.counts[-1]


SIZES = {
    "full": Size(),
    "quick": Size(
        counts=(4,),
        feature_dim=512,
        union_dim=256,
        hidden_dim=128,
        embed_dim=256,
        temporal_layers=1,
        rounds=2,
        evaluated=300,
    ),
    "check": Size(
        3,
        (2,),
        feature_dim=8,
        union_dim=4,
        hidden_dim=8,
        embed_dim=8,
        temporal_layers=1,
        rounds=1,
        evaluated=20,
    ),
}


class Jax(sides.Jax):
    """jaxsign's step, of however many videos."""

    def __init__(self, config: ConfigDict, example: Batch):
        super().__init__(config, example)
        self._told = jax.jit(lambda v, batch: nets.call(self.net, v, batch)["relations"])

    def prepare(self, batch: Batch) -> Batch:
        return {name: value[None] for name, value in batch.items()}

    def predict(self, batch: Batch) -> None:
        rows = {name: batch[name][0] for name in self.net.inputs if name in batch}
        jax.block_until_ready(self._told(self.variables, rows))


# A net -> the recipe that is as its original's, and how it is called.
RECIPES = {
    "sttran": ("sttran", "STTran"),
    "tempura": ("tempura:paper", "TEMPURA"),
    "stket": ("stket", "STKET"),
    "scene_llm": ("scene_llm", "SceneLLM"),
    "easg": ("easg", "EASG"),
}


def recipe(size: Size, name: str = "sttran") -> ConfigDict:
    """A shipped recipe on made-up videos of the size of Action Genome's, 3 objects a frame.

    EASG's are of graphs of two frames on average.
    """
    config = configs.load(RECIPES[name][0])
    config.data.source = "synthetic_scenes"
    config.data.synthetic_scenes.update(
        videos=size.videos, val_videos=1, frames=(size.frames, size.frames), boxes=(3, 3),
        objects=35, feature_dim=size.feature_dim, union_dim=size.union_dim,
    )  # fmt: skip
    if name == "easg":
        config.data.source = "synthetic_actions"
        graphs = (size.frames + 1) // 2
        config.data.synthetic_actions.update(
            videos=size.videos, val_videos=1, graphs=(graphs, graphs), boxes=(3, 3),
            objects=35, feature_dim=size.feature_dim, verb_dim=size.feature_dim,
        )  # fmt: skip
    if name == "scene_llm":
        config.net.update(box_scale="corner", embed_dim=size.embed_dim)
    config.net.update(hidden_dim=size.hidden_dim, temporal_layers=size.temporal_layers)
    config.input.threads = 2
    return config


def measure(of_size: str, name: str) -> list[Row]:
    """Steps and answers of a net, of one video and of several at once; STTran's input."""
    from benchmarks import original_scenes  # late: torch

    size, shown = SIZES[of_size], RECIPES[name][1]
    config, found = opened(size, name)
    several = batch_of(found, range(size.videos))
    ours, theirs = Jax(config, batch_of(found, range(1))), original_scenes.Torch(config)
    videos = original_scenes.videos(several)
    told = int((several["valid_pairs"] & several["labelled"]).sum())
    rows = []
    for count in size.counts:
        given = ours.prepare(batch_of(found, range(count)))
        for what, run, other in (
            ("step", functools.partial(ours.train, [given]), _one_by_one(theirs.train)),
            ("evaluation", functools.partial(ours.predict, given), theirs.predict),
        ):
            both = {"jaxsign": run, "torch": functools.partial(other, videos[:count])}
            note = f"{told} pairs; " if count > 1 else ""
            note += f"{size.hidden_dim} wide, {size.temporal_layers} layers over time"
            of = f"{shown}: {what}, {count} video{'s' * (count > 1)}"
            rows.append(Row(of, timing.alternate(both, rounds=size.rounds), note=note))
    if name == "sttran":
        rows.append(_input(config, found, ours, ours.prepare(several), size))
    return rows


def opened(size: Size, name: str) -> tuple[ConfigDict, SceneExamples]:
    """A recipe as its made-up videos complete it, and these."""
    config = recipe(size, name)
    found = tasks.kind(config).open(config, "train", training=True)
    assert isinstance(found, SceneExamples)
    return setup.filled(config, found.facts(config)), found


def measure_recall(size: str) -> list[Row]:
    """Recall of frames of a person and ten detected objects; both sides count the same."""
    return [_recall(SIZES[size], constraint) for constraint in recall.CONSTRAINTS]


def _recall(size: Size, constraint: recall.Constraint) -> Row:
    told, truth = _told(size.evaluated, 10)

    def ours() -> np.ndarray:
        found = recall.ranks(told, truth, ACTION_GENOME, constraint)
        return recall.recall(recall.count(found, truth, ACTION_GENOME))

    theirs = functools.partial(original_recall.recalls, told, truth, ACTION_GENOME, constraint)
    np.testing.assert_allclose(ours(), theirs(), rtol=1e-12)
    times = timing.alternate({"jaxsign": ours, "numpy": theirs}, rounds=size.rounds)
    name = f"Recall of {size.evaluated} frames, constraint: {constraint}"
    return Row(name, times, note="beside the original's loop over frames")


def _told(frames: int, objects: int) -> tuple[recall.Answers, recall.Truth]:
    """Random answers, no two equally sure, and truths at about the same places."""
    rng, each = np.random.default_rng(0), objects + 1
    boxes = rng.uniform(0, 400, (frames * each, 4)).astype(np.float32)
    boxes[:, 2:] = boxes[:, :2] + rng.uniform(20, 200, (frames * each, 2))
    labels = rng.integers(2, len(ACTION_GENOME.objects), frames * each)
    labels[::each] = pairs.PERSON
    number = np.repeat(np.arange(frames), each)
    both = pairs.of_persons(number, labels, np.arange(0, frames * each, each))
    of_pair = number[both[:, 0]]
    true = rng.random((len(both), len(ACTION_GENOME.predicates))) < 0.1
    sure = (0.3 * true + 0.7 * rng.random(true.shape)).astype(np.float32)
    moved = boxes + rng.normal(0, 8, boxes.shape).astype(np.float32)
    scores = rng.uniform(0.5, 1, len(boxes)).astype(np.float32)
    return (
        recall.Answers(moved, labels, scores, both, of_pair, sure),
        recall.Truth(boxes, labels, both, of_pair, true, frames),
    )


def _one_by_one(train: Callable[[list[Any]], None]) -> Callable[[Sequence[Any]], None]:
    """The original's way: a step a video."""
    return lambda videos: train([[video] for video in videos])


def batch_of(found: SceneExamples, members: range) -> Batch:
    """These videos, padded to the largest of all."""
    options = batching.BatchOptions(batch_size=len(members))
    rows = [found.example(i) for i in members]
    whole = batching.TrainBatches(found, options).blank(_size(found), (len(members),))
    return {**whole, **found.stack(rows, _size(found))}


def _size(found: SceneExamples) -> tuple[int, ...]:
    return tuple(found.sizes.max(axis=0).tolist())


def _input(config: ConfigDict, made: SceneExamples, ours: Jax, given: Batch, size: Size) -> Row:
    """A batch of training videos from scene files, and the step that it feeds."""
    with tempfile.TemporaryDirectory() as folder:
        for scene in made.source.scenes():
            scene.save(Path(folder) / f"{scene.source}.scene.npz")
        config = config.copy_and_resolve_references()
        config.data.source, config.data.train.path = sources.SCENES, folder
        config.data.val.path = folder
        found = SceneExamples(sources.open_source(config.data, "train"), training=True)
        options = batching.BatchOptions(batch_size=size.videos, threads=2)
        batches = batching.TrainBatches(found, options)
        times = timing.alternate(
            {
                "input": lambda: list(itertools.islice(batches.iterator(), 1)),
                "training step": functools.partial(ours.train, [given]),
            },
            rounds=size.rounds,
        )
    note = "the ratio says how many times it outruns the step"
    return Row(f"STTran: input of {size.videos} videos", times, note=note)


MEASURES = (
    *(command.Measure(name, functools.partial(measure, name=name)) for name in RECIPES),
    command.Measure("recall", measure_recall),
)

if __name__ == "__main__":
    command.main(*MEASURES)
