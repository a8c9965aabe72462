"""One `sequences.npz` of pose and hand landmarks with splits: [N, T, 75, 3].

Arrays: `landmarks` float [N, T, 75, 3] (33 pose points, 21 of the left hand, 21 of the right; x, y
as fractions of the image; NaN = part not found), `pose_visibility` float [N, T, 33], `label` int
[N], `split` int [N] (0 train, 1 val, 2 test), `classes` str [C].

Categories are what the class names tell: single letters, words, and "-" for no sign.
"""

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.input import clip as clips
from jaxsign.input import labels
from jaxsign.input.sources import Source, place

Array = np.ndarray
_SPLITS = ("train", "val", "test")
_NEEDED = ("landmarks", "pose_visibility", "label", "split", "classes")
CATEGORIES = ("word", "letter", "idle")


def open_split(data: ConfigDict, split: str, num_classes: Mapping[str, int]) -> Source:
    """The clips of a split of `<folder>/sequences.npz`.

    Raises:
      UserError: not this layout, or labels beyond the recipe's classes.
    """
    path = place(data, split)[0] / "sequences.npz"
    arrays = dict(_arrays(str(path)))
    classes = tuple(str(name) for name in arrays["classes"])
    _check(path, arrays, {"gloss": len(classes), "cat": len(CATEGORIES)}, num_classes)
    chosen = np.flatnonzero(arrays["split"] == _SPLITS.index(split))
    glosses = arrays["label"][chosen].astype(np.int32)
    categories = np.array([category(name) for name in classes], np.int32)
    frames = arrays["landmarks"].shape[1]
    return Source(
        name=f"{path} ({split})",
        ids=[f"{split}-{i}-{classes[label]}" for i, label in zip(chosen, glosses, strict=True)],
        lengths=np.full(len(chosen), frames, np.int32),
        labels={"gloss": glosses, "cat": categories[glosses]},
        reader=functools.partial(_read, str(path), chosen),
        class_names={"gloss": classes, "cat": CATEGORIES},
        paths=[path] * len(chosen),
    )


def _check(
    path: Path, arrays: dict[str, Array], there: Mapping[str, int], wanted: Mapping[str, int]
) -> None:
    count = len(arrays["landmarks"])
    problems = [
        f"{key} has {len(arrays[key])} rows, landmarks {count}"
        for key in ("pose_visibility", "label", "split")
        if len(arrays[key]) != count
    ]
    problems += [
        f"has {n} classes of {head}, but net.num_{head}={wanted[head]}; 0 takes the data's"
        for head, n in there.items()
        if 0 < wanted.get(head, 0) < n
    ]
    for key, limit in (("label", there["gloss"]), ("split", len(_SPLITS))):
        bad = np.flatnonzero((arrays[key] < 0) | (arrays[key] >= limit))
        problems += [f"row {i}: {key}={arrays[key][i]}, expected 0 to {limit - 1}" for i in bad]
    bad = np.flatnonzero(np.isinf(arrays["landmarks"]).reshape(count, -1).any(axis=1))
    problems += [f"row {i}: infinite landmarks; missing points must be NaN" for i in bad]
    labels.raise_all(problems, str(path))


def category(name: str) -> int:
    """Index into `CATEGORIES` of a class name."""
    if name == "-":
        return 2
    return 1 if len(name) == 1 and name.isalpha() else 0


@functools.lru_cache(maxsize=2)
def _arrays(path: str) -> dict[str, Array]:
    arrays = clips.read_npz(Path(path))
    missing = [key for key in _NEEDED if key not in arrays]
    if missing or arrays["landmarks"].shape[2:] != (75, 3):
        found = {key: list(value.shape) for key, value in arrays.items()}
        raise UserError(
            f"{path}: expected {', '.join(_NEEDED)} with landmarks [N, T, 75, 3]; found {found}"
        )
    return arrays


def _read(path: str, chosen: Array, index: int) -> clips.Clip:
    arrays, row = _arrays(path), chosen[index]
    points = arrays["landmarks"][row].astype(np.float32)
    landmarks = np.full((len(points), clips.POINTS, 3), np.nan, np.float32)
    landmarks[:, clips.POSE] = points[:, :33]
    landmarks[:, clips.LEFT_HAND] = points[:, 33:54]
    landmarks[:, clips.RIGHT_HAND] = points[:, 54:]
    return clips.Clip(
        landmarks=landmarks,
        timestamps=np.arange(len(points)) / 30.0,
        fps=30.0,
        source=f"{path}[{row}]",
        visibility=arrays["pose_visibility"][row].astype(np.float32),
    )
