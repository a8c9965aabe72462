"""What is true of videos beside a detector's boxes, in batches."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from jaxsign.errors import UserError
from jaxsign.input.examples import Example
from jaxsign.input.scenes import pairs
from jaxsign.input.scenes.outlines import Outline
from jaxsign.input.scenes.scene import Scene

Size = tuple[int, int]
# Of a batch, in the order of what `recall.Truth` is made of.
NAMES = ("true_boxes", "true_labels", "true_pairs", "true_relations", "valid_true_pairs")


def size_of(name: str, ids: Sequence[str], outlines: Sequence[Outline]) -> Size | None:
    """The most true boxes and pairs of a frame of all scenes; None where they are told of none.

    Args:
      name: of the scenes, for messages.
      ids: of each scene.
      outlines: of each scene.

    Raises:
      UserError: some scenes tell of them and some do not.
    """
    without = [one for one, row in zip(ids, outlines, strict=True) if row.true_boxes < 0]
    if len(without) == len(ids):
        return None
    if without:
        raise UserError(
            f"{name}: {len(without)} of {len(ids)} scenes have no true_boxes, among them "
            f"{without[0]}. What is told of detected boxes is compared with the truth of all "
            "scenes, or with their own labelled pairs: give all of them, or none"
        )
    return max(row.true_boxes for row in outlines), max(row.true_pairs for row in outlines)


def arrays_of(size: Size, predicates: int) -> dict[str, tuple[tuple[int, ...], npt.DTypeLike]]:
    """Shape of a frame's part and type of each array of `NAMES`."""
    boxes, told = size
    shapes = ((boxes, 4), (boxes,), (told, 2), (told, predicates), (told,))
    types = (np.float32, np.int32, np.int32, bool, bool)
    return dict(zip(NAMES, zip(shapes, types, strict=True), strict=True))


def example(truth: Scene) -> Example:
    """A scene's truth, as the example of a scene."""
    place = pairs.places(truth.box_frames)
    of_boxes = {"true_boxes": truth.boxes, "true_labels": truth.labels}
    of_pairs = {
        "true_pairs": place[truth.pairs],
        "true_relations": truth.relations,
        "valid_true_pairs": np.ones(len(truth.pairs), bool),
    }
    return {
        "box_at": (truth.box_frames, place),
        "pair_at": (truth.pair_frames, pairs.places(truth.pair_frames)),
        "ends": of_pairs["true_pairs"],
        "of_boxes": of_boxes,
        "of_pairs": of_pairs,
    }
