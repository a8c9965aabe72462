"""Folders of npz files with a labels.csv: the layout of fslr-transformer-vs-iv3gru.

`<folder>/<stem>.npz` holds `X` float32 [T, 156] (keypoints) and/or `X2048` float32 [T, 2048]
(InceptionV3 features), or images under another key; `labels.csv` has `file,gloss,cat` and perhaps
`occluded`.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.input import labels
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.sources import Source, place

Array = np.ndarray
WIDTHS = {"X": 156, "X2048": 2048}
_SUFFIXES = (".npz", ".parquet")
_HELD_BYTES = 1 << 30


def open_split(data: ConfigDict, split: str, num_classes: Mapping[str, int]) -> Source:
    """The source of a split; every row and file is checked before it is returned.

    Raises:
      UserError: lists all problems of all rows.
    """
    table = labels.read_table(*place(data, split), num_classes, _SUFFIXES, split)
    problems = table.problems
    paths = [table.folder / f"{stem}.npz" for stem in table.stems]
    kept, lengths, held = _check_files(paths, data, problems)
    labels.raise_all(problems, f"{split} data {table.folder}")
    table.log_skipped(len(kept))
    paths = [paths[i] for i in kept]
    reader = _Reader(paths, data.key, held)
    return Source(
        name=str(table.folder),
        ids=[table.stems[i] for i in kept],
        lengths=lengths,
        labels={head: values[kept] for head, values in table.labels.items()},
        reader=reader,
        class_names=labels.label_map(data.label_map, num_classes),
        paths=list(paths),
        occluded=None if table.occluded is None else table.occluded[kept],
    )


def _check_files(
    paths: list[Path], data: ConfigDict, problems: list[str]
) -> tuple[list[int], Array, dict[int, Array]]:
    """Rows whose file is good, their frames, and the arrays that fit into `_HELD_BYTES`."""
    held: dict[int, Array] = {}
    left = _HELD_BYTES
    kept: list[int] = []
    lengths: list[int] = []
    widths: dict[tuple[int, ...], Path] = {}
    for i, path in enumerate(paths):
        if not path.is_file():
            if data.missing != "skip":
                hint = "or set data.missing=skip to leave such rows out"
                problems.append(f"{path}: no such file (row {i + 1} of the labels); {hint}")
            continue
        try:
            array = read_array(path, data.key)
        except UserError as error:
            problems.append(str(error))
            continue
        kept.append(i)
        lengths.append(len(array))
        left -= array.nbytes
        if left > 0:
            held[len(kept) - 1] = array
        widths.setdefault(array.shape[1:], path)
    if len(widths) > 1:
        (first, a), (second, b) = list(widths.items())[:2]
        problems.append(
            f"{b}: {data.key} has {list(second)} a frame, but {a} has {list(first)}; "
            "all clips must have the same width"
        )
    return kept, np.asarray(lengths, np.int32), held


def read_array(path: Path, key: str) -> Array:
    """The checked array `key` of a clip file: float32 [T, D] or uint8 [T, H, W, 3].

    `X2048` may also stand under `X` if that has 2048 columns.

    Raises:
      UserError: unreadable, missing, of another shape or type, empty, or not finite.
    """
    return checked_array(path, key, clips.read_npz(path, (key, "X")))


def checked_array(path: Path, key: str, arrays: Mapping[str, Array]) -> Array:
    """Array `key` of what a clip file holds; see `read_array`."""
    if key not in arrays and key == "X2048" and arrays.get("X", np.empty(0)).shape[1:] == (2048,):
        key, arrays = "X2048", {"X2048": arrays["X"]}
    if key not in arrays:
        raise UserError(f"{path}: lacks the array {key!r} (data.key); found {_keys(path)}")
    array = arrays[key]
    width = WIDTHS.get(key)
    if array.dtype == np.uint8 and array.ndim == 4 and array.shape[-1] == 3:
        if not len(array):
            raise UserError(f"{path}: {key} has no frames")
        return array
    expected = f"[T, {width or 'D'}] float32" + ("" if width else " or [T, H, W, 3] uint8")
    if array.dtype.kind not in "fiu" or array.ndim != 2 or (width and array.shape[1] != width):
        raise UserError(f"{path}: {key} is {list(array.shape)} {array.dtype}, expected {expected}")
    if not array.size:
        raise UserError(f"{path}: {key} is empty {list(array.shape)}, expected {expected}")
    array = array.astype(np.float32, copy=False)
    bad = ~np.isfinite(array).all(axis=1)
    if bad.any():
        raise UserError(
            f"{path}: {key} holds NaN or infinite values in {int(bad.sum())} of {len(bad)} frames "
            f"(first: frame {int(bad.argmax())}). Missing points must be 0."
        )
    return array


def _keys(path: Path) -> str:
    with np.load(path, allow_pickle=False) as archive:
        return ", ".join(archive.files) or "none"


@dataclasses.dataclass
class _Reader:
    """Reads clips; those that the check left in memory are not unzipped again."""

    paths: list[Path]
    key: str
    held: dict[int, Array]

    def __call__(self, index: int) -> Array:
        if index in self.held:
            return self.held[index]
        return read_array(self.paths[index], self.key)

    def __getstate__(self) -> dict[str, Any]:
        # A worker process reads the files itself: sending it everything would take longer.
        return {**self.__dict__, "held": {}}


def write_npz(
    path: str | Path,
    x: Array,
    *,
    visible: Array | None = None,
    timestamps_ms: Array | None = None,
    meta: Mapping[str, Any] | None = None,
    x2048: Array | None = None,
) -> None:
    """Writes a clip in this layout.

    Args:
      path: ends with `.npz`.
      x: float [T, 156] in [0, 1].
      visible: bool [T, 78]; default: where a keypoint is not (0, 0).
      timestamps_ms: int [T]; default: 30 frames a second.
      meta: entries besides the standard ones.
      x2048: float [T, 2048] features of the same frames.
    """
    from jaxsign.input.signs.views import fslr156

    x = np.asarray(x, np.float32)
    if visible is None:
        visible = (x.reshape(len(x), -1, 2) != 0).any(axis=2)
    if timestamps_ms is None:
        timestamps_ms = np.arange(len(x)) * 1000 // 30
    entries = {
        "video": Path(path).stem,
        "target_fps": 30,
        "dims_per_frame": 156,
        "keypoints_total": 78,
        "order": fslr156.ORDER,
        "pose_indices": list(fslr156.POSE_POINTS),
        "face_indices": list(fslr156.FACE_POINTS),
        "conf_thresh": 0.5,
        "interpolation_max_gap": 5,
        "model_type": "T" if x2048 is None else "B",
        "occluded_flag": 0,
        **(meta or {}),
    }
    arrays = {
        "X": x,
        "mask": np.asarray(visible, bool),
        "timestamps_ms": np.asarray(timestamps_ms, np.int64),
        "meta": np.str_(json.dumps(entries)),
    }
    if x2048 is not None:
        arrays["X2048"] = np.asarray(x2048, np.float32)
    clips.write_npz(Path(path), arrays)
