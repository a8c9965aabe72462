"""Frames as files tell them one by one, and the scene that they make."""

import dataclasses
import functools
from collections.abc import Iterable, Sequence

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.scenes import arrays
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import BACKGROUND, PERSON, Group, Vocabulary, tell_alike

Box = tuple[float, float, float, float]
Pair = tuple[int, int]
Relation = tuple[int, str, int]


@dataclasses.dataclass(frozen=True)
class AnnotatedFrame:
    """What is known of one frame.

    Attributes:
      name: its own within the video.
      size: width and height in pixels.
      boxes: x1, y1, x2, y2 in pixels.
      labels: names of their classes.
      scores: of each box.
      relations: subject, name of the predicate, object; both are places among the boxes.
      pairs: further pairs of which somebody said that nothing holds.
      time: seconds; None = not known.
    """

    name: str
    size: tuple[int, int]
    boxes: Sequence[Box]
    labels: Sequence[str]
    scores: Sequence[float]
    relations: Sequence[Relation]
    pairs: Sequence[Pair] = ()
    time: float | None = None

    @functools.cached_property
    def told(self) -> dict[Pair, set[str]]:
        """The predicates of every labelled pair: those of `pairs`, then as relations name them."""
        found: dict[Pair, set[str]] = {pair: set() for pair in self.pairs}
        for subject, predicate, other in self.relations:
            found.setdefault((subject, other), set()).add(predicate)
        return found


def scene(source: str, words: Vocabulary, frames: Sequence[AnnotatedFrame]) -> Scene:
    """The scene of a video's frames; all its pairs are labelled.

    Raises:
      UserError: an unknown name, or frames that make no scene.
    """
    boxes = _joined([frame.boxes for frame in frames], np.float64).reshape(-1, 4)
    if arrays.are_fractions(boxes, [frame.size for frame in frames]):
        raise UserError(f"{source}: {arrays.FRACTIONS}")
    starts = np.cumsum([0, *(len(frame.boxes) for frame in frames)])
    pairs: list[tuple[int, int, int]] = []  # subject, object, frame
    told: list[set[str]] = []
    for number, frame in enumerate(frames):
        first = int(starts[number])
        pairs += [(first + a, first + b, number) for a, b in frame.told]
        told += frame.told.values()
    table = np.asarray(pairs, np.int64).reshape(-1, 3)
    relations = np.zeros((len(pairs), len(words.predicates)), bool)
    for row, predicates in zip(relations, told, strict=True):
        row[[words.predicate(name, source) for name in predicates]] = True
    return Scene(
        source=source,
        vocabulary=words,
        frames=tuple(frame.name for frame in frames),
        image_sizes=np.asarray([frame.size for frame in frames], np.int64).reshape(-1, 2),
        boxes=boxes,
        box_frames=np.repeat(np.arange(len(frames)), np.diff(starts)),
        labels=np.array(
            [words.object(name, source) for frame in frames for name in frame.labels], np.int64
        ),
        scores=_joined([frame.scores for frame in frames], np.float64),
        pairs=table[:, :2],
        pair_frames=table[:, 2],
        relations=relations,
        labelled=np.ones(len(pairs), bool),
        times=_times(frames),
    )


def _joined(parts: Sequence[Sequence[float] | Sequence[Box]], kind: type) -> np.ndarray:
    return np.asarray([one for part in parts for one in part], kind)


def _times(frames: Sequence[AnnotatedFrame]) -> np.ndarray | None:
    times = [frame.time for frame in frames if frame.time is not None]
    return np.asarray(times, np.float64) if len(times) == len(frames) else None


def words_of(where: str, objects: Iterable[str], predicates: Iterable[str]) -> Vocabulary:
    """The vocabulary of a set that names no groups: one of kind `several`, called relations.

    Args:
      where: the set, for messages.
      objects, predicates: names, some perhaps several times; a set is taken in order of the
        alphabet. Persons are put first.

    Raises:
      UserError: there is none of either.
    """
    first, second = (
        list(dict.fromkeys(sorted(names) if isinstance(names, set) else names))
        for names in (objects, predicates)
    )
    if not first or not second:
        raise UserError(
            f"{where}: names {len(first)} classes of objects and {len(second)} predicates"
        )
    for names in (first, second):
        tell_alike(names, where)
    first.sort(key=lambda name: name != PERSON)
    return Vocabulary((BACKGROUND, *first), (Group("relations", tuple(second), "several"),))
