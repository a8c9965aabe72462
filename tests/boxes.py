"""Boxes in videos: examples of two ragged axes (frames, boxes a frame), and nothing like a clip."""

import dataclasses

import numpy as np

from jaxsign.input import planning
from jaxsign.input.examples import Examples


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
