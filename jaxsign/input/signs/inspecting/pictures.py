"""Pictures of what was inspected: the strip of a clip, a sheet of a collection or of images."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clip_parts
from jaxsign.input.signs import drawing
from jaxsign.input.signs.clean import presence
from jaxsign.input.signs.formats import Collection
from jaxsign.input.signs.inspecting import checks, facts
from jaxsign.whole import whole

_SHEET = 24
_THUMBNAIL = 200


def collection_sheet(collection: Collection) -> Image.Image:
    """One frame each of two dozen clips evenly spread over a collection, captioned with the gloss.

    Clips that cannot be read are left out: the report names them.

    Raises:
      UserError: none can be read.
    """
    images, captions = [], []
    for i in facts.spread(len(collection), _SHEET):
        try:
            clip = collection.read(i)
        except UserError:
            continue
        entry = collection.entries[i]
        images.append(drawing.still(clip, _telling(checks.flat(clip)), _THUMBNAIL))
        captions.append(" ".join(entry.glosses) or entry.name.rpartition("/")[2])
    if not images:
        raise UserError(f"{collection.name}: no clip can be drawn")
    return drawing.sheet(images, captions, columns=8)


def _telling(clip: clip_parts.Clip) -> int:
    """The frame with the most hand points, of these the one nearest to the middle."""
    parts = presence.present(clip)
    hands = parts[:, clip_parts.PARTS["left_hand"]].sum(1) + parts[
        :, clip_parts.PARTS["right_hand"]
    ].sum(1)
    best = np.flatnonzero(hands == hands.max())
    return int(best[np.abs(best - len(clip) / 2).argmin()])


def frames_sheet(frames: np.ndarray, count: int = 8) -> Image.Image:
    """Evenly spread images of uint8 [T, H, W, 3] side by side."""
    numbers = facts.spread(len(frames), count)
    images = [Image.fromarray(np.asarray(frames[i])) for i in numbers]
    for image in images:
        image.thumbnail((360, 240))
    return drawing.sheet(images, [str(i) for i in numbers], columns=len(images))


def save(image: Image.Image, path: str | os.PathLike) -> Path:
    """Writes a PNG, whole or not at all.

    Raises:
      UserError: the name does not end with .png.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise UserError(f"{path}: the picture's name must end with .png")
    with whole(path) as draft:
        image.save(draft, format="PNG", optimize=True)
    return path
