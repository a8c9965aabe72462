"""Reads what a person gives to a recogniser: clip files of any format, and folders of them."""

import collections
import contextlib
import dataclasses
import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.input import files as npz_files
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats
from jaxsign.input.signs.formats import sequences75

Array = np.ndarray

MASKS = ("length", "visibility")
_VIDEOS = (".mp4", ".mov", ".avi", ".mkv", ".webm")
# Where features of a width usually stand, after the recipe's own key.
_USUAL_KEYS = ("X", "X2048")


@dataclasses.dataclass(frozen=True)
class Item:
    """One clip to recognise.

    Attributes:
      path: the file that holds it, for messages.
      name: its place in the folder that was given.
      collection, index: where it is read from, for what is no .npz of its own.
    """

    path: Path
    name: str
    collection: formats.Collection | None = None
    index: int = 0


def find(source: str | Path) -> list[Item]:
    """The clips that `source` means: a file, or all in a folder and below, sorted.

    Raises:
      UserError: no such file or folder, nothing to recognise in it, or another kind of file.
    """
    source = Path(source)
    if not source.exists():
        raise UserError(f"{source}: no such file or folder. Expected a clip or a folder of clips.")
    if source.is_file() and source.suffix.lower() in _VIDEOS:
        raise UserError(
            f"{source} is a video. Extract its landmarks (jaxsign extract) or image features "
            "(jaxsign features) first, then give what they wrote."
        )
    many = sequences75.recognises(source)  # one .npz that holds many clips
    if source.is_file() and source.suffix.lower() == ".npz" and not many:
        return [Item(source, source.name)]
    files = sorted(path for path in source.rglob("*.npz") if path.is_file())
    if files and not many:
        return [Item(path, path.relative_to(source).as_posix()) for path in files]
    bare = _bare_arrays(source)
    if bare:
        return bare
    collection = formats.open_collection(source, _format(source))
    clips_in = collections.Counter(entry.path for entry in collection.entries)
    items = []
    for i, entry in enumerate(collection.entries):
        place = entry.path or source
        if entry.path is None or clips_in[entry.path] > 1:
            place = place / entry.name
        items.append(Item(place, entry.name, collection, i))
    return items


def _bare_arrays(source: Path) -> list[Item]:
    """The .npy files of a folder that is of no known format, or the one .npy file that is given."""
    if source.is_file():
        return [Item(source, source.name)] if source.suffix.lower() == ".npy" else []
    files = sorted(path for path in source.rglob("*.npy") if path.is_file())
    with contextlib.suppress(UserError):
        formats.detect(source)
        return []
    return [Item(path, path.relative_to(source).as_posix()) for path in files]


def _format(source: Path) -> str:
    try:
        return formats.detect(source)
    except UserError as error:
        if any(path.suffix.lower() in _VIDEOS for path in source.rglob("*")):
            raise UserError(
                f"{source} holds videos. Extract their landmarks (jaxsign extract) or image "
                "features (jaxsign features) first, then give the folder that they wrote."
            ) from error
        raise


def read(item: Item | Path, run: runs.Run, mask: str = "length") -> runs.Clip:
    """One clip as the run's net takes it, not cut yet.

    Args:
      item: of `find`; or an .npz of the FSLR layout, or a recorded Clip (`.clip.npz`).
      run: decides which array is read (by its net's width) and the view of a Clip.
      mask: 'length': every frame counts, as in training; 'visibility': only frames with a
        visible keypoint (the original's prediction tool).

    Raises:
      UserError: an unreadable file, or one without an input for this net.
    """
    if mask not in MASKS:
        raise UserError(f"mask {mask!r} is none of {', '.join(MASKS)}")
    if isinstance(item, Path):
        item = Item(item, item.name)
    path = item.path
    if path.suffix.lower() == ".npy" and path.is_file():
        clip = _array(item, run, mask)
    elif item.collection is not None:
        clip = _viewed(item.collection.read(item.index), path, run, mask)
    elif path.name.endswith(clips.SUFFIX):
        clip = _viewed(clips.load(path), path, run, mask)
    else:
        clip = _stored(path, run, mask)
    _check(clip, path, run)
    return clip


def _check(clip: runs.Clip, path: Path, run: runs.Run) -> None:
    if not len(clip.x):
        raise UserError(f"{path}: has no frames. Expected at least one.")
    check_finite(clip.x, path, run)
    if not clip.valid[: run.max_length].any():
        raise UserError(
            f"{path}: no frame with a visible keypoint among the first {len(run.cut(clip.x))}. "
            "Use --mask length to count every frame."
        )


def check_finite(x: Array, name: str | Path, run: runs.Run) -> None:
    """Refuses numbers [T, ...] that are none, where they mean nothing to the net.

    Raises:
      UserError: NaN or infinite values.
    """
    if x.dtype.kind == "f" and not run.takes_nan and not np.isfinite(x).all():
        bad = int((~np.isfinite(x)).any(axis=tuple(range(1, x.ndim))).sum())
        raise UserError(
            f"{name}: {bad} of {len(x)} frames hold NaN or infinite numbers. Expected finite "
            "ones; missing keypoints are zeros in this layout."
        )


def _viewed(clip: clips.Clip, path: Path, run: runs.Run, mask: str) -> runs.Clip:
    if run.view is None:
        raise UserError(
            f"{path}: a clip of landmarks, but this run takes {run.input_dim} stored features a "
            "frame. Give it .npz files that hold them (X2048)."
        )
    if np.isnan(clip.landmarks[..., :2]).any(-1).all():
        raise UserError(
            f"{path}: nobody was found in any of its {len(clip)} frames, so there is no sign to "
            "recognise. Look at the video (jaxsign extract --preview) or record it again."
        )
    x = run.features(clip)
    seen = _visible(clip, run) if mask == "visibility" else np.ones(len(x), bool)
    return runs.Clip(x, seen)


def _visible(clip: clips.Clip, run: runs.Run) -> Array:
    """bool [T]: frames in which the view sees anything."""
    module = importlib.import_module(f"jaxsign.input.signs.views.{run.config.view.name}")
    if not hasattr(module, "keypoints"):
        return np.isfinite(clip.landmarks[..., 0]).any(1)
    options = {name: run.config.view[name] for name in ("confidence", "max_gap")}
    return module.keypoints(clip, **options)[1].any(1)


def _stored(path: Path, run: runs.Run, mask: str) -> runs.Clip:
    arrays = _arrays(path)
    points = arrays.get("landmarks")
    if points is not None and points.shape[1:] == (clips.POINTS, 3) and not _fits(points, run):
        return _viewed(formats.open_collection(path, "clips").read(0), path, run, mask)
    key = choose_key(arrays, run, path)
    x = arrays[key]
    check_finite(x, path, run)  # before the view, which may take them for what is missing
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


def _array(item: Item, run: runs.Run, mask: str) -> runs.Clip:
    """An .npy file: the net's numbers as they are, else a clip of its format."""
    path = item.path
    try:
        x = np.load(path, allow_pickle=False)
    except (*npz_files.BROKEN, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not a readable .npy file ({error}).") from error
    if not _fits(x, run) or of_other_rate(path, run):
        whole = item.collection or formats.open_collection(path)
        return _viewed(whole.read(item.index), path, run, mask)
    if mask != "length":
        raise UserError(f"{path}: --mask {mask} needs to know what is seen. Use --mask length.")
    check_finite(x, path, run)
    return runs.Clip(run.features(x.astype(np.float32)), np.ones(len(x), bool))


def of_other_rate(path: Path, run: runs.Run) -> bool:
    """Whether a file's numbers are of another rate than the run's view makes of clips.

    Such a file is read as a clip, of which the view makes new frames. Its format tells the rate.
    """
    wanted = float(run.config.view.get("rate") or 0.0)
    if not wanted:
        return False
    with contextlib.suppress(UserError):
        opened = formats.open_collection(path)
        return opened.arrays is None or opened.rate != wanted
    return False


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
    shape = ", ".join(map(str, run.frame_shape))
    raise UserError(
        f"{path}: no array of {' x '.join(map(str, run.frame_shape))} numbers a frame, which this "
        f"run's net takes. Found: {found or 'nothing'}. Expected {own} [T, {shape}] float32."
    )


def _fits(array: Array, run: runs.Run) -> bool:
    if array.ndim == 4 and array.shape[1:] != run.frame_shape:
        return run.takes_frames and array.dtype == np.uint8 and array.shape[-1] == 3
    return array.shape[1:] == run.frame_shape and array.dtype.kind in "fiu"


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
