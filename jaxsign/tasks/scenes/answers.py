"""What a net tells of a video, for people and as JSON."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxsign.input.scenes.scene_source import SceneSource
from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.tasks import answering
from jaxsign.tasks.scenes import padded, recall

Array = np.ndarray
_SHOWN = 8  # relations of a video in a line or a frame


@dataclasses.dataclass(frozen=True)
class Relation:
    """A relation that a net tells.

    Attributes:
      subject, object: numbers of the boxes in their frame, the person's first.
      predicate: its name.
      group: the predicate's.
      reversed: it is told as (object, predicate, person).
      score: how sure it is, 0 to 1, the classes' scores counted in.
    """

    subject: int
    predicate: str
    object: int
    group: str
    reversed: bool
    score: float


@dataclasses.dataclass(frozen=True)
class FrameAnswer:
    """A frame: boxes float [M, 4] in pixels with classes and scores [M], relations, surest first.

    Attributes:
      name: of its picture.
      time: in seconds; None where the scene does not tell.
    """

    name: str
    time: float | None
    boxes: Array
    classes: tuple[str, ...]
    scores: Array
    relations: tuple[Relation, ...]

    def told(self, relation: Relation) -> str:
        """'person holding cup', 'cup in_front_of person'."""
        ends = self.classes[relation.subject], self.classes[relation.object]
        first, second = ends[::-1] if relation.reversed else ends
        return f"{first} {relation.predicate} {second}"

    def json(self) -> dict[str, Any]:
        """Plain values; a relation names its boxes by their place in `objects`."""
        return {
            "frame": self.name,
            **({} if self.time is None else {"time": self.time}),
            "objects": [
                {"label": name, "score": float(score), "box": [float(x) for x in box]}
                for name, score, box in zip(self.classes, self.scores, self.boxes, strict=True)
            ],
            "relations": [
                {**dataclasses.asdict(one), "told": self.told(one)} for one in self.relations
            ],
        }


@dataclasses.dataclass(frozen=True)
class SceneAnswer(answering.Answer):
    """The relations of a video's frames."""

    frames: tuple[FrameAnswer, ...]

    def line(self) -> str:
        best = [f"{text} ({count}x)" for text, count in self._commonest()[:3]]
        return f"{len(self.frames)} frames: {', '.join(best) or 'no relations'}"

    def text(self, name: str) -> str:
        lines = [f"{name}: {len(self.frames)} frames"]
        for frame in self.frames:
            time = "" if frame.time is None else f"  {frame.time:.2f} s"
            lines.append(f"  {frame.name}{time}")
            width = max([len(frame.told(one)) for one in frame.relations[:_SHOWN]], default=0)
            for one in frame.relations[:_SHOWN]:
                lines.append(f"    {frame.told(one):{width}}  {one.score:.2f}")
            if (more := len(frame.relations) - _SHOWN) > 0:
                lines.append(f"    and {more} more (--out writes all)")
        return "\n".join(lines)

    def json(self) -> dict[str, Any]:
        return {"frames": [frame.json() for frame in self.frames]}

    def _commonest(self) -> list[tuple[str, int]]:
        """Relations by the number of frames in which they are told, the most frequent first."""
        texts = [frame.told(one) for frame in self.frames for one in frame.relations]
        names, counts = np.unique(texts, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return [(str(names[i]), int(counts[i])) for i in order]


@dataclasses.dataclass(frozen=True)
class Answerer:
    """Makes answers of a net's padded outputs.

    Attributes:
      words: of the relations.
      source: of the scenes, whose names and times frames get; None: frames are numbered.
      constraint: which candidates are told.
    """

    words: Vocabulary
    source: SceneSource | None = None
    constraint: recall.Constraint = "with"

    def __call__(self, rows: answering.Outputs, names: Sequence[str]) -> list[SceneAnswer]:
        return [
            self._scene({k: v[i] for k, v in rows.items()}, name) for i, name in enumerate(names)
        ]

    @functools.cached_property
    def _places(self) -> dict[str, int]:
        """The number of each scene of the source, by its name."""
        return {} if self.source is None else {n: i for i, n in enumerate(self.source.ids)}

    def _scene(self, row: dict[str, Array], name: str) -> SceneAnswer:
        boxes = row["valid_boxes"].any(1)
        count = int(np.flatnonzero(boxes)[-1]) + 1 if boxes.any() else 0
        frames, times = [str(i) for i in range(count)], None
        if self.source is not None:
            names, times = self.source.head(self._places[name])
            frames = list(names)
        told = self._relations(row, len(frames))
        return SceneAnswer(
            tuple(
                self._frame(
                    {key: values[i] for key, values in row.items()},
                    frames[i],
                    None if times is None else float(times[i]),
                    told[i],
                )
                for i in range(len(frames))
            )
        )

    def _frame(
        self, row: dict[str, Array], name: str, time: float | None, told: list[Relation]
    ) -> FrameAnswer:
        real = row["valid_boxes"]
        classes = tuple(self.words.objects[int(label)] for label in row["labels"][real])
        return FrameAnswer(
            name, time, row["boxes"][real], classes, row["scores"][real], tuple(told)
        )

    def _relations(self, row: dict[str, Array], frames: int) -> list[list[Relation]]:
        """Of every frame, the surest first."""
        kept = row["valid_pairs"]
        sure = padded.probabilities(row["relations"], self.words)
        ends = np.take_along_axis(row["scores"][:, None], row["pairs"], axis=-1).prod(-1)
        listed = recall.listed(sure.reshape(-1, sure.shape[-1]), self.words, self.constraint)
        listed = listed.reshape(sure.shape) & kept[..., None]
        found: list[list[Relation]] = [[] for _ in range(frames)]
        groups = [group for group in self.words.groups for _ in group.predicates]
        for frame, pair, number in np.argwhere(listed):
            subject, other = row["pairs"][frame, pair].tolist()
            score = float(ends[frame, pair] * sure[frame, pair, number])
            group = groups[number]
            found[frame].append(
                Relation(
                    subject, self.words.predicates[number], other, group.name, group.reversed, score
                )
            )
        return [sorted(one, key=lambda relation: -relation.score) for one in found]
