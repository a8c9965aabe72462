"""Checks folders of FSLR clip files before anything is trained on them.

Messages are those of fslr-transformer-vs-iv3gru's validate_npz. Two things differ: a file without
X2048 is an issue only where X2048 is required, and where it is, a file of features alone (no X, or
X [T, 2048]) is good data for IV3-GRU.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.input import files
from jaxsign.input.folders import finding
from jaxsign.input.signs import formats
from jaxsign.input.signs.formats import _parquet
from jaxsign.input.signs.views import fslr156

Array = np.ndarray
_KEYS = ("X", "mask", "timestamps_ms", "meta")
_META = {"dims_per_frame": 156, "keypoints_total": 78}


@dataclasses.dataclass(frozen=True)
class ValidationReport:
    """What was checked and what is wrong with it.

    Attributes:
      files: every file that was checked, sorted.
      issues: messages of the files that have any.
    """

    files: list[Path]
    issues: dict[Path, list[str]]

    @property
    def exit_code(self) -> int:
        """0: all is well; 2: some file has an issue."""
        return 2 if self.issues else 0

    def text(self) -> str:
        """The report as lines to print."""
        lines = [f"Checked {len(self.files)} files; {len(self.issues)} with issues."]
        for path, messages in self.issues.items():
            lines += [f"- {path}", *(f"  * {message}" for message in messages)]
        return "\n".join(lines)


def validate_format(root: Path) -> ValidationReport | None:
    """Reads every clip of another format than FSLR's; None where there is none.

    Raises:
      UserError: what the whole collection needs is bad.
    """
    try:
        name = formats.detect(root)
    except UserError:
        return None
    if name == "fslr":
        return None
    collection = formats.open_collection(root, name)
    issues: dict[Path, list[str]] = {root: list(collection.problems)} if collection.problems else {}
    places = []
    for index, entry in enumerate(collection.entries):
        places.append(entry.path or Path(root) / entry.name)
        if not collection.landmarks:  # looked at as it was opened
            continue
        try:
            collection.read(index)
        except UserError as error:
            issues.setdefault(places[-1], []).append(str(error).removeprefix(f"{places[-1]}: "))
    return ValidationReport(places, issues)


def validate_tree(
    root: str | Path,
    *,
    require_x2048: bool = False,
    check_transformer: bool = True,
    check_iv3: bool = True,
    skip_parquet: bool = False,
) -> ValidationReport:
    """Checks every npz file under a folder.

    Args:
      root: a folder, searched recursively, or one file.
      require_x2048: every clip must hold InceptionV3 features.
      check_transformer: also check what SignTransformer needs: frames, a visible keypoint, meta.
      check_iv3: accepted as in the original; features that a file holds are checked either way.
      skip_parquet: leave out the parquet files beside the clips.

    Raises:
      UserError: `root` does not exist.
    """
    root = Path(root)
    if not root.exists():
        raise UserError(f"{root}: no such folder. Give the folder that holds the .npz clips.")
    paths = [root] if root.is_file() else finding.walk(root, finding.ending(".npz"))
    issues = {}
    for path in paths:
        messages = validate_file(
            path,
            require_x2048=require_x2048,
            check_transformer=check_transformer,
            skip_parquet=skip_parquet,
        )
        if messages:
            issues[path] = messages
    return ValidationReport(paths, issues)


def validate_file(
    path: str | Path,
    *,
    require_x2048: bool = False,
    check_transformer: bool = True,
    skip_parquet: bool = False,
) -> list[str]:
    """Messages for one file; see `validate_tree`. Empty: nothing is wrong."""
    path = Path(path)
    try:
        arrays = files.read_npz(path, (*_KEYS, "X2048"))
    except UserError as error:
        return [f"npz load error: {error}"]
    if require_x2048 and _only_features(arrays):
        return _check_features_alone(arrays)
    missing = [key for key in _KEYS if key not in arrays]
    if missing:
        return [f"missing key: {missing[0]}"]
    messages = _check_core(arrays)
    if check_transformer:
        messages += _check_transformer(arrays)
    frames = _frames(arrays["X"])
    if "X2048" in arrays:
        messages += _check_features(arrays["X2048"], frames)
    elif require_x2048:
        messages.append("missing key: X2048 (required)")
    sidecar = path.with_suffix(".parquet")
    if not skip_parquet and sidecar.exists():
        messages += _check_parquet(sidecar, frames)
    return messages


def _only_features(arrays: Mapping[str, Array]) -> bool:
    if "X" not in arrays:
        return "X2048" in arrays
    return arrays["X"].ndim == 2 and arrays["X"].shape[1] == 2048


def _check_core(arrays: Mapping[str, Array]) -> list[str]:
    x, mask, times = (arrays[key] for key in ("X", "mask", "timestamps_ms"))
    messages = _meta_messages(arrays["meta"])
    if x.shape[1:] != (156,) or x.dtype != np.float32:
        messages.append(f"X bad shape/dtype: {x.shape} {x.dtype}")
    if mask.shape[1:] != (78,) or mask.dtype != np.bool_:
        messages.append(f"mask bad shape/dtype: {mask.shape} {mask.dtype}")
    if not _are_times(times):
        messages.append(f"timestamps_ms bad shape/dtype: {times.shape} {times.dtype}")
    if len({_frames(array) for array in (x, mask, times)}) > 1:
        messages.append("T mismatch among X/mask/timestamps_ms")
    if _numeric(x):
        if not np.isfinite(x).all():
            messages.append("X has non-finite values")
        if (x < 0).any() or (x > 1).any():
            messages.append("X outside [0,1]")
    return messages + _check_times(times)


def _are_times(times: Array) -> bool:
    return times.ndim == 1 and times.dtype == np.int64


def _check_times(times: Array) -> list[str]:
    messages = []
    if _numeric(times) and times.ndim:
        if (times[1:] < times[:-1]).any():
            messages.append("timestamps_ms not monotonic nondecreasing")
        if (times < 0).any():
            messages.append("timestamps_ms contains negative values")
    return messages


def _check_transformer(arrays: Mapping[str, Array]) -> list[str]:
    messages = []
    if _frames(arrays["X"]) == 0:
        messages.append("empty sequence (T == 0)")
    if _numeric(arrays["mask"]) and not arrays["mask"].any():
        messages.append("mask has no visible keypoints across all frames")
    try:
        meta = _parse_meta(arrays["meta"])
    except ValueError as error:
        return [*messages, f"meta validation failed: {error}"]
    for key, expected in _META.items():
        if meta.get(key) not in (expected, str(expected)):
            messages.append(f"meta.{key} != {expected} (got {meta.get(key)})")
    if meta.get("order") != fslr156.ORDER:
        messages.append(f"meta.order unexpected: {meta.get('order')}")
    return messages


def _check_features(features: Array, frames: int | None, name: str = "X2048") -> list[str]:
    messages = []
    if features.shape != (frames, 2048) or features.dtype != np.float32:
        messages.append(f"{name} bad shape/dtype: {features.shape} {features.dtype}")
    if _numeric(features) and not np.isfinite(features).all():
        messages.append(f"{name} has non-finite values")
    return messages


def _check_features_alone(arrays: Mapping[str, Array]) -> list[str]:
    """A file without keypoints; time and meta are not needed, but must be right if present."""
    name = "X2048" if "X2048" in arrays else "X"
    frames = _frames(arrays[name])
    messages = _meta_messages(arrays["meta"]) if "meta" in arrays else []
    messages += _check_features(arrays[name], frames, name)
    if frames == 0:
        messages.append("empty sequence (T == 0)")
    if "timestamps_ms" in arrays:
        times = arrays["timestamps_ms"]
        if not _are_times(times):
            messages.append(f"timestamps_ms bad shape/dtype: {times.shape} {times.dtype}")
        if _frames(times) != frames:
            messages.append(f"T mismatch among {name}/timestamps_ms")
        messages += _check_times(times)
    return messages


def _check_parquet(path: Path, frames: int | None) -> list[str]:
    try:
        rows, names = _parquet.rows(path), _parquet.columns(path)
        has_bits = "mask_bits" in names
        bits = _parquet.read(path, ["mask_bits"])["mask_bits"].to_pylist() if has_bits else []
    except UserError as error:
        return [f"parquet read error: {error}"]
    messages = [] if rows == frames else [f"parquet row count {rows} != T {frames}"]
    messages += [f"parquet missing column: {c}" for c in ("t_ms", "mask_bits") if c not in names]
    if not all(isinstance(text, str) and len(text) == 78 for text in bits):
        messages.append("parquet mask_bits not length 78 for all rows")
    return messages


def _meta_messages(stored: Array) -> list[str]:
    try:
        _parse_meta(stored)
    except ValueError as error:
        return [str(error)]
    return []


def _parse_meta(stored: Array) -> dict[str, Any]:
    text = stored.item() if stored.size == 1 else None
    if not isinstance(text, str | bytes):
        raise ValueError("meta field is not a JSON-encoded string")
    try:
        meta = reading.parse_json(text)
    except ValueError as error:
        raise ValueError(f"bad meta json: {error}") from error
    if not isinstance(meta, dict):
        raise ValueError(f"bad meta json: expected an object, found {type(meta).__name__}")
    return meta


def _frames(array: Array) -> int | None:
    return array.shape[0] if array.ndim else None


def _numeric(array: Array) -> bool:
    return array.dtype.kind in "biuf"
