"""Signed sentences as points in pixels, all in one npz.

`features` [N, 2P] x and y of P points a frame; `frame_offset` [S+1], `gloss_offset` [S+1]: sentence
i has the rows offset[i] to offset[i+1]; `gloss`: numbers into `vocab`, whose entry 0 is the blank;
`split` [S]: 0 train, 1 val, 2 test. `video` and `speaker` [S] name a sentence, if they are there.
"""

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import files, labels
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _files
from jaxsign.input.signs.formats._types import SPLITS, At, Collection, Entry, Format

Array = np.ndarray
FILE = "sentences.npz"
BLANK = "<blank>"
_REQUIRED = ("features", "frame_offset", "gloss", "gloss_offset", "split", "vocab")
_OPTIONAL = ("video", "speaker")


def recognises(path: Path) -> bool:
    """A folder with sentences.npz, or an npz of this layout."""
    path = path / FILE if path.is_dir() else path
    return path.suffix.lower() == ".npz" and set(_files.npz_keys(path)).issuperset(_REQUIRED)


def open_path(path: Path) -> Collection:
    """The sentences of a file, or of `sentences.npz` in a folder; the whole file is checked.

    Raises:
      UserError: not this layout, and everything that is wrong in it.
    """
    path = path / FILE if path.is_dir() else path
    arrays = _read(path)
    labels.raise_all(_problems(arrays), str(path))
    count = len(arrays["split"])
    vocabulary = [str(name) for name in arrays["vocab"]]
    names = arrays.get("video", np.arange(count)).tolist()
    signers = arrays.get("speaker", np.full(count, "")).tolist()
    glosses = _rows(arrays["gloss"], arrays["gloss_offset"])
    entries = [
        Entry(str(name), tuple(vocabulary[i] for i in row), "", str(signer), SPLITS[split], path)
        for name, row, signer, split in zip(names, glosses, signers, arrays["split"], strict=True)
    ]
    points = _rows(arrays["features"], arrays["frame_offset"])
    return Collection(
        name=str(path),
        format="sentences",
        entries=entries,
        reader=functools.partial(_no_clip, str(path)),
        glosses=tuple(vocabulary[1:]),
        counter=At(len, points),
        indexed=True,
        arrays=At(_points, points),
    )


def _no_clip(path: str, index: int) -> Clip:
    raise UserError(
        f"{path}: holds points in pixels, no landmarks. A run reads them as they are: "
        "--config.data.source=sentences"
    )


def _points(rows: Array) -> dict[str, Array]:
    """A sentence as float32 [T, P, 2]."""
    return {"": rows.reshape(len(rows), -1, 2).astype(np.float32)}


def _read(path: Path) -> dict[str, Array]:
    arrays = files.read_npz(path, (*_REQUIRED, *_OPTIONAL))
    missing = [name for name in _REQUIRED if name not in arrays]
    if missing:
        raise UserError(
            f"{path}: lacks the arrays {', '.join(missing)}; sentences have {', '.join(_REQUIRED)}"
        )
    return arrays


def _problems(arrays: Mapping[str, Array]) -> list[str]:
    """What is wrong with the arrays' shapes; if nothing, what is wrong with their values."""
    features, count = arrays["features"], arrays["split"].size
    found = []
    shaped = features.ndim == 2 and features.shape[1] > 0 and features.shape[1] % 2 == 0
    if not shaped or features.dtype.kind not in "iuf":
        shape = f"{list(features.shape)} {features.dtype}"
        found.append(f"features are {shape}, expected numbers [N, 2P]: x and y of P points")
    elif not (fine := np.abs(features) <= np.finfo(np.float32).max).all():
        frame = int(np.argmin(fine.all(axis=1)))
        found.append(f"features hold NaN, infinite or far too large values (first: row {frame})")
    for name in ("frame_offset", "gloss", "gloss_offset", "split"):
        if arrays[name].ndim != 1 or arrays[name].dtype.kind not in "iu":
            shape = f"{list(arrays[name].shape)} {arrays[name].dtype}"
            found.append(f"{name} is {shape}, expected a row of whole numbers")
    if arrays["vocab"].ndim != 1 or arrays["vocab"].dtype.kind != "U" or len(arrays["vocab"]) < 2:
        found.append("vocab must be a row of names: the blank, then the glosses")
    for name in _OPTIONAL:
        if name in arrays and arrays[name].shape != (count,):
            found.append(f"{name} is {list(arrays[name].shape)}, expected [{count}] as split")
    return found or _wrong_values(arrays)


def _wrong_values(arrays: Mapping[str, Array]) -> list[str]:
    found = []
    count = len(arrays["split"])
    for name, rows in (("frame_offset", "features"), ("gloss_offset", "gloss")):
        offsets, total = arrays[name].astype(np.int64), len(arrays[rows])
        if len(offsets) != count + 1 or offsets[0] != 0 or offsets[-1] != total:
            ends = f"{len(offsets)} numbers from {offsets[:1]} to {offsets[-1:]}"
            found.append(f"{name} is {ends}, expected {count + 1} from 0 to {total} ({rows})")
        for i in np.flatnonzero(np.diff(offsets) < 1)[:5]:
            found.append(
                f"sentence {i}: {name} goes from {offsets[i]} to {offsets[i + 1]}; every sentence "
                "needs one frame and one gloss at least"
            )
    vocabulary = arrays["vocab"].tolist()
    glosses, splits = arrays["gloss"], arrays["split"]
    for i in np.flatnonzero((glosses < 1) | (glosses >= len(vocabulary)))[:5]:
        found.append(
            f"gloss[{i}]={glosses[i]}: expected 1 to {len(vocabulary) - 1} (0 is the blank)"
        )
    for i in np.flatnonzero((splits < 0) | (splits >= len(SPLITS)))[:5]:
        found.append(f"sentence {i}: split={splits[i]}, expected 0 train, 1 val or 2 test")
    twice = sorted({name for name in vocabulary if vocabulary.count(name) > 1})
    if BLANK in vocabulary[1:] or not all(name.strip() for name in vocabulary[1:]):
        found.append(f"vocab: {BLANK} may only be its first entry, and the glosses need names")
    if twice:
        found.append(f"vocab names {', '.join(map(repr, twice[:5]))} more than once")
    return found


def _rows(values: Array, offsets: Array) -> list[Array]:
    return np.split(values, offsets[1:-1])


FORMAT = Format(
    looks="sentences.npz with features, frame_offset, gloss, gloss_offset, split and vocab",
    recognises=recognises,
    open=open_path,
    suffix=".npz",
    archive=True,
    landmarks=False,
)
