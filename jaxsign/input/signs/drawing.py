"""Pictures of landmarks: a skeleton on a frame, a strip of a clip, a contact sheet."""

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxsign import lettering
from jaxsign.input.signs import skeleton
from jaxsign.input.signs.clip import Clip

# Bright colours with a dark rim are seen on any video and on the dark ground of a strip; orange
# and blue are told apart by colour-blind readers too.
COLOURS: dict[str, tuple[int, int, int]] = {
    "pose": (214, 220, 228),
    "face": (202, 184, 244),
    "left hand": (255, 152, 40),
    "right hand": (64, 180, 255),
}
GROUND = (24, 27, 33)
_PANEL, _TEXT, _DIM = (36, 40, 48), (214, 220, 228), (92, 99, 112)
_RIM = (10, 12, 16, 190)
# Line width and dot radius of each part, in units of `_unit`.
_WIDTHS = {
    "pose": (2.0, 1.9),
    "face": (1.0, 1.3),
    "left hand": (1.6, 1.6),
    "right hand": (1.6, 1.6),
}
_FINER = 3  # lines are drawn this many times as large, then scaled down: smooth edges
_FEW = 100  # points of a face: formats that keep some of them join no neighbours
_FAR = 10.0  # image sizes; a point further off the image is left out


def draw(image: Image.Image, points: np.ndarray) -> None:
    """Draws one frame's skeleton onto `image`: pose, face contours and both hands.

    Where face or hand were found themselves, the few pose points inside them are not drawn.

    Args:
      image: RGB or RGBA, changed in place.
      points: float [543, 2 or 3], x and y as fractions of the image; NaN points are left out.

    Raises:
      ValueError: `points` has another shape, or the image another mode.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or len(points) != 543 or points.shape[1] < 2:
        raise ValueError(f"points {points.shape}, expected [543, 3]")
    if image.mode not in ("RGB", "RGBA"):
        raise ValueError(f"image of mode {image.mode}, expected RGB or RGBA")
    unit = _unit(image.size)
    xy = points[:, :2] * image.size
    xy[~(np.abs(points[:, :2] - 0.5) < _FAR).all(1)] = np.nan
    box = _box(xy, image.size, margin=4 * unit)
    if box is None:
        return
    # Only the part of the image that holds the skeleton is drawn large.
    left, top, right, bottom = box
    size = ((right - left) * _FINER, (bottom - top) * _FINER)
    layer = Image.new("RGBA", size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    xy = _without_doubles((xy - (left, top)) * _FINER)
    for name in skeleton.PARTS:
        _part(pen, xy, name, unit * _FINER)
    layer = layer.reduce(_FINER)
    image.paste(layer, (left, top), layer)


def _without_doubles(xy: np.ndarray) -> np.ndarray:
    """The points without those of the pose that a found face or hand shows better."""
    xy = xy.copy()
    for name, rows in skeleton.POSE_DOUBLES.items():
        if np.isfinite(xy[skeleton.PARTS[name]]).all(1).mean() > 0.5:
            xy[rows] = np.nan
    return xy


def _unit(size: tuple[int, int]) -> float:
    """Pixels of a thin line on an image of this size."""
    return max(0.8, float(np.sqrt(size[0] * size[1])) / 380)


def _box(xy: np.ndarray, size: tuple[int, int], margin: float) -> tuple[int, int, int, int] | None:
    """The part of the image that holds points, or None."""
    seen = xy[np.isfinite(xy).all(1)]
    if not len(seen):
        return None
    low = np.clip(np.floor(seen.min(0) - margin), 0, size).astype(int)
    high = np.clip(np.ceil(seen.max(0) + margin), 0, size).astype(int)
    return None if (low >= high).any() else (low[0], low[1], high[0], high[1])


def _part(pen: ImageDraw.ImageDraw, xy: np.ndarray, name: str, unit: float) -> None:
    width, dot = (scale * unit for scale in _WIDTHS[name])
    rim = min(unit, width / 2)
    ends = xy[skeleton.CONNECTIONS[name]]
    ends = ends[np.isfinite(ends).all((1, 2))]
    joints = xy[skeleton.PARTS[name]]
    joints = joints[np.isfinite(joints).all(1)]
    if name == "face" and len(joints) > _FEW:  # its contours say more without dots
        joints = joints[:0]
    for colour, more in ((_RIM, rim), ((*COLOURS[name], 255), 0.0)):
        for start, end in ends:
            pen.line([*start, *end], colour, round(width + 2 * more))
        for x, y in joints:
            r = dot + more
            pen.ellipse([x - r, y - r, x + r, y + r], colour)


def caption(image: Image.Image, text: str) -> None:
    """Writes a line of text on a dark band at the bottom of `image`, in place."""
    size = max(12, image.width // 40)
    band = Image.new("RGBA", (image.width, 2 * size), (*GROUND, 200))
    letters = lettering.usual()
    text = letters.label(" ".join(text.split()))
    font = letters.font(text, size)
    ImageDraw.Draw(band).text(
        (size, size), _cut(text, font, image.width - 2 * size), _TEXT, font, "lm"
    )
    image.paste(band, (0, image.height - band.height), band)


def strip(clip: Clip, count: int = 8, height: int = 240) -> Image.Image:
    """Evenly spaced frames of a clip side by side, all at one scale, on a plain ground.

    Each is captioned with its number, its time, and a letter for each part (L, R: hands, P: pose,
    F: face) that is bright where the part was found.

    Args:
      clip: what is drawn; a clip of unknown frame size is drawn as if frames were square.
      count: frames, fewer where the clip has fewer.
      height: pixels of a frame's picture, without its caption.

    Returns:
      RGB image.
    """
    numbers = np.unique(np.linspace(0, len(clip) - 1, max(1, count)).round().astype(int))
    window = _window(clip)
    panels = [_captioned(_still(clip, i, height, window), clip, i) for i in numbers.tolist()]
    return sheet(panels, columns=len(panels))


def still(clip: Clip, frame: int, height: int = 240) -> Image.Image:
    """One frame of a clip on a plain ground, at the scale that shows the whole clip; RGB."""
    return _still(clip, frame, height, _window(clip))


def stills(clip: Clip, height: int = 240) -> Iterator[Image.Image]:
    """As `still`, of every frame in its order."""
    window = _window(clip)
    return (_still(clip, frame, height, window) for frame in range(len(clip)))


_Window = tuple[np.ndarray, np.ndarray, float]


def _still(clip: Clip, frame: int, height: int, window: _Window) -> Image.Image:
    origin, extent, aspect = window
    panel = Image.new("RGB", (max(1, round(height * aspect)), height), _PANEL)
    points = (clip.landmarks[frame, :, :2].astype(np.float64) - origin) / extent
    if np.isfinite(points).all(1).any():
        draw(panel, points)
    else:
        font = lettering.usual().font("", max(10, height // 16))
        middle = (panel.width / 2, height / 2)
        ImageDraw.Draw(panel).text(middle, "no points", _DIM, font, "mm")
    return panel


def _window(clip: Clip) -> _Window:
    """Where the clip's points lie: origin [2], extent [2] in fractions, width / height in pixels.

    Inside the image where any point is, so that guessed legs far below it do not count.
    """
    size = np.asarray(clip.frame_size if min(clip.frame_size) else (1, 1), np.float64)
    xy = clip.landmarks[..., :2].reshape(-1, 2).astype(np.float64)
    xy = xy[np.isfinite(xy).all(1)]
    inside = xy[((xy >= 0) & (xy <= 1)).all(1)]
    if 2 * len(inside) < len(xy):  # other units than fractions: show them all the same
        low, high = np.percentile(xy, (1, 99), axis=0)
    elif len(inside):
        low, high = inside.min(0), inside.max(0)
    else:
        low, high = np.zeros(2), np.ones(2)
    margin = 0.06 * (high - low).max()
    low, high = (low - margin) * size, (high + margin) * size
    centre, extent = (low + high) / 2, np.maximum(high - low, 1e-6)
    # Neither a needle nor a ribbon.
    extent = np.maximum(extent, extent[::-1] * (0.6, 1 / 1.6))
    return (centre - extent / 2) / size, extent / size, float(extent[0] / extent[1])


def _captioned(panel: Image.Image, clip: Clip, number: int) -> Image.Image:
    size = max(10, panel.height // 17)
    font = lettering.usual().font("", size)
    image = Image.new("RGB", (panel.width, panel.height + round(size * 1.9)), GROUND)
    image.paste(panel, (0, 0))
    pen = ImageDraw.Draw(image)
    baseline = panel.height + size * 1.35
    text = f"{number}  {clip.timestamps[number] - clip.timestamps[0]:.2f} s"
    pen.text((size * 0.2, baseline), text, _TEXT, font, "ls")
    x = image.width - size * 0.2
    for name in ("face", "pose", "right hand", "left hand"):
        found = np.isfinite(clip.landmarks[number, skeleton.PARTS[name], 0]).any()
        pen.text((x, baseline), name[0].upper(), COLOURS[name] if found else _DIM, font, "rs")
        x -= size * 0.95
    return image


def sheet(
    images: Sequence[Image.Image], captions: Sequence[str] = (), columns: int = 6
) -> Image.Image:
    """A contact sheet: images in rows, each centred in a cell of the largest one's size.

    Args:
      images: at least one.
      captions: one line an image, cut where it is too long; none = no captions.
      columns: images a row.

    Returns:
      RGB image.

    Raises:
      ValueError: no images, or another number of captions.
    """
    if not images or len(captions) not in (0, len(images)):
        raise ValueError(f"{len(images)} images and {len(captions)} captions")
    columns = max(1, min(columns, len(images)))
    rows = -(-len(images) // columns)
    width, height = (max(image.size[axis] for image in images) for axis in (0, 1))
    size = max(11, min(16, height // 12))
    line = round(size * 1.9) if captions else 0
    gap = max(4, height // 40)
    cell = (width + gap, height + line + gap)
    page = Image.new("RGB", (columns * cell[0] + gap, rows * cell[1] + gap), GROUND)
    pen, letters = ImageDraw.Draw(page), lettering.usual()
    for i, image in enumerate(images):
        x, y = gap + i % columns * cell[0], gap + i // columns * cell[1]
        page.paste(image, (x + (width - image.width) // 2, y + (height - image.height) // 2))
        if captions:
            text = letters.label(" ".join(captions[i].split()))
            font = letters.font(text, size)
            text = _cut(text, font, width)
            pen.text((x + width / 2, y + height + size * 1.35), text, _TEXT, font, "ms")
    return page


def _cut(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
