"""What a person sees of live recognition: the image, the skeleton, the answers."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxsign import lettering
from jaxsign.input.signs import drawing
from jaxsign.tasks.following import Emitted, Heard

HELP = "q quit   s screenshot   r reset   c confidence   l landmarks   h help"
_SURE, _FIRST, _OTHER = (80, 220, 100), (64, 208, 224), (236, 206, 80)
_TEXT, _DIM, _PANEL = (236, 240, 245), (168, 176, 188), (16, 18, 23, 200)


@dataclasses.dataclass
class PictureView:
    """What is shown; the keys switch it."""

    landmarks: bool = True
    confidence: bool = True
    help: bool = True


@dataclasses.dataclass(frozen=True)
class Status:
    """Numbers of the moment.

    Attributes:
      seconds: of the stream.
      buffered: frames in the window.
      fps: frames a second that are handled.
      landmark_ms, net_ms: latencies.
      threshold: of the recogniser, None where it has none.
    """

    seconds: float
    buffered: int
    fps: float
    landmark_ms: float
    net_ms: float
    threshold: float | None

    def text(self) -> str:
        """One line."""
        return (
            f"{self.seconds:.1f} s   {self.buffered} frames   {self.fps:.0f} fps   "
            f"landmarks {self.landmark_ms:.0f} ms   net {self.net_ms:.1f} ms"
            + ("" if self.threshold is None else f"   threshold {self.threshold:.2f}")
        )


def compose(
    image: np.ndarray,
    points: np.ndarray | None,
    answer: Heard | None,
    told: Sequence[Emitted],
    status: Status,
    view: PictureView,
) -> Image.Image:
    """The picture of a moment.

    Args:
      image: uint8 [H, W, 3], RGB.
      points: float [543, 3] to draw, or None.
      answer: the last one, or None before the first.
      told: the last signs, those of the answer at the end.
      status, view: see there.

    Returns:
      An RGB picture, at least 480 pixels wide.
    """
    picture = Image.fromarray(image)
    if picture.width < 480:
        picture = picture.resize((480, round(picture.height * 480 / picture.width)))
    if points is not None and view.landmarks:
        drawing.draw(picture, points)
    size = max(13, picture.width // 46)
    lines = [(status.text(), _DIM)] + ([(HELP, _DIM)] if view.help else [])
    if answer is None or answer.candidates:
        candidates = answer.candidates if answer is not None else ()
        _panel(picture, candidates, answer is not None and answer.accepted, size, lines, view)
    else:
        _running(picture, answer, told, size, lines, view)
    return picture


def _panel(
    picture: Image.Image,
    candidates: Sequence[tuple[str, float]],
    accepted: bool,
    size: int,
    lines: Sequence[tuple[str, tuple[int, int, int]]],
    view: PictureView,
) -> None:
    """A dark band at the bottom: candidates with bars, then the small lines."""
    row, small = round(size * 1.9), round(size * 1.45)
    shown = candidates or [("waiting for a sign ...", 0.0)]
    height = row * len(shown) + small * len(lines) + size
    band = Image.new("RGBA", (picture.width, height), _PANEL)
    pen, y = ImageDraw.Draw(band), size // 2
    for place, (name, probability) in enumerate(shown):
        colour = (_SURE if accepted else _FIRST) if place == 0 else _OTHER
        colour = colour if candidates else _DIM
        if candidates and view.confidence:
            dark = tuple(part // 3 for part in colour)
            pen.rectangle((0, y, round(band.width * probability), y + row - 5), (*dark, 225))
        text = f"{place + 1}. {name}: {probability:.3f} ({100 * probability:.1f}%)"
        text = text if view.confidence else f"{place + 1}. {name}"
        # The sure answer is thick.
        stroke = 1 if place == 0 and accepted else 0
        text = text if candidates else name
        text, font = _lettered(text, size * (1.3 if place == 0 else 1.1))
        pen.text((size, y), text, (*colour, 255), font, stroke_width=stroke)
        y += row
    for text, colour in lines:
        text, font = _lettered(text, size * 0.85)
        pen.text((size, y), text, (*colour, 255), font)
        y += small
    picture.paste(band, (0, picture.height - height), band)


def _running(
    picture: Image.Image,
    answer: Heard,
    told: Sequence[Emitted],
    size: int,
    lines: Sequence[tuple[str, tuple[int, int, int]]],
    view: PictureView,
) -> None:
    """A dark band at the bottom: the last glosses that fit, the newest bright, then the rest."""
    new = len(told) - len(answer.signs)
    named = [(s.name, _SURE if i >= new else _TEXT) for i, s in enumerate(told)]
    named += [(name, _DIM) for name in answer.tentative] or [("...", _DIM)]
    words = [(*_lettered(name, size * 1.5), colour) for name, colour in named]
    row, small, gap = round(size * 2.4), round(size * 1.45), round(size * 0.9)
    if view.confidence and told:
        last = told[-1]
        text = f"{last.name} {last.confidence:.3f}   told {last.latency:.1f} s after its end"
        lines = [(text, _FIRST), *lines]
    band = Image.new("RGBA", (picture.width, row + small * len(lines) + size), _PANEL)
    pen = ImageDraw.Draw(band)
    widths = [pen.textlength(word, font) + gap for word, font, _ in words]
    while len(words) > 1 and sum(widths) > band.width - 2 * size:
        words, widths = words[1:], widths[1:]
    x = float(size)
    for (word, font, colour), width in zip(words, widths, strict=True):
        pen.text((x, size // 2), word, (*colour, 255), font, stroke_width=int(colour == _SURE))
        x += width
    for i, (text, colour) in enumerate(lines):
        place = (size, size // 2 + row + small * i)
        text, font = _lettered(text, size * 0.85)
        pen.text(place, text, (*colour, 255), font)
    picture.paste(band, (0, picture.height - band.height), band)


def _lettered(text: str, size: float) -> tuple[str, ImageFont.FreeTypeFont]:
    """A text as it can be drawn, and the font that has its letters."""
    shown = lettering.usual().label(text)
    return shown, lettering.usual().font(shown, round(size))
