"""What of scenes is known before their numbers are read again."""

import dataclasses

import numpy as np

from jaxsign.input.scenes.features import Widths
from jaxsign.input.scenes.scene import Scene


@dataclasses.dataclass(frozen=True)
class Outline:
    """What of a scene is known before its numbers are read again.

    Attributes:
      boxes: int [F], in each frame.
      pairs, labelled: int [F], pairs in each frame, and those of them that are labelled.
      together: int [C, R], labelled pairs by the class of their object and by predicate.
      paired: int [C], labelled pairs by the class of their object.
      objects: int [C], boxes of each class.
      feature_dim, union_dim: widths of the features, 0 = there are none.
      union_type: of the numbers of the union features.
      distribution: whether there is one.
      true_boxes, true_pairs: the most of a frame beside a detector's boxes; -1 = there is no such
        truth.
      verb_dim: width of the features of verbs, 0 = there are none.
      detector: that the features were made with; '' = not told.
    """

    boxes: np.ndarray
    pairs: np.ndarray
    labelled: np.ndarray
    together: np.ndarray
    paired: np.ndarray
    objects: np.ndarray
    feature_dim: int
    union_dim: int
    union_type: np.dtype
    distribution: bool
    true_boxes: int = -1
    true_pairs: int = -1
    verb_dim: int = 0
    detector: str = ""

    @property
    def widths(self) -> dict[str, int]:
        """Of features, by field."""
        return {
            "feature_dim": self.feature_dim,
            "union_dim": self.union_dim,
            "verb_dim": self.verb_dim,
        }

    @property
    def relations(self) -> np.ndarray:
        """int [R], labelled pairs of each predicate."""
        total: np.ndarray = self.together.sum(axis=0)
        return total


def outline(one: Scene, widths: Widths | None = None) -> Outline:
    """The outline of a scene.

    Args:
      one: it.
      widths: of features that it is still without; None: they are its own.
    """
    classes = len(one.vocabulary.objects)
    ends = one.labels[one.pairs[one.labelled, 1]]
    together = np.zeros((classes, one.relations.shape[1]), np.int64)
    np.add.at(together, ends, one.relations[one.labelled])
    return Outline(
        one.boxes_of_frames,
        one.pairs_of_frames,
        np.bincount(one.pair_frames[one.labelled], minlength=len(one)),
        together,
        np.bincount(ends, minlength=classes),
        np.bincount(one.labels, minlength=classes),
        *(widths or _widths(one)),
        *(one.truth.size[1:] if one.truth is not None else (-1, -1)),
        0 if one.verb_features is None else one.verb_features.shape[-1],
        one.detector,
    )


def _widths(one: Scene) -> Widths:
    shown, union = one.features, one.union_features
    return Widths(
        0 if shown is None else shown.shape[-1],
        0 if union is None else union.shape[-1],
        np.dtype(np.float16) if union is None else union.dtype,
        one.distribution is not None,
    )
