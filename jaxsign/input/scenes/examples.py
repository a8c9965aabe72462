"""Scenes as examples: their ragged axes are frames, boxes of a frame, pairs of a frame."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.input import buffers, examples, planning
from jaxsign.input.examples import Batch, Example
from jaxsign.input.scenes import (
    alike,
    facts,
    outlines,
    pairs,
    scene_source,
    sources,
    truths,
    vocabulary,
)
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import Vocabulary

Array = np.ndarray
_OBJECTS = "objects"


class SceneExamples(examples.Examples):
    """Videos of F frames with up to M boxes and Q pairs each.

    A batch of B videos, padded at the end of each axis:
      boxes: float32 [B, F, M, 4], x1, y1, x2, y2 in pixels.
      labels: int32 [B, F, M]; scores: float32 [B, F, M].
      distribution: float32 [B, F, M, C - 1], where all scenes have one.
      features: float32 [B, F, M, D].
      pairs: int32 [B, F, Q, 2], (person, object) among the M boxes of their frame.
      union_features: float16 or float32 [B, F, Q, 7, 7, K].
      relations: bool [B, F, Q, R]; labelled: bool [B, F, Q].
      image_sizes: float32 [B, F, 2], width and height in pixels.
      valid_frames [B, F], valid_boxes [B, F, M], valid_pairs [B, F, Q]: bool, True = real.
      Not to train, where scenes tell what is true beside a detector's boxes: true_boxes float32
      [B, F, M', 4], true_labels int32 [B, F, M'], true_pairs int32 [B, F, Q', 2], true_relations
      bool [B, F, Q', R], valid_true_pairs bool [B, F, Q'].

    Args:
      source: of the scenes.
      candidates: pairs that nobody labelled are given too; else the labelled ones alone.
      training: they are to learn from, for which no net takes candidates.

    Attributes:
      source: of the scenes.
      widths: of the features, by the field of a net that takes them.
      kinds_of_features: what of a scene that is, by the same field.

    Raises:
      UserError: scenes without features, with features of several widths or detectors; the truth
        beside a detector's boxes of some scenes only.
    """

    kinds_of_features: ClassVar[Mapping[str, str]] = {
        "feature_dim": "features",
        "union_dim": "union_features",
    }

    def __init__(
        self, source: scene_source.SceneSource, *, candidates: bool = False, training: bool = False
    ):
        self.name, self.ids, self.source = source.name, source.ids, source
        self._candidates, self._training = candidates, training
        rows = source.outlines
        self.sizes = np.array(
            [
                (len(row.boxes), max(row.boxes.max(), 1), max(self._counted(row).max(), 1))
                for row in rows
            ],
            np.int64,
        )
        self.widths = {
            name: alike.width(source, [row.widths[name] for row in rows], what)
            for name, what in self.kinds_of_features.items()
        }
        self._detector = alike.detector(source)
        self._union_type = np.result_type(*(row.union_type for row in rows))
        self._distribution = all(row.distribution for row in rows)
        self._true = None if training else truths.size_of(self.name, self.ids, rows)

    @classmethod
    def asked(cls, source: scene_source.SceneSource, mode: str, *, training: bool) -> bool:
        """Whether a net of a mode is given every candidate pair.

        To answer in mode sgcls a net chooses the person itself: it is given every one. So it is of
        scenes none of whose pairs is labelled, as those of a detector's boxes.

        Raises:
          UserError: no class of persons where persons are to be found.
        """
        if mode != "predcls" and not source.vocabulary.has_person:
            raise UserError(
                f"{source.name}: has no class {vocabulary.PERSON!r}, whom mode {mode} looks "
                "for in every frame. Set net.mode=predcls, or call a class so (the first of "
                "objects)"
            )
        if training:
            return False
        return mode == "sgcls" or not any(row.labelled.any() for row in source.outlines)

    @classmethod
    def recalled(cls, words: Vocabulary) -> slice:
        """The predicates whose relations recall counts: without one there is nothing to count."""
        return slice(0, len(words.predicates))

    def _counted(self, row: outlines.Outline) -> Array:
        return row.pairs if self._candidates else row.labelled

    def example(
        self,
        index: int,
        rng: np.random.Generator | None = None,
        piece: planning.Piece = planning.WHOLE,
    ) -> Example:
        """A scene's arrays, flat over its frames, with the place of each in its frame."""
        scene = self.source.read(index)
        place = pairs.places(scene.box_frames)
        kept = slice(None) if self._candidates else np.flatnonzero(scene.labelled)
        pair_frames = scene.pair_frames[kept]
        arrays = {
            "boxes": scene.boxes,
            "labels": scene.labels,
            "scores": scene.scores,
            "features": scene.features,
            "valid_boxes": np.ones(len(place), bool),
            **({"distribution": scene.distribution} if self._distribution else {}),
        }
        of_pairs = {
            "pairs": place[scene.pairs[kept]],
            "relations": scene.relations[kept],
            "labelled": scene.labelled[kept],
            "valid_pairs": np.ones(len(pair_frames), bool),
            **self._shown(scene, kept),
        }
        true = scene.truth if self._true else None
        return {
            "of_frames": self._of_frames(scene),
            **({"truth": truths.example(true)} if true is not None else {}),
            "box_at": (scene.box_frames, place),
            "pair_at": (pair_frames, pairs.places(pair_frames)),
            "ends": of_pairs["pairs"],
            "of_boxes": arrays,
            "of_pairs": of_pairs,
        }

    def _of_frames(self, scene: Scene) -> dict[str, Array]:
        """What is known of each frame."""
        return {"valid_frames": np.ones(len(scene), bool), "image_sizes": scene.image_sizes}

    def _shown(self, scene: Scene, kept: slice | Array) -> dict[str, Array]:
        """What is seen of the pairs that are kept."""
        assert scene.union_features is not None  # the outlines said so
        return {"union_features": scene.union_features[kept]}

    def _shapes(self, boxes: int, told: int) -> dict[str, tuple[tuple[int, ...], npt.DTypeLike]]:
        """What is seen of a frame's pairs: shapes of a frame, and types."""
        return {"union_features": ((told, 7, 7, self.widths["union_dim"]), self._union_type)}

    def stack(self, rows: Sequence[Example | None], size: planning.Size) -> Batch:
        batch = self._empty(size, len(rows))
        for array in batch.values():
            array[:] = 0
        for number, row in enumerate(rows):
            part = {name: array[number] for name, array in batch.items()}
            if row is None:  # the smallest scene that there is: one box, and its pair
                part["valid_frames"][0] = True
                part["valid_boxes"][0, 0] = part["valid_pairs"][0, 0] = True
                part["labels"][0, 0] = 1
                continue
            for name, values in row["of_frames"].items():
                part[name][: len(values)] = values[: size[0]]
            _fill(part, row, size)
            if "truth" in row and self._true:
                _fill(part, row["truth"], (size[0], *self._true))
        return batch

    def blank(self, size: planning.Size, rows: int) -> Batch:
        batch = self._empty(size, rows)
        for name, array in batch.items():
            array[:] = name.startswith("valid_")
        return batch

    def _empty(self, size: planning.Size, rows: int) -> Batch:
        """Arrays of a batch of so many rows, with whatever the memory held."""
        frames, boxes, told = size
        words = self.source.vocabulary
        of_frame: dict[str, tuple[tuple[int, ...], npt.DTypeLike]] = {
            "boxes": ((boxes, 4), np.float32),
            "labels": ((boxes,), np.int32),
            "scores": ((boxes,), np.float32),
            "features": ((boxes, self.widths["feature_dim"]), np.float32),
            "valid_boxes": ((boxes,), bool),
            "pairs": ((told, 2), np.int32),
            "relations": ((told, len(words.predicates)), bool),
            "labelled": ((told,), bool),
            "valid_pairs": ((told,), bool),
            "valid_frames": ((), bool),
            "image_sizes": ((2,), np.float32),
            **self._shapes(boxes, told),
        }
        if self._distribution:
            of_frame["distribution"] = (boxes, len(words.objects) - 1), np.float32
        if self._true:
            of_frame |= truths.arrays_of(self._true, len(words.predicates))
        return {
            name: buffers.empty((rows, frames, *shape), dtype)
            for name, (shape, dtype) in of_frame.items()
        }

    def facts(self, config: ConfigDict) -> dict[str, dict[str, Any]]:
        """Classes and predicates in `task`, their numbers and widths of features in `net`, buckets.

        A number of the recipe that is 0, or no predicates, takes the data's; so do `kinds` and
        `no_contact` of nets that have them.

        Raises:
          UserError: the recipe gives another.
        """
        words = self.source.vocabulary
        return {
            "net": facts.of_net(self.name, words, self.widths, config),
            "task": {
                **vocabulary.to_rows(words),
                "detector": facts.detector(self.name, self._detector, config),
            },
            "input": {"buckets": config.input.buckets or facts.buckets(self.sizes)},
        }

    def remarks(self, config: ConfigDict) -> Sequence[str]:
        return self.source.remarks

    def under(self, config: ConfigDict) -> "SceneExamples":
        """Scenes of the run's classes and widths, with the pairs that its net's mode asks for.

        Raises:
          UserError: other classes, or the same in another order; other widths; nobody to find.
        """
        self.facts(config)
        wanted = self.asked(self.source, config.net.mode, training=self._training)
        if wanted == self._candidates:
            return self
        return type(self)(self.source, candidates=wanted, training=self._training)

    def check(self, words: vocabulary.Vocabulary) -> None:
        """Raises UserError for other classes than those that a run has learnt."""
        vocabulary.check_same(self.source.vocabulary, words, self.name)

    def class_names(self, config: ConfigDict) -> dict[str, list[str]]:
        """Names of the objects, under 'objects', and of each group's predicates, under its name."""
        words = self.source.vocabulary
        groups = {group.name: list(group.predicates) for group in words.groups}
        return {_OBJECTS: list(words.objects)} | groups

    def difficulties(self) -> Array:
        """The bits that tell a scene's relations to one who knows how often each predicate holds.

        The sum over its labelled relations of log2(relations of all scenes / those of the same
        predicate): it grows with the pairs, and the more the rarer their predicates are.
        """
        told = np.array([row.relations for row in self.source.outlines], np.float64)
        every = told.sum(axis=0)
        return told @ np.log2(max(every.sum(), 1) / np.maximum(every, 1))

    def truths(self) -> list[object]:
        return [(row.objects.tolist(), row.together.tolist()) for row in self.source.outlines]

    def pair_counts(self) -> examples.PairCounts:
        rows = self.source.outlines
        return {
            "paired": np.sum([row.paired for row in rows], axis=0).tolist(),
            "together": np.sum([row.together for row in rows], axis=0).tolist(),
        }

    def class_counts(self, config: ConfigDict) -> Mapping[str, Array]:
        """Boxes of each class, and labelled pairs of each predicate of each group."""
        words, rows = self.source.vocabulary, self.source.outlines
        relations = np.sum([row.relations for row in rows], axis=0)
        counts = {
            group.name: relations[part]
            for group, part in zip(words.groups, words.parts, strict=True)
        }
        return {_OBJECTS: np.sum([row.objects for row in rows], axis=0)} | counts


def open_examples(
    config: ConfigDict,
    split: str,
    *,
    training: bool = False,
    kind: type[SceneExamples] = SceneExamples,
) -> SceneExamples:
    """The scenes of a split, all checked, as examples of a kind.

    Raises:
      UserError: what is wrong with them, and as `of_source`.
    """
    source = sources.open_source(config.data, split, config.net.mode)
    return of_source(source, config.net.mode, training=training, kind=kind)


def of_source(
    source: scene_source.SceneSource,
    mode: str,
    *,
    training: bool,
    kind: type[SceneExamples] = SceneExamples,
) -> SceneExamples:
    """The scenes of a source to learn from, or to compare answers with.

    Args:
      source: of them.
      mode: the net's.
      training: they are to learn from.
      kind: of the examples.

    Raises:
      UserError: no class of persons where persons are to be found, or no relation that holds
        anywhere.
    """
    beside = not training and any(row.true_pairs > 0 for row in source.outlines)
    part = kind.recalled(source.vocabulary)
    if not (beside or any(row.together[:, part].any() for row in source.outlines)):
        raise UserError(
            f"{source.name}: none of its {len(source.ids)} scenes tells a relation that holds: "
            f"there is nothing to {'learn' if training else 'compare with'}. Give scenes with "
            "labelled pairs, or those of detected boxes that hold true_ arrays "
            "(docs/scene_graphs.md); jaxsign predict takes scenes without"
        )
    wanted = kind.asked(source, mode, training=training)
    return kind(source, candidates=wanted, training=training)


def of_place(
    path: Path, mode: str, left_out: list[str], kind: type[SceneExamples] = SceneExamples
) -> SceneExamples:
    """The scenes of a file, or of a folder of scenes, to answer in a mode.

    `left_out` gets what is wrong with files that cannot be read, where there are others.

    Raises:
      UserError: what is wrong with them.
    """
    source = sources.of_folder(path, left_out=left_out)
    return kind(source, candidates=kind.asked(source, mode, training=False))


def _fill(part: Mapping[str, Array], row: Example, size: planning.Size) -> None:
    """Writes a scene's arrays into its row of a batch; what goes beyond `size` is left out."""
    frames, boxes, told = size
    frame, place = row["box_at"]
    kept = (frame < frames) & (place < boxes)
    for name, values in row["of_boxes"].items():
        part[name][frame[kept], place[kept]] = values[kept]
    frame, place = row["pair_at"]
    kept = (frame < frames) & (place < told) & (row["ends"] < boxes).all(axis=1)
    for name, values in row["of_pairs"].items():
        part[name][frame[kept], place[kept]] = values[kept]
