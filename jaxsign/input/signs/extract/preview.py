"""Pictures to check an extraction by: the video's frames with their skeletons drawn on."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from jaxsign.errors import UserError
from jaxsign.input import film
from jaxsign.input.signs import drawing
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.extract import opening, recording, report
from jaxsign.input.signs.extract.settings import ExtractionSettings
from jaxsign.whole import whole

_FRAMES, _COLUMNS, _SIDE = 18, 6, 320  # of a sheet: frames, columns, longer side in pixels
VIDEO_SIDE = 720


def write(path: Path, source: Path, clip: Clip, settings: ExtractionSettings, kind: str) -> None:
    """Draws the stored landmarks of `clip` on the frames of the video that it was made of.

    Args:
      path: what to write; whole or not at all.
      source: the video.
      clip: its clip.
      settings: those that the clip was made with.
      kind: 'sheet' (PNG, evenly spaced frames) or 'video' (MP4, every frame).

    Raises:
      UserError: the video cannot be read, or does not fit the clip.
    """
    with whole(path, ending=True) as draft:
        (_sheet if kind == "sheet" else _video)(draft, source, clip, settings)


def drawn(
    source: Path, clip: Clip, settings: ExtractionSettings, numbers: np.ndarray, side: int
) -> Iterator[tuple[int, Image.Image]]:
    """The frames of the given numbers with their skeletons, RGB.

    Args:
      source, clip, settings: as in `write`.
      numbers: int [N], of frames of the clip.
      side: most pixels of a side.

    Raises:
      UserError: the video cannot be read, or has fewer frames than the clip.
    """
    wanted, last = set(numbers.tolist()), int(numbers.max())
    drawn = 0
    with opening.film(source, rate=settings.source_fps) as opened:
        for number, frame in enumerate(recording.kept(opened, settings)):
            if number in wanted:
                image = Image.fromarray(frame.pixels(side))
                drawing.draw(image, clip.landmarks[number])
                drawn += 1
                yield number, image
            if number >= last:
                break
    if drawn < len(wanted):
        raise UserError(f"{source}: has fewer frames now than its clip ({len(clip)})")


def _sheet(draft: Path, source: Path, clip: Clip, settings: ExtractionSettings) -> None:
    numbers = np.unique(np.linspace(0, len(clip) - 1, _FRAMES).round().astype(int))
    images, captions = [], []
    for number, image in drawn(source, clip, settings, numbers, _SIDE):
        images.append(image)
        captions.append(_caption(clip, number))
    drawing.sheet(images, captions, columns=_COLUMNS).save(draft)


def _caption(clip: Clip, number: int) -> str:
    """`12 · 0.48 s · pose face R`."""
    short = {"pose": "pose", "face": "face", "left_hand": "L", "right_hand": "R"}
    found = [short[name] for name in report.PARTS if clip.presence[name][number]]
    return f"{number} · {clip.timestamps[number]:.2f} s · {' '.join(found) or 'nothing'}"


def _video(draft: Path, source: Path, clip: Clip, settings: ExtractionSettings) -> None:
    with film.Writer(draft, clip.fps or 30) as writer:
        for number, image in drawn(source, clip, settings, np.arange(len(clip)), VIDEO_SIDE):
            writer.add(image, clip.timestamps[number])
