"""Frames of made-up scenes as pictures, for what looks at pixels.

A class has a shape, a colour and stripes of its own; behind the boxes are soft blots, over all of
it is noise. What is drawn depends on the scene and the frame's number alone.
"""

import zlib

import numpy as np
import PIL.Image
import PIL.ImageDraw

from jaxsign.input.scenes.pairs import PERSON
from jaxsign.input.scenes.scene import Scene

Array = np.ndarray
_NOISE = 6.0  # standard deviation, of 255
_BLOTS = 7
_GOLDEN = 0.6180339887  # a turn of so much makes hues that lie far from all before
# Corners of shapes, in shares of their box; the first is an ellipse.
_SHAPES: tuple[tuple[tuple[float, float], ...], ...] = (
    (),
    ((0, 0), (1, 0), (1, 1), (0, 1)),
    ((0.5, 0), (1, 1), (0, 1)),
    ((0.5, 0), (1, 0.5), (0.5, 1), (0, 0.5)),
    ((0.35, 0), (0.65, 0), (0.65, 0.35), (1, 0.35), (1, 0.65), (0.65, 0.65), (0.65, 1), (0.35, 1),
     (0.35, 0.65), (0, 0.65), (0, 0.35), (0.35, 0.35)),
)  # fmt: skip


def frame(scene: Scene, number: int) -> Array:
    """A frame as a picture, uint8 [H, W, 3], RGB; its boxes are those of the scene."""
    width, height = (int(side) for side in scene.image_sizes[number])
    rng = np.random.default_rng([zlib.crc32(scene.frames[number].encode()), number])
    image = _behind(scene, width, height)
    draw = PIL.ImageDraw.Draw(image)
    rows = np.flatnonzero(scene.box_frames == number)
    # The person stands behind what it has to do with.
    for row in sorted(rows.tolist(), key=lambda row: scene.labels[row] != PERSON):
        _draw(draw, scene.boxes[row].tolist(), int(scene.labels[row]))
    noise = _NOISE * rng.standard_normal((height, width, 1), np.float32)
    return np.clip(np.asarray(image, np.float32) + noise, 0, 255).astype(np.uint8)


def _behind(scene: Scene, width: int, height: int) -> PIL.Image.Image:
    """The background, which a video's frames share."""
    rng = np.random.default_rng(zlib.crc32(scene.source.encode()))
    image = PIL.Image.new("RGB", (width, height), _muted(rng))
    draw = PIL.ImageDraw.Draw(image)
    for _ in range(_BLOTS):
        at, reach = rng.uniform(0, 1, 2) * (width, height), rng.uniform(0.1, 0.4, 2) * height
        draw.ellipse((*(at - reach), *(at + reach)), fill=_muted(rng))
    return image


def _muted(rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(int(value) for value in rng.integers(90, 170, 3))


def _draw(draw: PIL.ImageDraw.ImageDraw, box: list[float], label: int) -> None:
    if label == PERSON:
        _draw_person(draw, box)
        return
    x1, y1, x2, y2 = box
    shape = _SHAPES[label % len(_SHAPES)]
    light, dark = _hue(label), tuple(value // 3 for value in _hue(label))
    if not shape:
        draw.ellipse((x1, y1, x2 - 1, y2 - 1), fill=light, outline=dark, width=3)
    else:
        corners = [(x1 + x * (x2 - x1 - 1), y1 + y * (y2 - y1 - 1)) for x, y in shape]
        draw.polygon(corners, fill=light, outline=dark, width=3)
    middle = (y1 + y2) / 2
    if label % 2:  # every second class has a band
        draw.line((x1 + (x2 - x1) / 4, middle, x2 - (x2 - x1) / 4, middle), fill=dark, width=4)


def _draw_person(draw: PIL.ImageDraw.ImageDraw, box: list[float]) -> None:
    """A head, a body and arms that reach to the box's sides."""
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    middle, neck, waist = (x1 + x2) / 2, y1 + height * 0.22, y1 + height * 0.6
    draw.ellipse((middle - width * 0.2, y1, middle + width * 0.2, neck), fill=(224, 172, 138))
    draw.rectangle((x1, neck, x2 - 1, waist), fill=(40, 60, 120))
    for side in (x1 + width * 0.1, middle + width * 0.05):
        draw.rectangle((side, waist, side + width * 0.35, y2 - 1), fill=(50, 40, 40))


def _hue(label: int) -> tuple[int, ...]:
    turn = (label * _GOLDEN) % 1 * 6 + np.array([0, 4, 2])
    return tuple(int(v) for v in 60 + 190 * np.clip(np.abs(turn % 6 - 3) - 1, 0, 1))
