"""The graph of a frame as a picture: its persons and objects, and what is told between them."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from jaxsign.infer.graphs import drawing
from jaxsign.infer.graphs.seen import Limits, SeenFrame
from jaxsign.tasks.scenes.answers import Relation

_PAIRS = 10  # most pairs of a graph, the surest
# In pixels of a drawing twice as large as the picture, so that slanting lines are smooth.
_TEXT = 34
_NODE = 184  # a node's side
_ROW = 60  # height of a relation
_GAP = 52
_LEFT, _MIDDLE, _RIGHT = 420, 660, 420  # widths of columns
_STILL = 1120  # width of the frame beside the graph


@dataclasses.dataclass(frozen=True)
class _Pair:
    """Two boxes, what is told between them, and where that stands."""

    subject: int
    other: int
    relations: tuple[Relation, ...]
    top: int

    @property
    def height(self) -> int:
        return max(len(self.relations) * _ROW, _NODE)

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


def picture(frame: SeenFrame, groups: Sequence[str], limits: Limits) -> Image.Image:
    """The frame with its boxes, and beside it the graph of its surest relations.

    Subjects stand left, what they are related to right, and between them a line for each relation;
    a box that is both stands on both sides.

    Args:
      frame: it.
      groups: names of the groups of predicates.
      limits: what is shown.
    """
    pairs = _pairs(frame, limits)
    still = _still(frame, groups, limits)
    tall = max(still.height, (pairs[-1].top + pairs[-1].height if pairs else 0) + _GAP) + 2 * _GAP
    made = Image.new("RGB", (still.width + _LEFT + _MIDDLE + _RIGHT + 2 * _GAP, tall), drawing.BACK)
    made.paste(still, (_GAP, _GAP))
    pen = ImageDraw.Draw(made)
    start = still.width + 2 * _GAP
    if not pairs:
        letters, font = drawing.lettered("no relations in this frame", 1.3 * _TEXT)
        pen.text((start, _GAP), letters, drawing.DIM, font)
        return made.reduce(2)
    edges = (start + _LEFT // 2 + _NODE // 2, start + _LEFT + _MIDDLE + _RIGHT // 2 - _NODE // 2)
    sides = _sides(pairs)
    for pair in pairs:
        _lines(pen, pair, sides, edges, start + _LEFT, groups)
    for side, centre in zip(sides, (edges[0] - _NODE // 2, edges[1] + _NODE // 2), strict=True):
        for box, y in side.items():
            _node(made, frame, box, (centre, round(y)))
    return made.reduce(2)


def _pairs(frame: SeenFrame, limits: Limits) -> list[_Pair]:
    """The surest pairs, by subject, with all that counts of their relations."""
    told: dict[tuple[int, int], list[Relation]] = {}
    for relation in frame.sure(limits):
        told.setdefault((relation.subject, relation.object), []).append(relation)
    kept = sorted(list(told)[:_PAIRS], key=lambda pair: pair[0])
    found, top = [], _GAP
    for subject, other in kept:
        found.append(_Pair(subject, other, tuple(told[subject, other]), top))
        top += found[-1].height + _GAP + _TEXT
    return found


def _sides(pairs: Sequence[_Pair]) -> tuple[dict[int, float], dict[int, float]]:
    """Where the middle of each box is, of those on the left and of those on the right."""
    left: dict[int, list[float]] = {}
    right: dict[int, list[float]] = {}
    for pair in pairs:
        left.setdefault(pair.subject, []).append(pair.middle)
        right.setdefault(pair.other, []).append(pair.middle)
    return _apart(left), _apart(right)


def _apart(places: dict[int, list[float]]) -> dict[int, float]:
    """The mean place of each, none nearer to the one above than a node is high."""
    found: dict[int, float] = {}
    lowest = -np.inf
    for box, middles in sorted(places.items(), key=lambda one: float(np.mean(one[1]))):
        lowest = max(float(np.mean(middles)), lowest + _NODE + _GAP + _TEXT)
        found[box] = lowest
    return found


def _lines(
    pen: ImageDraw.ImageDraw,
    pair: _Pair,
    sides: tuple[dict[int, float], dict[int, float]],
    edges: tuple[int, int],
    column: int,
    groups: Sequence[str],
) -> None:
    """A chip for each relation in the middle column, with lines from either box."""
    top = pair.middle - len(pair.relations) * _ROW / 2
    for number, relation in enumerate(pair.relations):
        colour = drawing.by_group(groups, relation.group)
        y = top + number * _ROW + _ROW / 2
        ends = (edges[0], sides[0][pair.subject]), (edges[1], sides[1][pair.other])
        pen.line([ends[0], (column, y), (column + _MIDDLE, y), ends[1]], colour, 4, "curve")
        tip, mark = (
            (ends[0], (column, y)) if relation.reversed else (ends[1], (column + _MIDDLE, y))
        )
        _tip(pen, np.array(mark), np.array(tip), colour)
        text = f"{relation.predicate.replace('_', ' ')}  {relation.score:.2f}"
        letters, font = drawing.lettered(text, 0.9 * _TEXT)
        width = pen.textlength(letters, font)
        x = column + (_MIDDLE - width) / 2
        box = (x - 20, y - _ROW / 2 + 4, x + width + 20, y + _ROW / 2 - 4)
        pen.rounded_rectangle(box, 18, tuple(part // 3 for part in colour), colour, 2)
        pen.text((x, y - 0.62 * _TEXT), letters, drawing.TEXT, font)


def _tip(
    pen: ImageDraw.ImageDraw, start: np.ndarray, end: np.ndarray, colour: drawing.Colour
) -> None:
    """The head of an arrow that comes from `start` and ends at `end`."""
    way = (end - start) / max(float(np.hypot(*(end - start))), 1.0)
    across = np.array([-way[1], way[0]]) * 10
    foot = end - 24 * way
    pen.polygon([tuple(end), tuple(foot + across), tuple(foot - across)], colour)


def _node(made: Image.Image, frame: SeenFrame, box: int, centre: tuple[int, int]) -> None:
    """What is in the box, framed in its colour, and its name under it."""
    pen, (x, y), half = ImageDraw.Draw(made), centre, _NODE // 2
    score = float(frame.answer.scores[box])
    colour = drawing.by_score(score)
    corner = x - half, y - half
    made.paste(_crop(frame, frame.answer.boxes[box]), corner)
    pen.rectangle((*corner, corner[0] + _NODE, corner[1] + _NODE), outline=colour, width=8)
    name = frame.names()[box]
    letters, font = drawing.lettered(name if score == 1 else f"{name} {score:.2f}", 0.95 * _TEXT)
    width = pen.textlength(letters, font)
    pen.text((x - width / 2, y + half + 6), letters, drawing.TEXT, font)


def _crop(frame: SeenFrame, box: np.ndarray) -> Image.Image:
    """What of the picture is in a box, in a square."""
    made = Image.new("RGB", (_NODE, _NODE), (44, 48, 56))
    if frame.picture is None:
        return made
    whole = drawing.shown(frame, *frame.size)
    x1, y1, x2, y2 = np.clip(box, 0, [*frame.size, *frame.size]).round().astype(int).tolist()
    if x2 - x1 < 2 or y2 - y1 < 2:
        return made
    part = whole.crop((x1, y1, x2, y2))
    scale = _NODE / max(part.size)
    part = part.resize((max(1, round(part.width * scale)), max(1, round(part.height * scale))))
    made.paste(part, ((_NODE - part.width) // 2, (_NODE - part.height) // 2))
    return made


def _still(frame: SeenFrame, groups: Sequence[str], limits: Limits) -> Image.Image:
    """The frame with its boxes, as the film has it, without the list of relations."""
    found = drawing.FramePainter(groups, dataclasses.replace(limits, drawn=0)).paint(frame)
    return found.resize((_STILL, round(found.height * _STILL / found.width)))
