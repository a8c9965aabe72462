"""Frames with their boxes and strongest relations, as pictures of one size for a film."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxsign import lettering
from jaxsign.infer.graphs.seen import Limits, SeenFrame
from jaxsign.tasks.scenes.answers import Relation

Colour = tuple[int, int, int]
# Of boxes by score, as the public demonstration has them: above so much, this colour.
SCORES: tuple[tuple[float, Colour], ...] = (
    (0.7, (74, 201, 99)),
    (0.3, (245, 206, 66)),
    (0.0, (246, 148, 62)),
)
# Of groups of predicates, in the vocabulary's order.
GROUPS: tuple[Colour, ...] = (
    (112, 164, 222), (236, 166, 92), (130, 200, 140), (222, 130, 152), (178, 154, 226),
)  # fmt: skip
BACK, INK, TEXT, DIM = (22, 25, 31), (18, 20, 24), (236, 240, 245), (150, 160, 174)
_TAG_ROWS = (0, -1, -2, 1, 2, 3, -3)  # from a label's own row, the best first
_BLANK = (58, 63, 72)  # where there is no picture
_LEAST, _MOST = 640, 1280  # width of a film's picture
_TALLEST = 960


def by_score(score: float) -> Colour:
    """The colour of a box."""
    return next(colour for least, colour in SCORES if score > least or least == 0)


def by_group(groups: Sequence[str], name: str) -> Colour:
    """The colour of a group of predicates."""
    return GROUPS[groups.index(name) % len(GROUPS)]


def lettered(text: str, size: float) -> tuple[str, ImageFont.FreeTypeFont]:
    """A text as it can be drawn, and the font that has its letters."""
    shown = lettering.usual().label(text, 60)
    return shown, lettering.usual().font(shown, max(round(size), 9))


def shown(frame: SeenFrame, width: int, height: int) -> Image.Image:
    """The frame's picture in a size, or a plain one."""
    if frame.picture is None:
        return Image.new("RGB", (width, height), _BLANK)
    found = Image.fromarray(frame.picture)
    return found if found.size == (width, height) else found.resize((width, height))


class FramePainter:
    """Draws the frames of one film, all in the size of the first.

    Args:
      groups: names of the groups of predicates.
      limits: what is shown.
    """

    def __init__(self, groups: Sequence[str], limits: Limits):
        self._groups, self._limits = tuple(groups), limits
        self._size = (0, 0)

    def paint(self, frame: SeenFrame) -> Image.Image:
        """The frame with its boxes, and under it its strongest relations."""
        if not self._size[0]:
            self._size = _scaled(frame.size)
        width, height = self._size
        text = max(13, width // 52)
        strongest = frame.sure(self._limits)[: self._limits.drawn]
        picture = shown(frame, width, height)
        scale = width / frame.size[0], height / frame.size[1]
        _boxes(picture, frame, self._limits, np.array([*scale, *scale]), strongest, self._groups)
        made = Image.new("RGB", (width, height + self._panel(text)), BACK)
        made.paste(picture)
        self._write(made, frame, strongest, text)
        return made

    def _panel(self, text: int) -> int:
        return round(text * (2.2 + 1.75 * self._limits.drawn + 0.4))

    def _write(
        self, picture: Image.Image, frame: SeenFrame, strongest: Sequence[Relation], text: int
    ) -> None:
        """The time, what colours mean, and a row with a bar for each relation."""
        pen, y = ImageDraw.Draw(picture), self._size[1] + text // 2
        pen.text((text, y), *_arguments(frame.when, text, TEXT))
        _legend(pen, self._size[0] - text, y, text)
        y, row = y + round(1.8 * text), round(1.75 * text)
        names = frame.names()
        whole = self._size[0] - 2 * text
        for relation in strongest:
            colour = by_group(self._groups, relation.group)
            dark = tuple(part // 3 for part in colour)
            pen.rectangle((text, y, text + round(whole * relation.score), y + row - 4), dark)
            pen.rectangle((text, y, text + 4, y + row - 4), colour)
            pen.text((2 * text, y + 1), *_arguments(told(relation, names), text, TEXT))
            pen.text(
                (text + whole - 3 * text, y + 1), *_arguments(f"{relation.score:.2f}", text, colour)
            )
            y += row
        if not strongest and self._limits.drawn:
            pen.text((2 * text, y + 1), *_arguments("no relations", text, DIM))


def told(relation: Relation, names: Sequence[str]) -> str:
    """'person holding cup 2'."""
    ends = names[relation.subject], names[relation.object]
    first, second = ends[::-1] if relation.reversed else ends
    return f"{first} {relation.predicate.replace('_', ' ')} {second}"


def _arguments(text: str, size: float, colour: Sequence[int]) -> tuple:
    letters, font = lettered(text, size)
    return letters, tuple(colour), font


def _scaled(size: tuple[int, int]) -> tuple[int, int]:
    """Even sides of the size that a film shows frames in."""
    width = min(max(size[0], _LEAST), _MOST)
    scale = min(width / size[0], _TALLEST / size[1])
    found = [max(2, round(side * scale / 2) * 2) for side in size]
    return found[0], found[1]


def _legend(pen: ImageDraw.ImageDraw, right: int, y: int, text: int) -> None:
    """What the boxes' colours mean, ending at `right`."""
    for least, colour in reversed(SCORES):
        letters, font = lettered(f"> {least:g}" if least else "less", 0.85 * text)
        right -= round(pen.textlength(letters, font)) + text
        pen.rectangle((right - text, y + 3, right - 5, y + text - 1), colour)
        pen.text((right, y), letters, DIM, font)
        right -= 2 * text
    letters, font = lettered("boxes' scores", 0.85 * text)
    pen.text((right - pen.textlength(letters, font), y), letters, DIM, font)


def _boxes(
    picture: Image.Image,
    frame: SeenFrame,
    limits: Limits,
    scale: np.ndarray,
    strongest: Sequence[Relation],
    groups: Sequence[str],
) -> None:
    """Boxes by score, the surest on top; a thin arrow for each of the strongest relations."""
    pen, text = ImageDraw.Draw(picture), max(12, picture.width // 60)
    boxes, names = frame.answer.boxes * scale, frame.names()
    line = max(2, picture.width // 320)
    order = np.argsort(frame.answer.scores, kind="stable")
    chosen = [i for i in order.tolist() if frame.answer.scores[i] > limits.boxes]
    for i in chosen:
        pen.rectangle(
            tuple(boxes[i].tolist()), outline=by_score(frame.answer.scores[i]), width=line
        )
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    for relation in reversed(strongest):
        start, end = centres[relation.subject], centres[relation.object]
        _arrow(pen, start, end, by_group(groups, relation.group), line, text)
    taken: list[tuple[float, float, float, float]] = []
    for i in reversed(chosen):
        score = float(frame.answer.scores[i])
        label = names[i] if score == 1 else f"{names[i]} {score:.2f}"
        _tag(pen, boxes[i], label, by_score(score), text, picture.size, taken)


def _arrow(
    pen: ImageDraw.ImageDraw,
    start: np.ndarray,
    end: np.ndarray,
    colour: Colour,
    line: int,
    head: int,
) -> None:
    way = end - start
    length = float(np.hypot(*way))
    if length < head:
        return
    way = way / length
    across = np.array([-way[1], way[0]])
    foot = end - way * 0.7 * head
    pen.line([tuple(start), tuple(foot)], colour, line)
    corners = end, foot + across * 0.35 * head, foot - across * 0.35 * head
    pen.polygon([tuple(corner) for corner in corners], colour)


def _tag(
    pen: ImageDraw.ImageDraw,
    box: np.ndarray,
    label: str,
    colour: Colour,
    size: int,
    within: tuple[int, int],
    taken: list[tuple[float, float, float, float]],
) -> None:
    """A label at its box's upper left corner, in another row where another one stands."""
    letters, font = lettered(label, size)
    width, height = pen.textlength(letters, font) + 8, size + 6
    x = float(np.clip(box[0], 0, max(within[0] - width, 0)))
    y = float(box[1]) - height if box[1] >= height else max(float(box[1]), 0.0)
    y = min(y, within[1] - height)

    def is_free(y: float) -> bool:
        return 0 <= y <= within[1] - height and not any(
            x < r and left < x + width and y < b and t < y + height for left, t, r, b in taken
        )

    # Above rather than below, where it would hide what is in the box.
    y = next(filter(is_free, (y + row * height for row in _TAG_ROWS)), y)
    taken.append((x, y, x + width, y + height))
    pen.rectangle((x, y, x + width, y + height), colour)
    pen.text((x + 4, y + 1), letters, INK, font)
