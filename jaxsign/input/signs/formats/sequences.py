"""One `sequences.npz` of clips of one length with splits: [N, T, 75, 3] or [N, T, 543, 3].

Arrays: `landmarks` float [N, T, 75, 3] (33 pose points, 21 of the left hand, 21 of the right) or
[N, T, 543, 3] (as a clip has them; x, y as fractions of the image; NaN = part not found),
`pose_visibility` float [N, T, 33], `label` int [N], `split` int [N] (0 train, 1 val, 2 test),
`classes` str [C].

Categories are what the class names tell: single letters, words, and "-" for no sign.
"""

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import files, labels
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _files, _points75
from jaxsign.input.signs.formats._types import SPLITS, Collection, Entry, Format

Array = np.ndarray
FILE = "sequences.npz"
_POINTS = (_points75.COUNT, clips.POINTS)
# Array -> kinds of numbers, and its shape behind the first axis; -1 = frames, -2 = points.
_LAYOUT: dict[str, tuple[str, tuple[int, ...]]] = {
    "landmarks": ("f", (-1, -2, 3)),
    "pose_visibility": ("f", (-1, 33)),
    "label": ("iu", ()),
    "split": ("iu", ()),
    "classes": ("U", ()),
}
CATEGORIES = ("word", "letter", "idle")
# The archives do not tell the rate of their recordings.
FPS = 30.0


def recognises(path: Path) -> bool:
    """A folder with sequences.npz, or an npz of this layout."""
    path = path / FILE if path.is_dir() else path
    shape = _files.npz_keys(path).get("landmarks", ()) if path.suffix.lower() == ".npz" else ()
    return len(shape) == 4 and shape[2] in _POINTS and shape[3] == 3


def category(name: str) -> str:
    """The category of a class."""
    if name == "-":
        return "idle"
    return "letter" if len(name) == 1 and name.isalpha() else "word"


def open_path(path: Path) -> Collection:
    """The clips of an archive, or of `sequences.npz` in a folder.

    Raises:
        UserError: not this layout; tells everything that is wrong at once.
    """
    path = path / FILE if path.is_dir() else path
    key = _key(path)
    arrays = _arrays(*key)
    classes = tuple(str(name) for name in arrays["classes"])
    labels.distinct(classes, path)
    _check(path, arrays, len(classes))
    rows = zip(arrays["label"].tolist(), arrays["split"].tolist(), strict=True)
    entries = [
        Entry(
            name=f"{SPLITS[split]}/{row:05d}",
            glosses=(classes[label],),
            category=category(classes[label]),
            split=SPLITS[split],
            path=path,
        )
        for row, (label, split) in enumerate(rows)
    ]
    return Collection(
        name=str(path),
        format="sequences",
        entries=entries,
        reader=functools.partial(_read, key),
        glosses=classes,
        categories=CATEGORIES,
        counter=functools.partial(_frames, key),
        indexed=True,
    )


def _check(path: Path, arrays: Mapping[str, Array], classes: int) -> None:
    count = len(arrays["landmarks"])
    problems = [
        f"{key} has {len(arrays[key])} rows, landmarks {count}"
        for key in ("pose_visibility", "label", "split")
        if len(arrays[key]) != count
    ]
    for key, limit in (("label", classes), ("split", len(SPLITS))):
        bad = np.flatnonzero((arrays[key] < 0) | (arrays[key] >= limit))
        problems += [f"row {i}: {key}={arrays[key][i]}, expected 0 to {limit - 1}" for i in bad]
    bad = np.flatnonzero(np.isinf(arrays["landmarks"]).reshape(count, -1).any(axis=1))
    problems += [f"row {i}: infinite landmarks; missing points must be NaN" for i in bad]
    labels.raise_all(problems, str(path))


def _key(path: Path) -> tuple[str, int]:
    """What tells an archive, and whether it has changed since it was read."""
    return str(path), path.stat().st_mtime_ns if path.is_file() else 0


@functools.lru_cache(maxsize=2)
def _arrays(path: str, _: int) -> dict[str, Array]:
    arrays = files.read_npz(path, _LAYOUT)
    points = arrays.get("landmarks", np.empty(0))
    sizes = {-1: points.shape[1], -2: points.shape[2]} if points.ndim == 4 else {-1: 0, -2: 0}
    good = sizes[-1] and sizes[-2] in _POINTS
    if not good or any(not _fits(arrays.get(key), *_LAYOUT[key], sizes) for key in _LAYOUT):
        found = {key: f"{value.dtype} {list(value.shape)}" for key, value in arrays.items()}
        raise UserError(
            f"{path}: expected landmarks float [N, T >= 1, 75 or 543, 3], pose_visibility float "
            f"[N, T, 33], label and split int [N], classes str [C]; found {found}"
        )
    return arrays


def _fits(array: Array | None, kinds: str, rest: tuple[int, ...], sizes: Mapping[int, int]) -> bool:
    """Whether an array has a kind of numbers and, behind the first axis, a shape."""
    if array is None or not array.ndim or array.dtype.kind not in kinds:
        return False
    return array.shape[1:] == tuple(sizes.get(size, size) for size in rest)


def _read(key: tuple[str, int], row: int) -> Clip:
    arrays = _arrays(*key)
    points = arrays["landmarks"][row]
    return Clip(
        points if points.shape[1] == clips.POINTS else _points75.placed(points),
        np.arange(len(points)) / FPS,
        fps=FPS,
        source=f"{key[0]}[{row}]",
        visibility=arrays["pose_visibility"][row],
    )


def _frames(key: tuple[str, int], _: int) -> int:
    return _arrays(*key)["landmarks"].shape[1]


FORMAT = Format(
    looks="sequences.npz with landmarks [N, T, 75 or 543, 3], label, split, classes, or its folder",
    recognises=recognises,
    open=open_path,
    suffix=".npz",
    archive=True,
)
