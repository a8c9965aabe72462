"""Annotations of ELAN and the films that belong to them, made on the spot."""

from pathlib import Path

import numpy as np
from PIL import Image

from jaxsign.input import film

VGT = "file:///Volumes/corpusvgt/Videomateriaal/CVGT/sessie"


def eaf(path, tiers, media=(), participants=None):
    """An .eaf file.

    Args:
      tiers: name -> [(start, end, gloss)], in milliseconds.
      media: URLs.
      participants: tier -> who signs.
    """
    from pympi import Elan

    made = Elan.Eaf()
    for url in media:
        made.add_linked_file(url, mimetype="video/mp4")
    made.remove_tier("default")
    for name, annotations in tiers.items():
        made.add_tier(name, part=(participants or {}).get(name))
        for start, end, gloss in annotations:
            made.add_annotation(name, start, end, gloss)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    made.to_file(str(path))
    return Path(path)


def numbered(path, frames, size=(64, 48), rate=25):
    """A film whose frame i is grey: 8 i in its left half, 250 - 8 i in its right."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with film.Writer(Path(path), rate) as writer:
        for number in range(frames):
            pixels = np.full((size[1], size[0], 3), 8 * number, np.uint8)
            pixels[:, size[0] // 2 :] = 250 - 8 * number
            writer.add(Image.fromarray(pixels), number / rate)
    return Path(path)


def greys(path):
    """The frames' numbers that `numbered` painted, by left and right half."""
    from jaxsign.input.signs.extract import video

    with video.Video(Path(path)) as opened:
        pixels = [frame.pixels().astype(float) for frame in opened]
    half = pixels[0].shape[1] // 2
    left = [round(p[:, : half - 8].mean() / 8) for p in pixels]
    return left, [round((250 - p[:, half + 8 :].mean()) / 8) for p in pixels]
