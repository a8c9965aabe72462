"""Where images with boxes come from."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError, did_you_mean
from jaxsign.input.boxes import coco, of_scenes, voc
from jaxsign.input.boxes.source import BoxSource
from jaxsign.input.scenes import genome_videos

BOXES = "boxes"
_LOOKS = f"Expected {coco.LOOKS}, or {voc.LOOKS}"


def open_source(data: ConfigDict, split: str) -> BoxSource:
    """The images of a split, all their annotations checked.

    Args:
      data: a recipe's `config.data`.
      split: 'train', 'val' or 'test'.

    Raises:
      UserError: no images, or all that is wrong with their annotations.
    """
    _check_known(data)
    return _KNOWN[data.source](data, split)


def check_places(data: ConfigDict) -> None:
    """Looks whether there is something where data of training and validation shall lie.

    Raises:
      UserError: an unknown kind of source, or a place that is not given or not there.
    """
    _check_known(data)
    for split in ("train", "val") if data.source == BOXES else ():
        if not (place := _place(data, split)).exists():
            raise UserError(f"data.{split}.path={place}: no such file or folder")


def kind_of(path: Path) -> str:
    """The `data.source` that reads a file or folder."""
    known = path.exists() and (coco.file_of(path) or voc.recognises(path))
    return BOXES if known else of_scenes.kind_of(path)


def _check_known(data: ConfigDict) -> None:
    if data.source not in _KNOWN:
        near = did_you_mean(data.source, _KNOWN)
        raise UserError(
            f"data.source={data.source!r} holds no images with boxes.{near} Known: "
            f"{', '.join(_KNOWN)}"
        )


def _place(data: ConfigDict, split: str) -> Path:
    path = data[split].path or (data.train.path if split != "test" or _is_voc(data) else "")
    if not path:
        raise UserError(
            f"data.{split}.path is empty: set --config.data.{split}.path to the images of this "
            f"split. {_LOOKS}"
        )
    return Path(path)


def _is_voc(data: ConfigDict) -> bool:
    return bool(data.train.path) and voc.recognises(Path(data.train.path))


def _of_files(data: ConfigDict, split: str) -> BoxSource:
    place, skip = _place(data, split), data.missing == "skip"
    own = bool(data[split].path)
    if voc.recognises(place):
        lists = voc.splits(place)
        if split in lists or (lists and not own):
            return voc.read(place, split, skip_missing=skip)
        found = voc.read(place, "train" if "train" in lists else split, skip_missing=skip)
    else:
        labels = data[split].labels or ("" if own else data.train.labels)
        file = Path(labels) if labels else coco.file_of(place)
        if file is None or not file.is_file():
            several = ", ".join(one.name for one in coco.files_in(place)) if not labels else ""
            which = f" It holds several ({several}): name one, --config.data.{split}.labels=FILE."
            raise UserError(
                f"{labels or place}: no annotations of boxes.{which if several else ''} {_LOOKS}"
            )
        folder = place if labels and place.is_dir() else None
        found = coco.read(file, folder, f"{file} ({split})", skip_missing=skip)
    return found if split == "test" or data.val.path else _shared(found, data, split)


def _shared(found: BoxSource, data: ConfigDict, split: str) -> BoxSource:
    """Training images without the share that is held back for val, or that share."""
    numbers = np.arange(len(found))
    advice = "set data.val.path"
    rows = genome_videos.share_of(numbers, data.val_share, split, found.name, advice).tolist()
    images = [found.images[row] for row in rows]
    return dataclasses.replace(found, images=images, read=functools.partial(_row, found.read, rows))


def _row(read: Callable[[int], np.ndarray], rows: Sequence[int], index: int) -> np.ndarray:
    return read(rows[index])


_KNOWN: dict[str, Callable[[ConfigDict, str], BoxSource]] = {
    BOXES: _of_files,
    "action_genome": of_scenes.of_files,
    "scenes": of_scenes.of_files,
    "synthetic_scenes": of_scenes.made_up,
}
