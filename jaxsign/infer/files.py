"""Reads what a person gives to a recogniser: FSLR clip files, recorded Clips, folders of them."""

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.input import clip as clips
from jaxsign.input import files as npz_files

Array = np.ndarray

MASKS = ("length", "visibility")
_VIDEOS = (".mp4", ".mov", ".avi", ".mkv", ".webm")
# Where features of a width usually stand, after the recipe's own key.
_USUAL_KEYS = ("X", "X2048")


def find(source: str | Path) -> list[Path]:
    """The input files that `source` means: itself, or all .npz in a folder and below, sorted.

    Raises:
      UserError: no such file or folder, a folder without clips, or another kind of file.
    """
    source = Path(source)
    if source.is_dir():
        files = sorted(path for path in source.rglob("*.npz") if path.is_file())
        if not files:
            raise UserError(
                f"{source}: no .npz file in this folder or below. Expected clips as .npz "
                f"(X [T, 156] or X2048 [T, 2048]) or as {clips.SUFFIX}."
            )
        return files
    if not source.is_file():
        raise UserError(f"{source}: no such file or folder. Expected an .npz clip or a folder.")
    if source.suffix.lower() in _VIDEOS:
        raise UserError(
            f"{source} is a video. Extract its landmarks or features first, then give the .npz "
            "that holds them."
        )
    if source.suffix.lower() != ".npz":
        raise UserError(f"{source}: expected an .npz clip or a folder of them.")
    return [source]


def read(path: Path, run: runs.Run, mask: str = "length") -> runs.Clip:
    """One file as the run's net takes it, not cut yet.

    Args:
      path: an .npz of the FSLR layout, or a recorded Clip (`.clip.npz`).
      run: decides which array is read (by its net's width) and the view of a Clip.
      mask: 'length': every frame counts, as in training; 'visibility': only frames with a
        visible keypoint (the original's prediction tool).

    Raises:
      UserError: an unreadable file, or one without an input for this net.
    """
    if mask not in MASKS:
        raise UserError(f"mask {mask!r} is none of {', '.join(MASKS)}")
    recorded = path.name.endswith(clips.SUFFIX)
    clip = _recorded(path, run, mask) if recorded else _stored(path, run, mask)
    if not len(clip.x):
        raise UserError(f"{path}: has no frames. Expected at least one.")
    if clip.x.dtype.kind == "f" and not np.isfinite(clip.x).all():
        bad = int((~np.isfinite(clip.x)).any(axis=tuple(range(1, clip.x.ndim))).sum())
        raise UserError(
            f"{path}: {bad} of {len(clip.x)} frames hold NaN or infinite numbers. Expected finite "
            "ones; missing keypoints are zeros in this layout."
        )
    if not clip.valid[: run.max_length].any():
        raise UserError(
            f"{path}: no frame with a visible keypoint among the first {len(run.cut(clip.x))}. "
            "Use --mask length to count every frame."
        )
    return clip


def _recorded(path: Path, run: runs.Run, mask: str) -> runs.Clip:
    if run.view is None:
        raise UserError(
            f"{path}: a clip of landmarks, but this run takes {run.input_dim} stored features a "
            "frame. Give it .npz files that hold them (X2048)."
        )
    clip = clips.load(path)
    x = run.features(clip)
    seen = _visible(clip, run) if mask == "visibility" else np.ones(len(x), bool)
    return runs.Clip(x, seen)


def _visible(clip: clips.Clip, run: runs.Run) -> Array:
    """bool [T]: frames in which the view sees anything."""
    module = importlib.import_module(f"jaxsign.input.views.{run.config.view.name}")
    if not hasattr(module, "keypoints"):
        return np.isfinite(clip.landmarks[..., 0]).any(1)
    options = {name: run.config.view[name] for name in ("confidence", "max_gap")}
    return module.keypoints(clip, **options)[1].any(1)


def _stored(path: Path, run: runs.Run, mask: str) -> runs.Clip:
    arrays = _arrays(path)
    key = choose_key(arrays, run, path)
    x = arrays[key]
    x = run.features(x if x.ndim == 4 else x.astype(np.float32))
    if mask == "length":
        return runs.Clip(x, np.ones(len(x), bool))
    visible = arrays.get("mask")
    if visible is None or visible.ndim != 2 or len(visible) != len(x):
        found = "none" if visible is None else f"shape {list(visible.shape)}"
        raise UserError(
            f"{path}: --mask visibility needs the array mask [{len(x)}, keypoints], found {found}. "
            "Use --mask length."
        )
    return runs.Clip(x, (visible != 0).any(1))


def choose_key(arrays: dict[str, Array], run: runs.Run, path: Path) -> str:
    """The array that fits the net: the recipe's own key if it has the width, else another one.

    Raises:
      UserError: none fits.
    """
    own = str(run.config.data.key)
    for key in dict.fromkeys((own, *_USUAL_KEYS, *arrays)):
        if key in arrays and _fits(arrays[key], run):
            return key
    found = ", ".join(f"{key} {list(a.shape)} {a.dtype}" for key, a in arrays.items())
    raise UserError(
        f"{path}: no array of {run.input_dim} numbers a frame, which this run's net takes. Found: "
        f"{found or 'nothing'}. Expected {own} [T, {run.input_dim}] float32."
    )


def _fits(array: Array, run: runs.Run) -> bool:
    if array.ndim == 4:
        return run.takes_frames and array.dtype == np.uint8 and array.shape[-1] == 3
    return array.ndim == 2 and array.shape[1] == run.input_dim and array.dtype.kind in "fiu"


def _arrays(path: Path) -> dict[str, Array]:
    """All numeric arrays of an .npz; never runs code stored in it."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(_numeric(file))
    except (*npz_files.BROKEN, TypeError, AttributeError) as error:  # the last two: a bare array
        raise UserError(f"{path}: not a readable .npz file ({error}).") from error


def _numeric(file: Any) -> Iterable[tuple[str, Array]]:
    for key in file.files:
        try:
            array = file[key]
        except ValueError:  # an object array: it would need to run code, so it is no input
            continue
        if array.dtype.kind in "bfiu":
            yield key, array
