"""Reads the clips that a person gives to a recogniser as its net takes them."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.infer import clip_items
from jaxsign.infer import run as runs
from jaxsign.infer.clip_items import Item
from jaxsign.input import files as npz_files
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats, seen
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _npy

Array = np.ndarray
MASKS = ("length", "visibility")
# Where features of a width usually stand, after the recipe's own key.
_USUAL_KEYS = ("X", "X2048")
# Letters of numpy's types that a net may take.
_KINDS = "bfiu"


def value(item: Item, run: runs.Run) -> Clip | Array:
    """What the run takes of an item: an array that fits its net, as it is stored, else the clip.

    Where there is neither, the recipe's own array or the only one: the run's view may take it.

    Raises:
      UserError: an unreadable file, or one without an input for this run.
    """
    return _value(item, _arrays(item), run)


def _value(item: Item, arrays: Mapping[str, Array], run: runs.Run) -> Clip | Array:
    own, outlines = str(run.config.data.key), npz_files.outlines(arrays)
    for key in dict.fromkeys((own, *_USUAL_KEYS, *arrays)):
        if key in outlines and _fits(outlines[key], run) and not _of_other_rate(item, run):
            return arrays[key]
    clip = _clip(item, arrays, run)
    if clip is not None:
        return clip
    named = [own] if own in arrays else list(outlines)
    rest = [key for key in named if outlines[key].ndim > 1]
    if run.view is not None and len(rest) == 1:
        return arrays[rest[0]]
    raise _unfit(item, arrays, run)


def _unfit(item: Item, arrays: Mapping[str, Array], run: runs.Run, of_view: str = "") -> UserError:
    found = ", ".join(
        f"{key} {list(a.shape)} {a.dtype}".strip() for key, a in npz_files.outlines(arrays).items()
    )
    shape = ", ".join(map(str, run.frame_shape))
    return UserError(
        f"{item.path}: no array of {' x '.join(map(str, run.frame_shape))} numbers a frame, which "
        f"this run's net takes. Found: {found or 'nothing'}. Expected {run.config.data.key} "
        f"[T, {shape}] float32{f', or what its view takes; {of_view}' if of_view else '.'}"
    )


def _clip(item: Item, arrays: Mapping[str, Array], run: runs.Run) -> Clip | None:
    """The landmarks of an item; None where it holds none."""
    path = item.path
    if run.view is None:
        if arrays and not _landmarks(arrays):
            return None
        raise UserError(
            f"{path}: a clip of landmarks, but this run takes {run.input_dim} stored features a "
            "frame. Give it .npz files that hold them (X2048; of films: jaxsign features)."
        )
    if item.collection is not None:
        return item.collection.read(item.index) if item.collection.landmarks else None
    if path.suffix.lower() == ".npz":
        bare = _landmarks(arrays) or clip_items.is_clip_file(path)
        return formats.open_collection(path, "clips", fps=item.fps).read(0) if bare else None
    try:
        name = formats.detect(path)
    except UserError:
        return None
    return formats.open_collection(path, name, fps=item.fps).read(0)


def _landmarks(arrays: Mapping[str, Array]) -> bool:
    return any(
        array.shape[1:] == (clips.POINTS, 3) for array in npz_files.outlines(arrays).values()
    )


def _of_other_rate(item: Item, run: runs.Run) -> bool:
    """Whether stored numbers are of another rate than the run's view makes of clips.

    Such a file is read as a clip, of which the view makes new frames. Its format tells the rate.
    """
    wanted, opened = float(run.config.view.get("rate") or 0.0), item.collection
    if not wanted or item.path.suffix.lower() != ".npy":
        return False
    if opened is None:
        with contextlib.suppress(UserError):
            opened = formats.open_collection(item.path, fps=item.fps)
    return opened is not None and (opened.arrays is None or opened.rate != wanted)


def read(item: Item | Path, run: runs.Run, mask: str = "length") -> runs.NetInput:
    """One clip as the run's net takes it, not cut yet.

    Args:
      item: of `find`; or a file of arrays or a clip file.
      run: decides which array is read (by its net's width) and the view of a clip.
      mask: 'length': every frame counts, as in training; 'visibility': only frames with a
        visible keypoint (the original's prediction tool).

    Raises:
      UserError: an unreadable file, or one without an input for this net.
    """
    if mask not in MASKS:
        raise UserError(f"mask {mask!r} is none of {', '.join(MASKS)}")
    if isinstance(item, Path):
        item = Item(item, item.name)
    arrays = _arrays(item)
    found = _value(item, arrays, run)
    if isinstance(found, Clip):
        clip = _viewed(found, item.path, run, mask)
    else:
        clip = _stored(found, item, arrays, run, mask)
    _check(clip, item.path, run)
    return clip


def of_clip(clip: Clip, run: runs.Run) -> runs.NetInput:
    """A recorded clip in memory as the run's net takes it, not cut yet.

    Raises:
      UserError: the run takes stored features, or there is nothing to recognise in the clip.
    """
    name = Path(clip.source or "the clip")
    if run.view is None:
        raise UserError(
            f"{name}: a clip of landmarks, but this run takes stored features [T, {run.input_dim}]"
        )
    made = _viewed(clip, name, run, "length")
    _check(made, name, run)
    return made


def of_array(x: Array, run: runs.Run) -> runs.NetInput:
    """Numbers [T, ...] in memory as the run's net takes them, not cut yet.

    Raises:
      UserError: they do not fit the run.
    """
    name = Path("the array")
    made = _stored(x, Item(name, str(name)), {"": x}, run, "length")
    _check(made, name, run)
    return made


def _check(clip: runs.NetInput, path: Path, run: runs.Run) -> None:
    if not len(clip.x):
        raise UserError(f"{path}: has no frames. Expected at least one.")
    check_finite(clip.x, path, run)
    npz_files.check_size(clip.x, path)
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
    if not run.takes_nan:
        npz_files.check_finite(x, name)


def _viewed(clip: Clip, path: Path, run: runs.Run, mask: str) -> runs.NetInput:
    if np.isnan(clip.landmarks[..., :2]).any(-1).all():
        raise _empty(path, len(clip))
    x = run.features(clip)
    valid = np.ones(len(x), bool)
    if mask == "visibility" and run.view is not None:
        valid = run.view.visible(clip)
    return runs.NetInput(x, valid, seen.of_value(clip, run.config))


def _empty(path: Path, frames: int) -> UserError:
    return UserError(
        f"{path}: nobody was found in any of its {frames} frames, so there is no sign to "
        "recognise. Look at the video (jaxsign extract --preview) or record it again."
    )


def _stored(
    x: Array, item: Item, arrays: Mapping[str, Array], run: runs.Run, mask: str
) -> runs.NetInput:
    check_finite(x, item.path, run)  # before the view, which may take them for what is missing
    if len(x) and x.dtype.kind == "f" and np.isnan(x).all():
        raise _empty(item.path, len(x))
    fitting = _fits(x, run)
    about = seen.of_value(x, run.config, item.collection.rate if item.collection else item.fps)
    try:
        x = run.features(x if fitting and run.images(x) else x.astype(np.float32))
    except UserError as error:
        raise error if fitting else _unfit(item, arrays, run, str(error)) from error
    if not _fits(x, run):
        raise _unfit(item, arrays, run)
    if mask == "length":
        return runs.NetInput(x, np.ones(len(x), bool), about)
    visible = arrays.get("mask")
    if visible is None or visible.ndim != 2 or len(visible) != len(x):
        found = "none" if visible is None else f"shape {list(visible.shape)}"
        raise UserError(
            f"{item.path}: --mask visibility needs the array mask [{len(x)}, keypoints], found "
            f"{found}. Use --mask length."
        )
    return runs.NetInput(x, (visible != 0).any(1), about)


def _fits(array: Array, run: runs.Run) -> bool:
    if run.images(array):
        return run.takes_frames and array.dtype == np.uint8 and array.shape[-1] == 3
    return array.shape[1:] == run.frame_shape and array.dtype.kind in "fiu"


def _arrays(item: Item) -> Mapping[str, Array]:
    """What is stored of an item, by key; never runs code stored in it."""
    if item.collection is not None:
        return item.collection.arrays(item.index) if item.collection.arrays else {}
    path, suffix = item.path, item.path.suffix.lower()
    if clip_items.is_clip_file(path):
        return {}
    if suffix == ".npy":
        array = _npy.load(path, mmap=False)
        return {"": array} if array.dtype.kind in _KINDS else {}
    # Others are no input; objects among them would need to run code.
    return npz_files.StoredArrays(path, _KINDS)
