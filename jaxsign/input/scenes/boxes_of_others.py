"""Boxes that another detector found in films, from its file, as scenes without relations."""

import collections
import dataclasses
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError, did_you_mean, listing
from jaxsign.input import tables
from jaxsign.input.folders import finding
from jaxsign.input.scenes import arrays, pairs, values
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.scenes.vocabulary import Vocabulary

Array = np.ndarray
_FEW_BEYOND = 0.2  # of all boxes: a detector has some
COLUMNS = ("frame", "class", "score", "x1", "y1", "x2", "y2")
_EXPECTED = (
    "Expected COCO results, [{frame (or image_id), category (or category_id), score, bbox: [x, y, "
    f"width, height]}}, ...], or a csv with the columns {','.join(COLUMNS)}; `video` may tell of "
    "which film each is"
)


@dataclasses.dataclass(frozen=True)
class OthersBox:
    """A box: the film's name ('' = of any), the frame's number or name, class, score, corners."""

    video: str
    frame: str
    label: str
    score: float
    box: tuple[float, float, float, float]


@dataclasses.dataclass(frozen=True)
class OthersBoxes:
    """The boxes of a file.

    Attributes:
      path: it.
      words: classes that the boxes are of.
      rows: by film and frame.
      left_out: boxes by their class, which has no place among `words`.
    """

    path: Path
    words: Vocabulary
    rows: Mapping[tuple[str, str], Sequence[tuple[int, OthersBox]]]
    left_out: collections.Counter[str]

    def scene(
        self, video: str, frames: Sequence[str], image_sizes: Array, numbers: Sequence[int]
    ) -> Scene:
        """The boxes of frames, with every frame's surest person and its other boxes as pairs.

        Args:
          video: the film's name.
          frames: names of the frames; numbers: theirs within the film, from 0.
          image_sizes: int [F, 2], width and height; boxes are clipped to them, and those without
            area in them are left out.
        """
        found = [
            (place, label, row)
            for place, keys in enumerate(zip(frames, map(str, numbers), strict=True))
            for label, row in self._of(video, keys)
        ]
        at = np.array([place for place, _, _ in found], np.int64)
        whole = np.array([row.box for _, _, row in found], np.float64).reshape(-1, 4)
        boxes, kept = _cut(whole, np.asarray(image_sizes)[at])
        at, boxes = at[kept], boxes[kept]
        labels = np.array([label for _, label, _ in found], np.int64)[kept]
        scores = np.array([row.score for _, _, row in found], np.float32)[kept]
        persons = np.flatnonzero(labels == pairs.PERSON) if self.words.has_person else at[:0]
        surest = persons[pairs.best_of_frames(at[persons], scores[persons])]
        told = pairs.of_persons(at, labels, surest)
        return Scene(
            source=video,
            vocabulary=self.words,
            frames=tuple(frames),
            image_sizes=np.asarray(image_sizes),
            boxes=boxes,
            box_frames=at,
            labels=labels,
            scores=scores,
            pairs=told,
            pair_frames=at[told[:, 0]],
            relations=np.zeros((len(told), len(self.words.predicates)), bool),
            labelled=np.zeros(len(told), bool),
            distribution=_spread(labels, scores, len(self.words.objects)),
        )

    @functools.cached_property
    def _counts(self) -> Mapping[str, Mapping[str, int]]:
        """Film ('' = any) -> frame -> how many boxes are told of it."""
        found: dict[str, dict[str, int]] = collections.defaultdict(dict)
        for (film, frame), rows in self.rows.items():
            found[film][frame] = len(rows)
        return found

    def check(self, films: Iterable[str]) -> None:
        """Raises UserError where boxes are told of other films than these."""
        known = [*map(tables.nfc, films)]
        if unknown := sorted(set(self._counts) - {"", *known}):
            raise self._of_no_film(unknown, known)

    def check_film(self, film: str) -> None:
        """Raises UserError where boxes are told of other films only."""
        if not {"", tables.nfc(film)} & set(self._counts):
            raise self._of_no_film(sorted(self._counts), [film])

    def _of_no_film(self, unknown: Sequence[str], known: Sequence[str]) -> UserError:
        return UserError(
            f"{self.path}: tells of boxes in films that are not there:\n{listing(unknown, 5)}\n"
            f"Expected in `video` the names of films without their endings:\n{listing(known, 5)}"
            f"\nor no `video` at all.{did_you_mean(unknown[0], known)}"
        )

    def remarks(
        self,
        film: str,
        frames: Sequence[str],
        image_sizes: Array,
        numbers: Sequence[int],
        *,
        needed: bool = False,
    ) -> list[str]:
        """What is to be said of the boxes of a film, a sentence each.

        Args:
          film: its name.
          frames, image_sizes, numbers: of all its frames that were looked at, as of `scene`.
          needed: one at least is in one of them.

        Raises:
          UserError: none is, and it is needed.
        """
        missed, all_missed = self._missed(film, frames, numbers)
        if all_missed and needed:
            raise UserError(missed)
        cut = self._cut_boxes(film, frames, image_sizes, numbers)
        return [one for one in (missed, *cut) if one]

    def _missed(self, film: str, frames: Sequence[str], numbers: Sequence[int]) -> tuple[str, bool]:
        """What is to be said of boxes that are in no frame ('' = nothing); whether all are so."""
        told = [
            pair for name in (tables.nfc(film), "") for pair in self._counts.get(name, {}).items()
        ]
        names = [*map(tables.nfc, frames)]
        seen = {*names, *map(_stem, names), *map(str, numbers)}
        lost = [(frame, count) for frame, count in told if frame not in seen]
        if not lost:
            return "", False
        text = (
            f"{sum(count for _, count in lost)} of its {sum(count for _, count in told)} boxes in "
            f"{self.path} are in no frame that was looked at, such as in frame {lost[0][0]}; these "
            f"were {frames[0]} to {frames[-1]}"
        )
        if len(lost) < len(told):
            return text, False
        near = finding.NearNames(frames).hint(lost[0][0])
        return f"{text}. `frame` is a frame's name, or its number from 0.{near}", True

    def _cut_boxes(
        self, film: str, frames: Sequence[str], image_sizes: Array, numbers: Sequence[int]
    ) -> Iterator[str]:
        """What is to be said of boxes that have no area in their frames, or reach far beyond."""
        rows = [
            (row.box, size)
            for *keys, size in zip(frames, map(str, numbers), image_sizes, strict=True)
            for _, row in self._of(film, keys)
        ]
        boxes = np.array([box for box, _ in rows], np.float64).reshape(-1, 4)
        sizes = np.array([size for _, size in rows], np.float64).reshape(-1, 2)
        if empty := int((~_cut(boxes, sizes)[1]).sum()):
            yield (
                f"{empty} of {len(rows)} boxes in {self.path} have no area in their frames and are "
                "left out"
            )
        if (count := int(arrays.are_beyond(boxes, sizes).sum())) > _FEW_BEYOND * len(rows):
            yield (
                f"{count} of {len(rows)} boxes in {self.path} reach far beyond their frames and "
                "are cut to them: is bbox x, y, width and height, and of frames as large as these?"
            )

    def _of(self, video: str, keys: Iterable[str]) -> list[tuple[int, OthersBox]]:
        """A frame's boxes, whether its name or its number is told, and the film or none."""
        films = tables.nfc(video), ""
        keys = [name for key in map(tables.nfc, keys) for name in (key, _stem(key))]
        names = dict.fromkeys((film, key) for film in films for key in keys)
        return [row for name in names for row in self.rows.get(name, ())]


def _cut(boxes: Array, sizes: Array) -> tuple[Array, Array]:
    """Boxes cut to frames of widths and heights [N, 2], and which of them have area: bool [N]."""
    inside = np.clip(boxes, 0, np.tile(sizes, 2)).astype(np.float32)
    return inside, (inside[:, 2:] > inside[:, :2]).all(axis=1)


def _stem(frame: str) -> str:
    """A picture's name without its ending, but where that could be another frame's number."""
    stem = frame.rpartition(".")[0]
    return frame if not stem or stem == "0" or re.fullmatch("[1-9][0-9]*", stem) else stem


def _spread(labels: Array, scores: Array, classes: int) -> Array:
    """float32 [N, C - 1]: each score at its class, the rest shared among the others."""
    made = np.repeat((1 - scores[:, None]) / max(classes - 2, 1), classes - 1, axis=1)
    made[np.arange(len(labels)), labels - 1] = scores
    return made.astype(np.float32)


def read(path: Path, words: Vocabulary, classes: Path | None = None) -> OthersBoxes:
    """The boxes of a file.

    Args:
      path: see `_EXPECTED`.
      words: the scenes' classes.
      classes: a csv with the columns from,to: the detector's names and the scenes'; None = they are
        called alike, but for capitals. Boxes of other classes are left out, and counted.

    Raises:
      UserError: everything that is wrong with the file or the table; no box is left.
    """
    rows = _of_csv(path) if path.suffix.lower() == ".csv" else _of_json(path)
    if arrays.are_fractions([row.box for row in rows]):
        raise UserError(f"{path}: {arrays.FRACTIONS}")
    table = _table(classes, words) if classes else {}
    capitals = {name.casefold(): number for name, number in table.items()}
    known = {name.casefold(): number for number, name in enumerate(words.objects) if number}
    held: dict[tuple[str, str], list[tuple[int, OthersBox]]] = collections.defaultdict(list)
    left_out: collections.Counter[str] = collections.Counter()
    for row in rows:
        plain = row.label.casefold()
        label = table.get(row.label, capitals.get(plain, known.get(plain)))
        if label is None:
            left_out[row.label] += 1
        else:
            held[row.video, row.frame].append((label, row))
    if not rows:
        raise UserError(f"{path}: holds no boxes. {_EXPECTED}")
    if not held:
        raise UserError(
            f"{path}: none of its {len(rows)} boxes is of a class of the scenes. Its classes: "
            f"{', '.join(sorted(left_out)) or 'none'}. Give a table with --box-classes"
        )
    return OthersBoxes(path, words, held, left_out)


def _table(path: Path, words: Vocabulary) -> dict[str, int]:
    rows = tables.read_rows(path, ("from", "to"))
    if not {"from", "to"} <= set(rows[0].cells):  # other tables than csv have columns of their own
        raise UserError(f"{path}: expected a csv with the columns from,to")
    empty = [row.number for row in rows if not (row.cells["from"] and row.cells["to"])]
    if empty:
        raise UserError(
            f"{path} line {empty[0]}: has no name in `from` or in `to`. Expected the other "
            "detector's name and the scenes'; leave the line out where the scenes have none"
        )
    times = collections.Counter(row.cells["from"] for row in rows)
    if again := [name for name, count in times.items() if count > 1]:
        raise UserError(
            f"{path}: {again[0]!r} stands {times[again[0]]} times in `from`, expected once"
        )
    unknown = sorted({row.cells["to"] for row in rows} - set(words.objects[1:]))
    if unknown:
        near = did_you_mean(unknown[0], words.objects[1:])
        raise UserError(f"{path}: {', '.join(unknown)}: no classes of the scenes.{near}")
    return {row.cells["from"]: words.objects.index(row.cells["to"]) for row in rows}


def _of_json(path: Path) -> list[OthersBox]:
    try:
        found = tables.read_json(path, _EXPECTED)
    except ValueError as error:
        raise UserError(f"{path}: is no JSON ({error}). {_EXPECTED}") from error
    if not isinstance(found, list):
        raise UserError(f"{path}: holds no list. {_EXPECTED}")
    return _checked(path, found, _from_json)


def _from_json(row: Mapping[str, Any]) -> OthersBox:
    x, y, width, height = (float(number) for number in row["bbox"])
    frame = row["frame"] if "frame" in row else row["image_id"]
    label = row["category"] if "category" in row else row["category_id"]
    box = x, y, x + width, y + height
    video = str(row.get("video") or "")
    return _box(video, _text(frame), _text(label), float(row["score"]), box)


def _text(value: Any) -> str:
    """3 for 3.0, as other programs write whole numbers."""
    return str(values.whole(value))


def _of_csv(path: Path) -> list[OthersBox]:
    return _checked(path, [row.cells for row in tables.read_rows(path, COLUMNS)], _from_csv)


def _from_csv(row: Mapping[str, Any]) -> OthersBox:
    x1, y1, x2, y2 = (float(row[name]) for name in COLUMNS[3:])
    video = row.get("video") or ""
    return _box(video, row["frame"], row["class"], float(row["score"]), (x1, y1, x2, y2))


def _box(
    video: str, frame: str, label: str, score: float, box: tuple[float, float, float, float]
) -> OthersBox:
    """Raises ValueError for what no box can be."""
    if not np.isfinite(box).all() or box[0] > box[2] or box[1] > box[3]:
        raise ValueError(
            f"the box from x1, y1 to x2, y2 {list(box)} is reversed or no number (a csv has "
            "corners, COCO's bbox x, y, width and height)"
        )
    if not 0 <= score <= 1:
        raise ValueError(f"the score {score:g}, expected 0 to 1")
    return OthersBox(video, frame, label, score, box)


def _checked(
    path: Path, rows: Sequence[Any], read_row: Callable[[Mapping[str, Any]], OthersBox]
) -> list[OthersBox]:
    """Every row read; raises UserError with all that cannot be."""
    found, problems = [], []
    for number, row in enumerate(rows):
        try:
            found.append(read_row(row))
        except (KeyError, TypeError, ValueError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            problems.append(f"box {number}: {what}")
    if problems:
        raise UserError(f"{path}: {len(problems)} bad boxes:\n{listing(problems, 5)}\n{_EXPECTED}")
    return found
