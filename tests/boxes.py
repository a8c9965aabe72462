"""Boxes in videos: examples of two ragged axes (frames, boxes a frame), and nothing like a clip.

A net and a task learn from them through the loop, which knows neither.
"""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign import config as configs
from jaxsign import nets, tasks
from jaxsign.input import planning
from jaxsign.input.examples import Examples
from jaxsign.tasks import measures
from jaxsign.train import log, loop


@dataclasses.dataclass
class Halves:
    """Both halves of every video; a piece is (first frame, frames)."""

    whole: np.ndarray

    def __post_init__(self):
        frames, most = self.whole.T
        half = frames // 2
        self._example = np.repeat(np.arange(len(frames)), 2)
        self._part = np.stack([0 * half, half, half, frames - half], axis=1).reshape(-1, 2)
        self.sizes = np.stack([self._part[:, 1], np.repeat(most, 2)], axis=1)

    def __call__(self, epoch):
        return planning.Pieces(self._example, self._part, self.sizes)


class Boxes(Examples):
    """`boxes` float32 [F, N, 4] with 1 to N of them in every frame; a class a video.

    Boxes of class 1 lie further right. In training they tremble, and every video is cut in halves.
    """

    def __init__(self, count=30, seed=0, training=True):
        rng = np.random.default_rng(seed)
        self.name, self.training = f"{count} videos of boxes", training
        self.ids = [f"video{i}" for i in range(count)]
        self.sizes = np.stack([rng.integers(2, 13, count), rng.integers(1, 6, count)], axis=1)
        self.labels = rng.integers(0, 2, count)
        self.boxes, self.real = [], []
        for (frames, most), label in zip(self.sizes, self.labels, strict=True):
            real = np.arange(most) < rng.integers(1, most + 1, (frames, 1))
            boxes = rng.uniform(0, 1, (frames, most, 4)).astype(np.float32)
            boxes[..., 0] += label
            self.boxes.append(boxes * real[..., None])
            self.real.append(real)

    def facts(self, config):
        return {"net": {"classes": 2}}

    def cutting(self):
        return Halves(self.sizes) if self.training else planning.Whole(self.sizes)

    def example(self, index, rng=None, piece=()):
        part = slice(piece[0], sum(piece)) if piece else slice(None)
        boxes, real = self.boxes[index][part], self.real[index][part]
        if rng is not None:
            boxes = boxes + 0.1 * rng.normal(size=boxes.shape).astype(np.float32) * real[..., None]
        return {"boxes": boxes, "real": real, "label": self.labels[index]}

    def stack(self, rows, size):
        made = self.blank(size, len(rows))
        made["valid_boxes"][:] = False
        for at, row in enumerate(rows):
            if row is None:
                made["valid_boxes"][at, 0, 0] = True
                continue
            frames, most = row["real"].shape
            made["boxes"][at, :frames, :most] = row["boxes"]
            made["valid_boxes"][at, :frames, :most] = row["real"]
            made["label"][at] = row["label"]
        return made

    def blank(self, size, rows):
        return {
            "boxes": np.zeros((rows, *size, 4), np.float32),
            "valid_boxes": np.ones((rows, *size), bool),
            "label": np.zeros(rows, np.int32),
        }


class Net(nets.Net):
    """The mean over real boxes of a layer of each, seen from a memory of all training videos."""

    classes: int = 0  # 0 = as many as the data have

    inputs: ClassVar[tuple[str, ...]] = ("boxes", "valid_boxes")
    outputs: ClassVar[tuple[str, ...]] = ("logits",)

    @nn.compact
    def __call__(self, boxes, valid_boxes=None, *, train=False):
        h = jnp.tanh(nn.Dense(8, name="inner")(boxes)) * valid_boxes[..., None]
        h = h.sum((1, 2)) / valid_boxes.sum((1, 2))[:, None]
        memory = self.variable("memory", "mean", jnp.zeros, h.shape[-1:]).value
        return {"logits": nn.Dense(self.classes, name="outer")(h - memory), "embedding": h}


@dataclasses.dataclass(frozen=True)
class Task(tasks.Task):
    """Cross entropy, and how many videos are right."""

    net: nets.Net

    @classmethod
    def open(cls, config, split, *, training=False):
        return Boxes(26 if training else 9, seed=int(training), training=training)

    @classmethod
    def build(cls, config, net):
        return cls(net)

    @classmethod
    def numbers(cls, config):
        return {"right": measures.Number("right", "right videos", "max")}

    def loss(self, variables, batch, rng, now):
        output = nets.call(self.net, variables, batch, train=True, rng=rng)
        rows, sums = self._rows(output, batch)
        return tasks.Learnt((rows * batch["share"]).sum(), sums, {})

    def evaluate(self, variables, batch, now):
        return tasks.Evaluated(self._rows(nets.call(self.net, variables, batch), batch)[1])

    renews = True

    def look(self, variables, batch):
        return {"seen": nets.call(self.net, variables, batch)["embedding"]}

    def renew(self, variables, rows):
        seen = np.concatenate([row["seen"][row["index"] >= 0] for row in rows])
        assert len(seen) == 52  # both halves of every training video, once
        return {**variables, "memory": {"mean": seen.mean(0)}}

    def _rows(self, output, batch):
        logits, real = output["logits"], batch["weight"]
        rows = -jax.nn.log_softmax(logits)[jnp.arange(len(real)), batch["label"]]
        right = (logits.argmax(-1) == batch["label"]) * real
        return rows, {"examples": real.sum(), "loss": (rows * real).sum(), "right": right.sum()}

    def summarise(self, sums):
        return {name: float(sums[name]) / float(sums["examples"]) for name in ("loss", "right")}

    def unasked(self, *_):
        raise NotImplementedError("boxes are learnt from, and nobody asks for answers")

    outputs = answerer = scorer = follower = unasked

    columns = (measures.Column("val_right", "val", "right"),)
    panel = measures.Panel("right videos", {"val_right": "right"})

    def line(self, val):
        return f"right {val['right']:.3f}"


def recipe():
    """A few epochs with buckets that are no chain."""
    config = configs.base()
    config.net = {"name": "boxes", "classes": 0}
    config.task.update(name="boxes", heads=(), monitor="right")
    config.input.update(batch_size=4, buckets=((3, 5), (6, 3)), threads=0)
    config.optim.update(name="adamw", lr=0.01, accumulation=2)
    config.train.epochs = 3
    config.log.tensorboard = False
    config.deterministic = True
    return config


def train(folder, config, steps=None):
    """Trains in this process; stops after `steps` more steps if that is given."""
    nets.add("boxes", Net)
    tasks.add("boxes", Task)
    return loop.train(config, folder, log.TrainingDisplay(live=False), stop_after_steps=steps)
