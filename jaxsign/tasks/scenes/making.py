"""From frames and what is known of them to a scene with a detector's features, chunk by chunk."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.scenes import assigning, detected, pairs
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import ACTION_GENOME, PERSON, Vocabulary
from jaxsign.nets.detector_backbone import CELLS
from jaxsign.tasks.detections import looking
from jaxsign.tasks.scenes.parts import BoxValues, PairValues, ScenePart, ShelvedFeatures

Array = np.ndarray
MODES = ("predcls", "sgcls", "sgdet")
GUESSED = 8  # boxes of a frame, and pairs, where nothing tells how many will be found
# Classes of Action Genome whose boxes are also taken for their second best class.
_DOUBLED = ("book", "chair", "food")


@dataclasses.dataclass(frozen=True)
class SceneMaker:
    """Makes scenes with a detector.

    Attributes:
      detector: it.
      mode: 'predcls': boxes are given; 'sgcls': likewise, with every two boxes of a frame as a
        pair; 'sgdet': boxes are the detector's.
      words: the scenes' classes.
      float16: what is around pairs is rounded to it.
      others: boxes come from another detector; they are taken as they are in every mode.

    Raises:
      UserError: no such mode, a detector of other classes, or no person to pair found boxes with.
    """

    detector: looking.FrameDetector
    mode: str
    words: Vocabulary
    float16: bool = True
    others: bool = False

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UserError(f"mode {self.mode}: expected one of {', '.join(MODES)}")
        of_persons = self.mode == "sgdet" or (self.others and self.mode == "predcls")
        if of_persons and not self.words.has_person:
            raise UserError(
                f"mode {self.mode}: boxes that a detector finds are paired with a frame's surest "
                f"{PERSON}, and the scenes have none among their classes "
                f"({_few(self.words.objects)}). Name a {PERSON} among them, or take "
                "annotated boxes (mode predcls or sgcls)"
            )
        asked = self.mode == "sgcls" or (self.mode == "sgdet" and not self.others)
        if asked and not self.same_classes:
            raise UserError(
                f"mode {self.mode}: the detector tells {len(self.detector.objects) - 1} classes "
                f"({_few(self.detector.objects)}), the scenes have {len(self.words.objects) - 1} "
                f"({_few(self.words.objects)}). Take a detector of the scenes' classes, or mode "
                "predcls, which only looks at given boxes"
            )

    @property
    def same_classes(self) -> bool:
        """Whether what the detector tells are the scenes' classes."""
        return self.detector.objects == self.words.objects

    @property
    def pair_bytes(self) -> int:
        """Of what is around one pair."""
        return self.detector.union_dim * CELLS**2 * (2 if self.float16 else 4)

    def bytes_of(self, known: Scene) -> int:
        """About so many bytes of features of a video of which that much is known."""
        told, boxes = len(known.pairs), len(known.boxes)
        if self.mode == "sgcls":
            told = len(pairs.every_pair(known.box_frames))
        if self.mode == "sgdet":
            told, boxes = (max(count, GUESSED * len(known)) for count in (told, boxes))
        return told * self.pair_bytes + boxes * self.detector.feature_dim * 4

    def part(self, seen: looking.SeenFrames, known: Scene | None, training: bool) -> ScenePart:
        """What a chunk of frames gives.

        Args:
          seen: the frames.
          known: boxes, pairs and relations of these frames; None = nothing is known.
          training: in mode sgdet detected boxes are matched with the known ones, to be learned.

        Raises:
          UserError: given boxes are needed, and there are none.
        """
        if self.mode != "sgdet" or self.others:
            if known is None:
                raise UserError(
                    f"mode {self.mode} looks at given boxes. Give --boxes FILE, or --mode sgdet"
                )
            return self._given(seen, known)
        if training and known is not None:
            return self._assigned(seen, known)
        return self._found(seen)

    def _given(self, seen: looking.SeenFrames, known: Scene) -> ScenePart:
        told, relations, labelled = known.pairs, known.relations, known.labelled
        if self.mode == "sgcls":
            told, relations, labelled = _every(known)
        features, distribution = self.detector.look(seen, known.box_frames, known.boxes)
        if self.others and known.distribution is not None:
            distribution = known.distribution
        return self._with_pairs(
            seen,
            known.box_frames,
            BoxValues(known.boxes, known.labels, known.scores, distribution, features),
            PairValues(told, relations, labelled),
        )

    def _found(self, seen: looking.SeenFrames) -> ScenePart:
        """Boxes as relations are told of them, with pairs that nobody labelled."""
        found = self.detector.find(seen)
        doubled = [self.words.objects.index(name) for name in _DOUBLED] if self._genome else []
        chosen = detected.choose(
            found.frames,
            found.boxes,
            found.distribution,
            doubled,
            self.detector.likely.doubtful,
        )
        boxes, told = chosen.detected, chosen.pairs
        values = BoxValues(
            boxes.boxes,
            chosen.labels,
            chosen.scores,
            boxes.distribution,
            found.features[boxes.source],
        )
        none = np.zeros((len(told), len(self.words.predicates)), bool)
        unlabelled = np.zeros(len(told), bool)
        return self._with_pairs(seen, boxes.frames, values, PairValues(told, none, unlabelled))

    def _assigned(self, seen: looking.SeenFrames, known: Scene) -> ScenePart:
        """Detected boxes with the classes of the true ones that they show, and those not found."""
        found = self.detector.find(seen)
        supplied = assigning.supply(
            assigning.Boxes(found.frames, found.boxes, found.labels),
            assigning.Boxes(known.box_frames, known.boxes, known.labels),
        )
        boxes, lost = supplied.boxes, supplied.source < 0
        made, told = self.detector.look(seen, boxes.frames[lost], boxes.boxes[lost])
        kept = supplied.source[~lost]
        scores, features, distribution = (
            _placed(lost, of_lost, of_found[kept])
            for of_lost, of_found in (
                (np.ones(len(made), np.float32), found.scores),
                (made, found.features),
                (told, found.distribution),
            )
        )
        return self._with_pairs(
            seen,
            boxes.frames,
            BoxValues(boxes.boxes, boxes.labels, scores, distribution, features),
            PairValues(supplied.places[known.pairs], known.relations, known.labelled),
        )

    @property
    def _genome(self) -> bool:
        return self.words.objects == ACTION_GENOME.objects

    def _with_pairs(
        self,
        seen: looking.SeenFrames,
        frames: Array,
        of_boxes: BoxValues,
        of_pairs: PairValues,
    ) -> ScenePart:
        told = of_pairs.pairs
        around = pairs.around(of_boxes.boxes[told])
        union = self.detector.around(seen, frames[told[:, 0]], around)
        return ScenePart(frames, of_boxes, of_pairs, _rounded(union) if self.float16 else union)

    def scene(
        self,
        source: str,
        frames: Sequence[str],
        image_sizes: Array,
        parts: Sequence[ScenePart],
        counts: Sequence[int],
        *,
        shelved: ShelvedFeatures | None = None,
        times: Array | None = None,
        truth: Scene | None = None,
        actions: Mapping[str, Array] | None = None,
    ) -> Scene:
        """The scene of a video's parts.

        Args:
          source: where it comes from.
          frames: names of all its frames; image_sizes: int [F, 2], width and height.
          parts, counts: what its chunks gave, and their frames.
          shelved: what has taken the parts' features; None = they hold them.
          times: seconds of the frames.
          truth: what is true of them, where boxes are detected and not matched with it.
          actions: what `actions_of` gave.

        Raises:
          UserError: the parts make no scene.
        """
        firsts = np.cumsum([0, *counts])[:-1]
        boxes = np.cumsum([0, *(len(part.box_frames) for part in parts)])[:-1]
        of_boxes = BoxValues(*_columns([part.of_boxes for part in parts]))
        of_pairs = PairValues(*_columns([part.of_pairs for part in parts]))
        if shelved is None:
            features = of_boxes.features
            unions = np.concatenate([part.union_features for part in parts])
        else:
            features, unions = shelved.given_back(parts)
        fits = of_boxes.distribution.shape[1] == len(self.words.objects) - 1
        return Scene(
            source=source,
            vocabulary=self.words,
            frames=tuple(frames),
            image_sizes=image_sizes,
            boxes=of_boxes.boxes,
            box_frames=_joined([part.box_frames for part in parts], firsts),
            labels=of_boxes.labels,
            scores=of_boxes.scores,
            pairs=_joined([part.of_pairs.pairs for part in parts], boxes),
            pair_frames=_joined([part.pair_frames for part in parts], firsts),
            relations=of_pairs.relations,
            labelled=of_pairs.labelled,
            times=times,
            distribution=of_boxes.distribution if fits else None,
            features=features,
            union_features=unions,
            truth=truth,
            detector=self.detector.digest,
            **(actions or {}),
        )


def _every(known: Scene) -> tuple[Array, Array, Array]:
    """Pairs, relations and labels of a scene's pairs and, behind them, every other two boxes."""
    told = {frozenset(pair) for pair in known.pairs.tolist()}
    every = pairs.every_pair(known.box_frames)
    more = every[[frozenset(pair) not in told for pair in every.tolist()]].reshape(-1, 2)
    joined = np.concatenate([known.pairs, more])
    order = np.argsort(known.box_frames[joined[:, 0]], kind="stable")
    none = np.zeros((len(more), known.relations.shape[1]), bool)
    relations = np.concatenate([known.relations, none])
    labelled = np.concatenate([known.labelled, np.zeros(len(more), bool)])
    return joined[order], relations[order], labelled[order]


def _placed(lost: Array, of_lost: Array, of_found: Array) -> Array:
    """Both in one array, those of `lost` where it is True."""
    made = np.empty((len(lost), *of_lost.shape[1:]), np.float32)
    made[lost], made[~lost] = of_lost, of_found
    return made


def _columns(rows: Sequence[tuple[Array, ...]]) -> Iterator[Array]:
    return (np.concatenate(values) for values in zip(*rows, strict=True))


def _joined(parts: Sequence[Array], firsts: Array) -> Array:
    return np.concatenate([part + first for part, first in zip(parts, firsts, strict=True)])


def _rounded(union: Array) -> Array:
    with np.errstate(over="ignore"):
        rounded = union.astype(np.float16)
    if not np.isfinite(rounded).all():
        raise UserError(
            "features around pairs hold numbers beyond float16. Keep them as they are: jaxsign "
            "detect --float32"
        )
    return rounded


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[1:4]) + (", ..." if len(names) > 4 else "")
