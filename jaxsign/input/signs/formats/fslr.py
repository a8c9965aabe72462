"""Folders of npz files with X, mask, timestamps_ms and meta: fslr-transformer-vs-iv3gru's own.

`<stem>.npz` holds 78 of the 543 points, x and y only; `<stem>.parquet` beside it may hold the same
for inspection and can be read on its own. `labels.csv` has file,gloss,cat[,occluded].
"""

import functools
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.input import files
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import fslr_npz
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _files, _labels
from jaxsign.input.signs.formats._types import Collection, Format
from jaxsign.input.signs.views import fslr156

Array = np.ndarray
SUFFIX = ".npz"
_FPS = 30.0
_LOOKED_AT = 20
_ARRAYS = ("X", "mask", "timestamps_ms", "meta")
_POSE = len(fslr156.POSE_POINTS)
_COLUMNS = [str(i) for i in range(fslr156.DIM)]


def recognises(path: Path) -> bool:
    """An npz with X [T, 156], a parquet with columns 0 to 155, or a folder of such npz.

    Of a folder the first files tell, as one of them may be damaged or of another shape.
    """
    if path.is_dir():
        found = _files.below(path, SUFFIX).values()
        return any(map(recognises, itertools.islice(found, _LOOKED_AT)))
    if path.suffix.lower() == ".parquet":
        from jaxsign.input.signs.formats import _parquet  # late: pyarrow

        return {"0", "155"} <= set(_parquet.columns(path))
    return path.suffix.lower() == SUFFIX and _files.npz_keys(path).get("X", ())[1:] == (
        fslr156.DIM,
    )


def open_path(path: Path) -> Collection:
    """The clips at `path`.

    Raises:
        UserError: an unreadable labels file.
    """
    return _labels.open_files(path, "fslr", (SUFFIX, ".parquet"), load, frames)


def frames(path: Path) -> int:
    """The length of a clip, from its file's header; raises as `load`."""
    if path.suffix.lower() == ".parquet":
        return len(load(path))
    shape = _files.npz_shapes(path).get("X", ())
    if shape[1:] != (fslr156.DIM,) or not shape[0]:
        raise UserError(f"{path}: X is {list(shape)}, expected [T >= 1, {fslr156.DIM}]")
    return shape[0]


def load(path: Path) -> Clip:
    """Reads a clip of 78 points.

    A pose point that is not visible but keeps its place gets visibility 0 (visible ones 1); every
    other point that is not visible is NaN, as are the 465 points that are not kept. z is 0.

    Raises:
        UserError: unreadable, or not this layout.
    """
    packed = path.suffix.lower() != ".parquet"
    arrays = files.read_npz(path, _ARRAYS) if packed else _from_parquet(path)
    if "X" not in arrays and packed and "X2048" in _files.npz_keys(path):
        raise UserError(f"{path}: holds image features (X2048) but no keypoints (X)")
    x = fslr_npz.checked(path, "X", arrays)
    visible = arrays.get("mask", (x.reshape(len(x), -1, 2) != 0).any(axis=-1))
    meta = _meta(arrays)
    fps = float(meta.get("target_fps") or _FPS)
    times = arrays.get("timestamps_ms", np.arange(len(x)) * 1000 / fps)
    for name, kinds in (("mask", "biuf"), ("timestamps_ms", "iuf")):
        if name in arrays and arrays[name].dtype.kind not in kinds:
            raise UserError(f"{path}: {name} is {arrays[name].dtype}, expected numbers")
    if visible.shape != (len(x), fslr156.KEYPOINTS) or np.shape(times) != (len(x),):
        raise UserError(
            f"{path}: mask {list(visible.shape)} and timestamps_ms {list(np.shape(times))}, "
            f"expected [{len(x)}, {fslr156.KEYPOINTS}] and [{len(x)}]"
        )
    try:
        return to_clip(
            x,
            visible.astype(bool),
            times / 1000,
            fps=fps,
            source=str(path),
            frame_size=_frame_size(meta),
        )
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error


def _meta(arrays: Mapping[str, Array]) -> dict[str, Any]:
    try:
        meta = reading.parse_json(str(arrays["meta"]))
        return meta if isinstance(meta, dict) and _is_rate(meta.get("target_fps")) else {}
    except (KeyError, ValueError):  # times are told by timestamps_ms too: nothing else is needed
        return {}


def _is_rate(value: Any) -> bool:
    return isinstance(value, int | float) and 1e-3 < value < 1e6


def _from_parquet(path: Path) -> dict[str, Array]:
    from jaxsign.input.signs.formats import _parquet  # late: pyarrow

    table = _parquet.read(path, [*_COLUMNS, "t_ms", "mask_bits"])
    bits = table["mask_bits"].to_pylist()
    if any(len(word or "") != fslr156.KEYPOINTS or set(word) - set("01") for word in bits):
        raise UserError(f"{path}: mask_bits must be {fslr156.KEYPOINTS} characters 0 or 1 a frame")
    x = [_parquet.numbers(path, table, name) for name in _COLUMNS]
    return {
        "X": np.stack(x, axis=1).astype(np.float32),
        "mask": np.array([list(word) for word in bits], "U1").reshape(len(bits), -1) == "1",
        "timestamps_ms": _parquet.numbers(path, table, "t_ms"),
    }


def _frame_size(meta: Mapping[str, Any]) -> tuple[int, int]:
    """The image's size, which jaxsign adds to the notes; (0, 0) where they do not tell it."""
    match meta.get("frame_size"):
        case [int(width), int(height)]:
            return width, height
    return 0, 0


def to_clip(
    x: Array,
    visible: Array,
    times: Array,
    *,
    fps: float,
    source: str,
    frame_size: tuple[int, int] = (0, 0),
) -> Clip:
    """78 keypoints in their places among the 543.

    Args:
        x: float32 [T, 156], fractions of the image.
        visible: bool [T, 78].
        times: float [T], seconds.
        fps: frames a second.
        source: for messages.
        frame_size: (width, height) of the image, (0, 0) where unknown.
    """
    points = x.reshape(len(x), fslr156.KEYPOINTS, 2)
    there = visible.copy()
    there[:, :_POSE] |= (points[:, :_POSE] != 0).any(axis=-1)
    landmarks = np.full((len(x), clips.POINTS, 3), np.nan, np.float32)
    landmarks[:, fslr156.ROWS, :2] = np.where(there[..., None], points, np.nan)
    # Points that were found are not absent: their unknown depth is 0.
    landmarks[:, fslr156.ROWS, 2] = np.where(there, np.float32(0), np.nan)
    visibility = np.zeros((len(x), 33), np.float32)
    visibility[:, fslr156.POSE_POINTS] = visible[:, :_POSE]
    return Clip(
        landmarks, times, fps=fps, source=source, visibility=visibility, frame_size=frame_size
    )


def write_clip(
    path: Path,
    clip: Clip,
    *,
    confidence: float = 0.5,
    max_gap: int = 5,
    parquet: bool = False,
) -> None:
    """Writes one clip as the original's preprocessing would.

    Args:
        path: ends with `.npz`.
        clip: T frames.
        confidence: visibility from which a pose point counts as seen.
        max_gap: longest gap that is interpolated, in frames.
        parquet: also write `<stem>.parquet`.
    """
    x, visible = fslr156.keypoints(clip, confidence=confidence, max_gap=max_gap)
    times, meta = about(clip, confidence=confidence, max_gap=max_gap)
    fslr_npz.write(path, x, visible=visible, timestamps_ms=times, meta=meta)
    if parquet:
        _write_parquet(path.with_suffix(".parquet"), x, visible, times)


def about(clip: Clip, *, confidence: float, max_gap: int) -> tuple[Array, dict[str, Any]]:
    """(int64 [T] milliseconds, entries of `meta`) of a clip's file."""
    meta: dict[str, Any] = {"conf_thresh": confidence, "interpolation_max_gap": max_gap}
    meta |= {"target_fps": clip.fps} if clip.fps else {}
    # Shoulder-normalised inputs are measured in pixels.
    meta |= {"frame_size": list(clip.frame_size)} if all(clip.frame_size) else {}
    return np.round(clip.timestamps * 1000).astype(np.int64), meta


def _write_parquet(path: Path, x: Array, visible: Array, times: Array) -> None:
    import pyarrow  # late: few clips are written so, or read

    from jaxsign.input.signs.formats import _parquet

    columns = {name: x[:, i] for i, name in enumerate(_COLUMNS)}
    bits = ["".join(row) for row in np.where(visible, "1", "0")]
    _parquet.write(path, pyarrow.table(columns | {"t_ms": times, "mask_bits": bits}))


class _Writer(_labels.FolderWriter):
    """Writes a folder of npz files and `labels.csv` with class numbers."""

    SUFFIX = SUFFIX
    LOSSES = frozenset({"fslr keeps 78 of the 543 points, x and y within the image; no z"})

    def __init__(
        self,
        folder: Path,
        collection: Collection,
        *,
        confidence: float = 0.5,
        max_gap: int = 5,
        parquet: bool = False,
    ):
        super().__init__(folder, collection)
        self._write = functools.partial(
            write_clip, confidence=confidence, max_gap=max_gap, parquet=parquet
        )

    def write(self, path: Path, clip: Clip) -> None:
        """Writes the file of one clip."""
        if clip.frame_size[0] != clip.frame_size[1]:
            self.losses.add(
                "a run with view.normalise takes the image of a stored X as square, so its answers "
                "may differ; clips, store and google_islr keep them"
            )
        self._write(path, clip)


FORMAT = Format(
    looks="a folder of .npz with X [T, 156] and mask, and labels.csv; or one such .npz or .parquet",
    recognises=recognises,
    open=open_path,
    writer=_Writer,
    write_clip=write_clip,
    suffix=SUFFIX,
    foldered=True,
)
