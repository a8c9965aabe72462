"""Inspects a path: a clip, a collection, or files of bare arrays; prints, and draws if asked."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError, did_you_mean, listing
from jaxsign.input import files as npz_files
from jaxsign.input.folders import finding
from jaxsign.input.signs import drawing, formats
from jaxsign.input.signs.extract import videos
from jaxsign.input.signs.inspecting import arrays, facts, pictures, showing
from jaxsign.screen import Console

Facts = dict[str, Any]
# Files of an unknown folder that are opened, unless all are asked for.
_MOST_FILES = 3


@dataclasses.dataclass(frozen=True)
class _Bare:
    """Files of arrays in no format of clips, and what there is to say of a folder of them."""

    files: dict[str, list[arrays.Found]]
    about: Facts


def inspect(
    path: str | Path,
    *,
    format: str | None = None,
    clip: str | None = None,
    png: str | Path | None = None,
    frames: int = 8,
    sample: int = 500,
    person: int = 0,
    fps: float = 0.0,
    as_json: bool = False,
) -> Facts:
    """Prints what is at `path` and returns the same as facts that JSON can hold.

    Args:
      path: a file or a folder.
      format: one of `formats.names()`; None = found out.
      clip: the name of one clip of a folder.
      png: file for a picture.
      frames: frames of a clip's strip.
      sample: clips of a folder that are read, evenly spread; 0 = all.
      person: which of several people of a clip, from 1; 0 = the one who moves.
      fps: frames a second of the clips; 0 = as they say.
      as_json: print JSON.

    Raises:
      UserError: nothing there, an unknown format, or nothing that can be read.
    """
    path = Path(path)
    console = Console(highlight=False)
    if not path.exists():
        raise UserError(f"{path}: no such file or folder")
    if path.is_file() and videos.is_film(path):
        reading.check(path)
        raise _to_extract(path, "is a film")
    found = None if format or clip else _bare(path, sample)
    if found is not None:
        result: Facts = _arrays(path, found, png, frames, None if as_json else console)
    else:
        opened = formats.open_collection(path, format, person=person, fps=fps)
        number = _number(opened, clip)
        if number is None:
            result = _collection(opened, png, sample, None if as_json else console)
        else:
            result = _clip(opened, number, png, frames, None if as_json else console)
    if as_json:
        print(json.dumps(result, indent=1, ensure_ascii=False, default=float))
    elif png:
        console.print(f"Picture: {png}", markup=False, soft_wrap=True)
    return result


def _number(opened: formats.Collection, clip: str | None) -> int | None:
    """The entry to inspect alone: the only one, or the one called `clip`."""
    if not len(opened):
        problems = listing(opened.problems)
        raise UserError(f"{opened.name}: holds no clip" + (f":\n{problems}" if problems else ""))
    names = [entry.name for entry in opened.entries]
    if clip is None:
        return 0 if Path(opened.name).is_file() and len(opened) == 1 else None
    if clip in names:
        return names.index(clip)
    ends = [i for i, name in enumerate(names) if name.rpartition("/")[2] == clip]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise UserError(f"{opened.name}: several clips are called {clip!r}, e.g. {names[ends[0]]}")
    raise UserError(f"{opened.name}: no clip {clip!r}.{did_you_mean(clip, names)}")


def _clip(
    opened: formats.Collection,
    number: int,
    png: str | Path | None,
    frames: int,
    console: Console | None,
) -> Facts:
    clip, entry = opened.read(number), opened.entries[number]
    result = facts.of_clip(clip, entry, opened.format)
    file = entry.path
    stored = arrays.describe(file) if file and file.suffix.lower() in arrays.SUFFIXES else []
    result["arrays"] = [array.as_dict() for array in stored]
    result["warnings"] += arrays.warnings(stored)
    if png:
        pictures.save(drawing.strip(clip, frames), png)
    if console:
        showing.clip(result, console)
        extra = [array for array in stored if array.kind in ("features", "frames")]
        if extra:
            showing.files("", {"also in this file": extra}, console)
    return result


def _collection(
    opened: formats.Collection, png: str | Path | None, sample: int, console: Console | None
) -> Facts:
    result = facts.of_collection(opened, sample, quiet=console is None)
    if png:
        pictures.save(pictures.collection_sheet(opened), png)
    if console:
        showing.collection(result, console, every=not sample)
    return result


def _bare(path: Path, sample: int) -> _Bare | None:
    """The files of arrays of a path in no format of clips; None where one fits."""
    if path.is_file() and path.suffix.lower() not in arrays.SUFFIXES:
        return None
    about: Facts = {}
    try:
        formats.detect(path)
        return None
    except UserError:
        files = _array_files(path)
        if not files and path.is_dir() and (found := videos.below(path)):
            count = f"{len(found)} film" + "s" * (len(found) > 1)
            what = "is a film" if found[0].path == path else f"holds {count}"
            raise _to_extract(path, what) from None
        if not files:
            raise
        about = facts.of_folder(path, len(files)) if path.is_dir() else {}
    most = min(sample, _MOST_FILES) if sample else 0
    chosen = (files[i] for i in facts.spread(len(files), most))
    return _Bare({str(file): arrays.describe(file) for file in chosen}, about)


def _to_extract(path: Path, what: str) -> UserError:
    return UserError(
        f"{path}: {what}. Extract the landmarks first: jaxsign extract {path} --out clips --model "
        "FILE.task"
    )


def _array_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return finding.walk(path, finding.ending(*arrays.SUFFIXES))


def _arrays(
    path: Path, bare: _Bare, png: str | Path | None, frames: int, console: Console | None
) -> Facts:
    if png:
        pictures.save(pictures.frames_sheet(_frames(path), frames), png)
    if console:
        showing.files(str(path), bare.files, console)
        if bare.about:
            showing.unknown(bare.about, len(bare.files), console)
    rows = [
        {
            "file": name,
            "arrays": [array.as_dict() for array in stored],
            "warnings": arrays.warnings(stored),
        }
        for name, stored in bare.files.items()
    ]
    return rows[0] if path.is_file() else {"path": str(path), **bare.about, "files": rows}


def _frames(path: Path) -> np.ndarray:
    stored = arrays.read(path) if path.is_file() else {}
    for name, array in npz_files.outlines(stored).items():
        if arrays.kind_of(name, array.shape, array.dtype)[0] == "frames":
            return stored[name]
    raise UserError(f"{path}: holds neither landmarks nor images, so there is no picture of it")
