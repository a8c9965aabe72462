"""Collections of clips on disk: one file a format, found by its name.

A format file has

    LOOKS                                 what such a collection looks like, for messages
    recognises(path) -> bool              whether a file or folder is in this format; cheap
    open_path(path) -> Collection         reads names and labels, not the clips

and, if clips can be written in it,

    Writer(folder, collection, **options) with add(index, entry, clip), finish(), `losses`, and
                                          LOSSES, what is lost of every clip
    write_clip(path, clip)                one clip as one file whose name ends with SUFFIX
"""

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

from jaxsign.errors import UserError, did_you_mean
from jaxsign.input.signs.formats._types import SPLITS as SPLITS
from jaxsign.input.signs.formats._types import Collection as Collection
from jaxsign.input.signs.formats._types import Entry as Entry
from jaxsign.input.signs.formats._types import in_order as in_order
from jaxsign.input.signs.formats._writing import Written as Written
from jaxsign.input.signs.formats._writing import check_beside as check_beside
from jaxsign.input.signs.formats._writing import write_collection as write_collection


def names() -> list[str]:
    """Names of the formats: the files of this folder."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in found if not name.startswith("_") and name != "commands")


def get(name: str) -> ModuleType:
    """The format `name`.

    Raises:
        UserError: there is none of that name.
    """
    if name not in names():
        raise UserError(
            f"format {name!r} is unknown.{did_you_mean(name, names())} Known: {', '.join(names())}"
        )
    return importlib.import_module(f"{__name__}.{name}")


def detect(path: str | Path) -> str:
    """The name of the format that a file or folder is in.

    Raises:
        UserError: nothing there, a damaged file, no format fits, or several do.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path}: no such file or folder")
    fitting = [name for name in names() if get(name).recognises(path)]
    if len(fitting) == 1:
        return fitting[0]
    known = "\n".join(f"  {name}: {get(name).LOOKS}" for name in fitting or names())
    if fitting:
        raise UserError(f"{path}: may be in any of these formats; name one:\n{known}")
    _check_readable(path)
    raise UserError(
        f"{path}: in none of the known formats.{_holds(path)} Expected one of:\n{known}"
    )


def _check_readable(path: Path) -> None:
    """A damaged file of arrays looks like no format, but that is not what is wrong with it."""
    from jaxsign.input import files
    from jaxsign.input.signs.formats import _npy

    if path.is_file() and path.suffix == ".npz":
        files.read_npz(path)
    elif path.is_file() and path.suffix == ".npy":
        _npy.load(path, mmap=True)


def _holds(path: Path) -> str:
    if not path.is_dir():
        return ""
    found = sorted(p.name for p in path.iterdir())
    more = f" and {len(found) - 6} more" if len(found) > 6 else ""
    return f" The folder holds {', '.join(found[:6]) or 'nothing'}{more}."


def open_collection(path: str | Path, format: str | None = None) -> Collection:
    """The clips of a file or folder; a single file is a collection of one.

    Args:
        path: where it lies.
        format: one of `names()`; None = found out.

    Raises:
        UserError: nothing there, another format, or a file that the whole collection needs is bad.
            What is wrong with single clips is in `problems` or raised by `read`.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path}: no such file or folder")
    return get(format or detect(path)).open_path(path)
