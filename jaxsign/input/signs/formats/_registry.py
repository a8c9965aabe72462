"""Formats by name, and which of them a file or folder is in."""

import functools
import importlib
import os
import pkgutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from jaxsign import reading, telling
from jaxsign.errors import UserError, did_you_mean
from jaxsign.input import files
from jaxsign.input.folders import census
from jaxsign.input.signs import rates
from jaxsign.input.signs.formats import _npy
from jaxsign.input.signs.formats._types import Collection, Format


@functools.cache
def names() -> tuple[str, ...]:
    """Names of the formats: the files of this folder."""
    found = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return tuple(sorted(name for name in found if not name.startswith("_")))


def get(name: str) -> Format:
    """The format `name`.

    Raises:
        UserError: there is none of that name.
    """
    if name not in names():
        raise UserError(
            f"format {name!r} is unknown.{did_you_mean(name, names())} Known: {', '.join(names())}"
        )
    found: Format = importlib.import_module(f"{__package__}.{name}").FORMAT
    return found


def detect(path: str | Path) -> str:
    """The name of the format that a file or folder is in.

    Raises:
        UserError: nothing there, a damaged file, no format fits, or several do.
    """
    path = _there(path)
    fitting = [name for name in names() if get(name).recognises(path)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        known = _listed(fitting)
        raise UserError(f"{path}: may be in any of these formats; name one:\n{known}")
    _check_readable(path)
    raise UserError(_unknown(path))


def _unknown(path: Path) -> str:
    held, near = "", []
    if path.is_dir():
        kinds = census.taken(path)
        for kind in kinds:
            reading.check(path / kind.example)  # that of Git LFS, which may stand for all of them
        held, near = f" It holds {census.told(kinds)}.", nearest(kinds)
    rest = ", ".join(name for name in names() if name not in near)
    return (
        f"{path}: in none of the known formats.{held} Expected one of:\n{_listed(near or names())}"
        + (f"\nor another: {rest}" if near else "")
        + "\nor scenes of boxes and relations (docs/scene_graphs.md)"
    )


def nearest(kinds: Sequence[census.FileKind]) -> list[str]:
    """The formats whose clips lie in files that end as some of a folder's do."""
    found = {kind.ending for kind in kinds}
    return [name for name in names() if Path(f"x{get(name).suffix}").suffix in found - {""}]


def _listed(chosen: Iterable[str]) -> str:
    return "\n".join(f"  {name}: {get(name).looks}" for name in chosen)


def _there(path: str | Path) -> Path:
    """A folder, or a file that can be read; raises UserError for what is neither."""
    path = Path(path)
    if not path.is_dir():
        if not os.path.lexists(path):
            raise UserError(f"{path}: no such file or folder")
        reading.check(path)
    return path


def _check_readable(path: Path) -> None:
    """A damaged file of arrays looks like no format, but that is not what is wrong with it."""
    if path.is_file() and path.suffix.lower() == ".npz":
        for _ in files.StoredArrays(path).values():
            pass
    elif path.is_file() and path.suffix.lower() == ".npy":
        _npy.load(path, mmap=True)


def open_collection(
    path: str | Path, format: str | None = None, *, person: int = 0, fps: float = 0.0
) -> Collection:
    """The clips of a file or folder; a single file is a collection of one.

    Args:
        path: where it lies.
        format: one of `names()`; None = found out.
        person: which of several people of a file, from 1; 0 = the one who moves.
        fps: frames a second of all that it holds, whatever it says itself; 0 = as it says.

    Raises:
        UserError: nothing there, another format, one that is of one person, or a file that the
            whole collection needs is bad.
            What is wrong with single clips is in `problems` or raised by `read`.
    """
    path = _there(path)
    name = format or detect(path)
    found = get(name)
    if person and found.open_person is None:
        raise UserError(f"{path}: --person {person}, but a clip of format {name} is of one person")
    opened = found.open_person(path, person) if person and found.open_person else found.open(path)
    opened.landmarks = found.landmarks
    if opened.assumed and not fps:
        _tell_assumed(opened.name, name, opened.assumed)
    return opened.at_rate(fps)


def _tell_assumed(place: str, name: str, fps: float) -> None:
    telling.once(
        "%s: nothing in %s tells the frames a second; %g assumed (%s, or in training %s, gives the "
        "true rate)",
        place, name, fps, rates.OPTION, rates.KEY,
    )  # fmt: skip
