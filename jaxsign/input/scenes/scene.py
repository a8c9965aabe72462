"""The scene: one video as boxes, pairs and relations, and its file."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.input import files, lookup
from jaxsign.input.scenes import vocabulary as vocabularies
from jaxsign.input.scenes.arrays import (
    FRACTIONS,
    are_fractions,
    check_shape,
    is_finite,
    no_share,
    refuse,
    typed,
)
from jaxsign.input.scenes.vocabulary import Vocabulary

SUFFIX = ".scene.npz"
_OPTIONAL = (
    "times",
    "distribution",
    "features",
    "union_features",
    "frame_graphs",
    "verb_features",
)
_ARRAYS = ("boxes", "box_frames", "labels", "scores", "pairs", "pair_frames", "relations",
           "labelled", "image_sizes")  # fmt: skip
_TEXTS = ("frames", "source", "vocabulary")
_DETECTOR = "detector"  # a text that may be left out
_TRUE = "true_"  # before the names of what is true beside a detector's boxes
_OF_TRUTH = ("boxes", "box_frames", "labels", "pairs", "pair_frames", "relations")
_UNION = (7, 7)
_FLOATS = ("times", "boxes", "scores", "distribution", "features", "union_features",
           "verb_features")  # fmt: skip
_TYPES: dict[str, tuple[npt.DTypeLike, str]] = {  # name -> (type, kinds that become it)
    "image_sizes": (np.int32, "iu"),
    "times": (np.float64, "fiu"),
    "boxes": (np.float32, "fiu"),
    "box_frames": (np.int32, "iu"),
    "labels": (np.int32, "iu"),
    "scores": (np.float32, "fiu"),
    "distribution": (np.float32, "f"),
    "features": (np.float32, "f"),
    "pairs": (np.int32, "iu"),
    "pair_frames": (np.int32, "iu"),
    "relations": (np.bool_, "b"),
    "labelled": (np.bool_, "b"),
    "frame_graphs": (np.int32, "iu"),
    "verb_features": (np.float32, "f"),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Scene:
    """One video of F frames, N boxes, P pairs of a subject and an object; flat over its frames.

    Attributes:
      source: where it comes from, for messages.
      vocabulary: of C objects and R predicates.
      frames: the frames' names, in order of time.
      image_sizes: int32 [F, 2], (width, height) in pixels.
      boxes: float32 [N, 4], x1, y1, x2, y2 in pixels of the original image. A box may lack
        width or height and may reach beyond the image, as annotations and detectors give them.
      box_frames: int32 [N], not decreasing.
      labels: int32 [N], 0 = not known.
      scores: float32 [N], 0 to 1.
      pairs: int32 [P, 2], (subject, object) as rows of `boxes`, both of one frame. Where a net or a
        detector's boxes propose the pairs, subjects are persons; elsewhere they may be anything.
      pair_frames: int32 [P], not decreasing.
      relations: bool [P, R] over all groups' predicates; of a labelled pair exactly one of each
        group of kind `one`.
      labelled: bool [P]; a candidate pair that nobody labelled has no relations.
      times: float64 [F], seconds, not decreasing; None = not known.
      distribution: float32 [N, C - 1], a detector's probabilities of the classes from 1 on.
      features: float32 [N, D], of each box.
      union_features: float16 or float32 [P, 7, 7, K], of the box around both, channels last.
      frame_graphs: int32 [F], which graph of an action each frame shows, from 0, none left out, not
        decreasing; None = there are no actions.
      verb_features: float32 [G, V], of what is done in each of the graphs.
      truth: where `boxes` are a detector's, the true boxes of the same frames with their classes
        and pairs, all labelled, as a scene of its own; what is told is compared with it.
      detector: the digest of the detector that the features were made with; '' = not told.

    Raises:
      UserError: an array has another shape or impossible values; `source` begins the message.
    """

    source: str
    vocabulary: Vocabulary
    frames: tuple[str, ...]
    image_sizes: np.ndarray
    boxes: np.ndarray
    box_frames: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    pairs: np.ndarray
    pair_frames: np.ndarray
    relations: np.ndarray
    labelled: np.ndarray
    times: np.ndarray | None = None
    distribution: np.ndarray | None = None
    features: np.ndarray | None = None
    union_features: np.ndarray | None = None
    frame_graphs: np.ndarray | None = None
    verb_features: np.ndarray | None = None
    truth: "Scene | None" = None
    detector: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "frames", tuple(map(str, self.frames)))
        try:
            for name, value in self.known.items():
                if name in _TYPES:
                    object.__setattr__(self, name, typed(name, value, *_TYPES[name]))
            self._check_shapes()
            self._check_frames()
            self._check_boxes()
            self._check_pairs()
        except ValueError as error:
            raise UserError(f"{self.source}: is no good scene: {error}") from error

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        return (
            f"Scene({len(self)} frames, {len(self.boxes)} boxes, {len(self.pairs)} pairs, "
            f"source={self.source!r})"
        )

    @property
    def known(self) -> dict[str, np.ndarray]:
        """Its arrays by name; those that are None are left out."""
        held = vars(self)
        return {name: held[name] for name in (*_ARRAYS, *_OPTIONAL) if held[name] is not None}

    @property
    def boxes_of_frames(self) -> np.ndarray:
        """int [F]: boxes in each frame."""
        return np.bincount(self.box_frames, minlength=len(self))

    @property
    def pairs_of_frames(self) -> np.ndarray:
        """int [F]: pairs in each frame."""
        return np.bincount(self.pair_frames, minlength=len(self))

    @property
    def size(self) -> tuple[int, int, int]:
        """Frames, most boxes of a frame, most pairs of a frame; each at least 1."""
        boxes, pairs = self.boxes_of_frames.max(), self.pairs_of_frames.max()
        return len(self), max(int(boxes), 1), max(int(pairs), 1)

    @property
    def _graphs(self) -> int:
        """How many graphs of actions the frames name."""
        graphs = self.frame_graphs
        return 0 if graphs is None or not graphs.size else int(graphs.max()) + 1

    def _check_shapes(self) -> None:
        frames, boxes, pairs = len(self.frames), len(self.boxes), len(self.pairs)
        words = self.vocabulary
        shapes: dict[str, tuple[int | None, ...]] = {
            "image_sizes": (frames, 2),
            "times": (frames,),
            "boxes": (boxes, 4),
            "box_frames": (boxes,),
            "labels": (boxes,),
            "scores": (boxes,),
            "distribution": (boxes, len(words.objects) - 1),
            "features": (boxes, None),
            "pairs": (pairs, 2),
            "pair_frames": (pairs,),
            "union_features": (pairs, *_UNION, None),
            "relations": (pairs, len(words.predicates)),
            "labelled": (pairs,),
            "frame_graphs": (frames,),
            "verb_features": (self._graphs, None),
        }
        if not frames:
            raise ValueError("it has no frame")
        known = self.known
        for name, value in known.items():
            check_shape(name, value.shape, shapes[name])
        union = self.union_features
        if union is not None and union.dtype not in (np.float16, np.float32):
            raise ValueError(f"union_features are {union.dtype}, expected float16 or float32")
        for name, value in known.items():
            if name in _FLOATS and not is_finite(value):
                row = int(np.argwhere(~np.isfinite(value))[0][0])
                raise ValueError(f"{name}: row {row} holds NaN or infinite numbers")

    def _check_frames(self) -> None:
        if len(set(self.frames)) < len(self.frames):
            raise ValueError("two of its frames have one name")
        refuse(self.image_sizes.min(axis=1) < 1, self.image_sizes, "image_sizes",
               "a width and a height of 1 pixel or more")  # fmt: skip
        true = self.truth
        if true is not None and (true.frames != self.frames or not true.labelled.all()):
            raise ValueError("its truth is of other frames, or holds pairs that nobody labelled")
        if self.times is not None and (np.diff(self.times) < 0).any():
            raise ValueError("times decrease")
        graphs = self.frame_graphs
        if graphs is not None and (graphs[0] != 0 or not np.isin(np.diff(graphs), (0, 1)).all()):
            raise ValueError("frame_graphs do not count graphs from 0 on, one behind the other")
        for name, value in (("box_frames", self.box_frames), ("pair_frames", self.pair_frames)):
            wrong = (value < 0) | (value >= len(self))
            refuse(wrong, value, name, f"a frame from 0 to {len(self) - 1}")
            if (np.diff(value) < 0).any():
                raise ValueError(f"{name} decrease; boxes and pairs stand in their frames' order")

    def _check_boxes(self) -> None:
        boxes, last = self.boxes, len(self.vocabulary.objects) - 1
        refuse((boxes[:, :2] > boxes[:, 2:]).any(axis=1), boxes, "boxes",
               "x1 <= x2 and y1 <= y2 (this one is reversed)")  # fmt: skip
        refuse((self.labels < 0) | (self.labels > last), self.labels, "labels", f"0 to {last}")
        refuse(no_share(self.scores), self.scores, "scores", "0 to 1")
        if self.distribution is not None:
            wrong = no_share(self.distribution).any(axis=1)
            refuse(wrong, self.distribution.max(axis=1), "distribution", "0 to 1")

    def _check_pairs(self) -> None:
        pairs, count = self.pairs, len(self.boxes)
        names_none = ((pairs < 0) | (pairs >= count)).any(axis=1)
        refuse(names_none, pairs, "pairs", f"rows of the {count} boxes")
        refuse(pairs[:, 0] == pairs[:, 1], pairs, "pairs", "two boxes")
        elsewhere = (self.box_frames[pairs] != self.pair_frames[:, None]).any(axis=1)
        refuse(elsewhere, pairs, "pairs", "two boxes of the pair's own frame")
        refuse(~self.labelled & self.relations.any(axis=1), pairs, "pairs",
               "no relations where a pair is not labelled")  # fmt: skip
        for group, part in zip(self.vocabulary.groups, self.vocabulary.parts, strict=True):
            if group.kind == "one":
                told = self.relations[:, part].sum(axis=1)
                wanted = f"exactly one relation of group {group.name!r} for each labelled pair"
                refuse(self.labelled & (told != 1), told, "relations", wanted)

    def save(self, path: str | os.PathLike) -> Path:
        """Writes the scene; the name must end with `.scene.npz`. A file is whole or absent."""
        if not str(path).endswith(SUFFIX):
            raise UserError(f"{path}: a scene file's name must end with {SUFFIX}")
        return files.write_npz(path, self.arrays())

    def arrays(self) -> dict[str, np.ndarray]:
        """What its file holds: each attribute under its name, the vocabulary as JSON text."""
        texts = {
            "frames": np.asarray(self.frames),
            "source": np.asarray(self.source),
            "vocabulary": np.asarray(self.vocabulary.to_json()),
        }
        if self.detector:
            texts[_DETECTOR] = np.asarray(self.detector)
        true = {} if self.truth is None else self.truth.known
        return texts | self.known | {f"{_TRUE}{name}": true[name] for name in _OF_TRUTH if true}


def load(path: str | os.PathLike) -> Scene:
    """Reads a file that `Scene.save` wrote.

    Raises:
      UserError: the file is absent, damaged, or does not hold a scene.
    """
    true = [f"{_TRUE}{name}" for name in _OF_TRUTH]
    names = (*_TEXTS, _DETECTOR, *_ARRAYS, *_OPTIONAL, *true)
    return from_arrays(files.read_npz(path, names), str(path))


def files_of(place: Path) -> dict[str, Path]:
    """Name -> scene file of a file or of a folder with all below it; a name is a path without its
    ending, such as a/b.

    Raises:
      UserError: two files of one name, or a folder that cannot be read.
    """
    if not place.is_file():
        return lookup.below(place, SUFFIX)
    ends = place.name.lower().endswith(SUFFIX)
    return {place.name[: -len(SUFFIX)]: place} if ends else {}


def head(path: str | os.PathLike) -> tuple[tuple[str, ...], np.ndarray | None]:
    """Names and times of the frames of a file that `load` has read before; of it no more is read.

    Raises:
      UserError: the file is absent or damaged.
    """
    held = files.read_npz(path, ("frames", "times"))
    return tuple(held["frames"].tolist()), held.get("times")


def from_arrays(arrays: dict[str, np.ndarray], where: str) -> Scene:
    """The scene of what `Scene.arrays` gave.

    Args:
      arrays: by name.
      where: the file, for messages.

    Raises:
      UserError: an array is missing or impossible.
    """
    missing = [name for name in (*_TEXTS, *_ARRAYS) if name not in arrays]
    if missing:
        raise UserError(
            f"{where}: is no scene file: {', '.join(missing)} are missing (found "
            f"{', '.join(arrays) or 'nothing'})"
        )
    try:
        words = reading.parse_json(str(arrays["vocabulary"]))
    except ValueError as error:
        raise UserError(f"{where}: its vocabulary is no JSON ({error})") from error
    if arrays["frames"].ndim != 1 or arrays["frames"].dtype.kind != "U":
        raise UserError(f"{where}: is no good scene: frames are no list of names")
    held = {name: value for name, value in arrays.items() if name not in (*_TEXTS, _DETECTOR)}
    names = tuple(arrays["frames"].tolist())
    detector = str(arrays.get(_DETECTOR, ""))
    found = built(where, vocabularies.from_json(words, where), names, held, detector)
    if are_fractions(found.boxes, found.image_sizes):
        raise UserError(f"{where}: is no good scene: {FRACTIONS}")
    return found


def built(
    where: str,
    words: Vocabulary,
    frames: tuple[str, ...],
    held: dict[str, np.ndarray],
    detector: str = "",
) -> Scene:
    """The scene of the arrays that `Scene.arrays` gave, without its texts.

    Raises:
      UserError: an array is impossible, or only some of the truth is there.
      TypeError: an array is missing, or of another name.
    """
    own = {name: value for name, value in held.items() if not name.startswith(_TRUE)}
    true = {name.removeprefix(_TRUE): held[name] for name in held if name.startswith(_TRUE)}
    if not true:
        return Scene(where, words, frames, **own, truth=None, detector=detector)
    if missing := [f"{_TRUE}{name}" for name in _OF_TRUTH if name not in true]:
        raise UserError(
            f"{where}: is no good scene: {', '.join(missing)} are missing; what is true beside a "
            "detector's boxes is told by all of its arrays, or by none"
        )
    counts = {name: np.ones(np.shape(true[of])[:1]) for name, of in _COUNTED.items()}
    truth = Scene(
        f"{where}: what is true ({_TRUE}...)",
        words,
        frames,
        own["image_sizes"],
        scores=counts["scores"],
        labelled=counts["labelled"].astype(bool),
        **true,
        truth=None,
        detector="",
    )
    return Scene(where, words, frames, **own, truth=truth, detector=detector)


_COUNTED = {"scores": "boxes", "labelled": "pairs"}  # of what is true, sure and labelled as it is
