"""Signed sentences as points in pixels, all in one npz.

`features` [N, 2P] x and y of P points a frame; `frame_offset` [S+1], `gloss_offset` [S+1]: sentence
i has the rows offset[i] to offset[i+1]; `gloss`: numbers into `vocab`, whose entry 0 is the blank;
`split` [S]: 0 train, 1 val, 2 test. `video` and `speaker` [S] name a sentence, if they are there.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.input import labels
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.formats import SPLITS
from jaxsign.input.signs.sources import Source

Array = np.ndarray
ONE_PATH = True  # one path may serve all splits
FILE = "sentences.npz"
BLANK = "<blank>"
_REQUIRED = ("features", "frame_offset", "gloss", "gloss_offset", "split", "vocab")
_OPTIONAL = ("video", "speaker")


def open_split(data: ConfigDict, split: str, num_classes: Mapping[str, int]) -> Source:
    """The sentences of a split; the whole file is checked. One path may serve all splits.

    The label `gloss` of a sentence is its first one; `sequences` holds all. What is read is float32
    [T, P, 2], which the view `few_points` takes.

    Raises:
      UserError: not this layout, everything that is wrong in it, or labels beyond the recipe's.
    """
    path = _path(data, split)
    arrays = _read(path)
    labels.raise_all(_problems(arrays), str(path))
    names = tuple(str(name) for name in arrays["vocab"][1:])
    sequences = [tuple(row.tolist()) for row in _rows(arrays["gloss"] - 1, arrays["gloss_offset"])]
    names, sequences = _in_order_of(_known(data, num_classes), names, sequences, path)
    chosen = np.flatnonzero(arrays["split"] == SPLITS.index(split)).tolist()
    videos, speakers = arrays.get("video"), arrays.get("speaker")
    return Source(
        name=f"{path} ({split})",
        ids=[str(i) if videos is None else str(videos[i]) for i in chosen],
        lengths=np.diff(arrays["frame_offset"])[chosen].astype(np.int32),
        labels={"gloss": np.array([sequences[i][0] for i in chosen], np.int32)},
        reader=_Reader([_rows(arrays["features"], arrays["frame_offset"])[i] for i in chosen]),
        class_names={"gloss": names},
        paths=[path] * len(chosen),
        sequences=[sequences[i] for i in chosen],
        signers=() if speakers is None else [str(speakers[i]) for i in chosen],
    )


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Sentence i as float32 [T, P, 2]; a plain object, so that workers can receive it."""

    sentences: list[Array]

    def __call__(self, index: int) -> Array:
        rows = self.sentences[index]
        return rows.reshape(len(rows), -1, 2).astype(np.float32)


def _path(data: ConfigDict, split: str) -> Path:
    text = data[split].path or data.train.path
    if not text:
        raise UserError(
            f"data.{split}.path is not set. Give the file or its folder: "
            f"--config.data.{split}.path=PATH/{FILE}"
        )
    path = Path(text)
    return path / FILE if path.is_dir() else path


def _read(path: Path) -> dict[str, Array]:
    arrays = clips.read_npz(path, (*_REQUIRED, *_OPTIONAL))
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


def _known(data: ConfigDict, limits: Mapping[str, int]) -> tuple[tuple[str, ...], int]:
    """The classes in the order that is given already, if one is, and how many the net takes."""
    given = data.get("class_names") or labels.label_map(data.label_map, limits)
    return tuple((given or {}).get("gloss") or ()), limits.get("gloss", 0)


def _in_order_of(
    known: tuple[tuple[str, ...], int],
    names: tuple[str, ...],
    sequences: list[tuple[int, ...]],
    path: Path,
) -> tuple[tuple[str, ...], list[tuple[int, ...]]]:
    given, limit = known
    if 0 < limit < len(given or names):
        raise UserError(
            f"{path}: has {len(given or names)} classes of gloss, but net.num_gloss={limit}; 0 "
            "takes the data's"
        )
    if not given or given == names:
        return names, sequences
    unknown = [name for name in names if name not in given]
    if unknown:
        raise UserError(
            f"{path}: {len(unknown)} glosses of its vocab are none of the {len(given)} classes: "
            f"{', '.join(unknown[:5])}"
        )
    numbers = [given.index(name) for name in names]
    return given, [tuple(numbers[i] for i in row) for row in sequences]
