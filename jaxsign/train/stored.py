"""Checkpoints as they lie on disk, read without Orbax, which wrote them.

Its import and its start take as long as all else before an answer. What it writes are arrays in a
store of tensorstore's, and JSON. A state to go on from is its own to restore, as types are
(`storage`).
"""

import contextlib
import json
import logging
import os
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import tensorstore
from flax import traverse_util

from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.train import digests
from jaxsign.whole import is_full

# What the library takes for patterns, separators or a cloud's address, and what is no UTF-8.
_SPECIAL = re.compile(r"[][*?\\:\ud800-\udfff]")
_OPEN_FOLDERS = Path("/proc/self/fd")


def read(
    folder: Path,
    number: int,
    arrays: Collection[str] = (),
    values: Collection[str] = (),
    advice: str = "",
) -> tuple[dict[str, Any], digests.Digests | None]:
    """Parts of a checkpoint, on the host, and its digests; None where it was made without.

    Nothing is changed: another process may be writing there just now.

    Args:
      folder: of the checkpoints.
      number: of the checkpoint.
      arrays: parts that are trees of arrays; lists come as dicts, what is empty as {}.
      values: parts that are JSON.
      advice: a sentence on what to do without it.

    Raises:
      UserError: it is damaged.
    """
    place = folder / str(number)
    with explained(place, advice=advice), reachable(folder) as opened:
        whole = opened / place.name
        stored = digests_of(whole)
        found = {name: _tree(whole / name) for name in arrays}
        found |= {name: _value(whole / name) for name in values}
        for name in arrays:
            digests.check(place, name, digests.of_arrays(name, found[name]), stored, advice)
        for name in values:
            digests.check(place, name, digests.of_value(name, found[name]), stored, advice)
    return found, stored


def read_tree(place: Path) -> nets.Tree:
    """A tree of arrays that has no number."""
    with explained(place), reachable(place.parent) as opened:
        return _tree(opened / place.name)


def digests_of(place: Path) -> digests.Digests | None:
    """The digests of a checkpoint; None where it was made without."""
    part = place / digests.PART
    return dict(_value(part)) if part.is_dir() else None


def _value(place: Path) -> Any:
    return json.loads((place / "metadata").read_bytes())


def _tree(place: Path) -> nets.Tree:
    told = json.loads((place / "_METADATA").read_bytes())
    # All arrays lie in one store, whose table is read once.
    context = tensorstore.Context({"cache_pool": {"total_bytes_limit": 1 << 20}})
    store = {"driver": "ocdbt", "base": {"driver": "file", "path": f"{place}/"}}
    opened, found = {}, dict[tuple[str, ...], Any]()
    for entry in told["tree_metadata"].values():
        keys = tuple(str(part["key"]) for part in entry["key_metadata"])
        if entry["value_metadata"]["skip_deserialize"]:  # None, {} and the like
            found[keys] = {}
            continue
        kept = {"driver": "zarr", "kvstore": {**store, "path": f"{'.'.join(keys)}/"}}
        opened[keys] = tensorstore.open(kept, open=True, read=True, context=context)
    reading = {keys: array.result().read() for keys, array in opened.items()}
    found |= {keys: array.result() for keys, array in reading.items()}
    return traverse_util.unflatten_dict(found)


def latest(folder: Path) -> int | None:
    """The number of the newest complete checkpoint in a folder; None where there is none."""
    return max(numbers(folder), default=None)


def numbers(folder: Path) -> set[int]:
    """The numbers of the checkpoints in a folder."""
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return {int(name) for name in names if name.isdecimal()}


@contextlib.contextmanager
def reachable(folder: Path) -> Iterator[Path]:
    """A name of `folder` that the checkpoint library takes for nothing but a name.

    Raises:
      UserError: there is none on this system.
    """
    if not _SPECIAL.search(str(folder)):
        yield folder
        return
    if not _OPEN_FOLDERS.is_dir():
        raise UserError(
            f"{str(folder)!r}: checkpoints cannot be kept under this name on this system. Choose a "
            r"folder whose path has none of [ ] * ? \ :"
        )
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield _OPEN_FOLDERS / str(number)
    finally:
        os.close(number)


@contextlib.contextmanager
def explained(place: Path, *, writing: bool = False, advice: str = "") -> Iterator[None]:
    """Turns what storage raises into one message; the last complete checkpoint stays.

    What the library logs besides is not shown, also where this is a part of another program.
    """
    log = logging.getLogger("absl")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # Orbax and tensorstore raise many types
        raise UserError(_explanation(place, error, writing, advice).rstrip()) from error
    finally:
        log.setLevel(before)


def _explanation(place: Path, error: Exception, writing: bool, advice: str) -> str:
    text = str(error)
    if is_full(error) or any(word in text for word in ("No space left", "ENOSPC", "Disk quota")):
        free = shutil.disk_usage(_existing(place)).free / 1e6
        return (
            f"{place}: the disk is full ({free:.0f} MB free), so this checkpoint was not written."
            f"{_previous(place)} Free some space and repeat the command."
        )
    if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
        return f"{place}: cannot be written or read ({error.strerror or error})"
    reason = text.strip().splitlines()[0][:200] if text.strip() else type(error).__name__
    if writing:
        return f"{place}: the checkpoint could not be written ({reason}).{_previous(place)}"
    return (
        f"{place}: this checkpoint cannot be used ({reason}). It is damaged, or belongs to another "
        f"net than config.json says. {advice}"
    )


def _previous(folder: Path) -> str:
    return "" if latest(folder) is None else " The previous one is complete."


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())
