"""Writing a collection: a draft beside its place gets the name when whole; bad clips are told."""

import contextlib
import dataclasses
import errno
import inspect
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jaxsign import locking
from jaxsign.errors import UserError, did_you_mean
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import _names, _registry
from jaxsign.input.signs.formats._types import ClipWriter, Collection, Entry

_LOCK = ".lock"
# From here on a folder of single files is slow to open and to copy: `auto` writes a store.
STORE_FROM = 5000


@dataclasses.dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        out: where.
        format: in which format.
        count: clips.
        skipped: what could not be read or written, and why.
        losses: what the format cannot hold.
    """

    out: Path
    format: str
    count: int
    skipped: list[str]
    losses: list[str]


def write_collection(
    collection: Collection,
    out: str | Path,
    format: str = "auto",
    *,
    strict: bool = False,
    on_clip: Callable[[str], None] | None = None,
    **options: Any,
) -> Written:
    """Writes a collection in a format: a folder, or a file if its name says so.

    Nothing stands at `out` before everything is written.

    Args:
        collection: what to write.
        out: a new or empty folder; or, for a collection of one, a file whose name ends with the
            format's suffix.
        format: one of `formats.names()`; 'auto' = what a file's name says, else `clips`, and
            `store` from `STORE_FROM` clips up.
        strict: the first clip that cannot be read or written is an error; else it is left out.
        on_clip: called with the name of every clip that is done.
        options: what the format's Writer takes.

    Raises:
        UserError: `out` is in use or the disk is full, the format cannot be written or has no such
            option, a bad clip if `strict`, no good clip at all.
    """
    out = Path(out)
    name = choose(collection, out, format)
    made_by = writer_of(name)
    _check_options(name, made_by, options)
    check_out(out)
    if is_file(out, name):
        return _write_one(collection, out, name)
    # What a link leads to is replaced, not the link.
    place = out.resolve() if out.is_symlink() else out
    skipped = list(collection.problems)
    if strict and skipped:
        raise UserError(skipped[0])
    collection = _well_named(collection, strict, skipped)
    with drafted(place) as draft:
        check_out(place)  # another may have ended meanwhile
        try:
            writer = made_by(draft, collection, **options)
            count = _add_all(collection, writer, strict, skipped, on_clip)
            writer.finish()
            settle(draft, place)
        except OSError as error:
            free = shutil.disk_usage(place.parent).free >> 20
            raise UserError(
                f"{out}: nothing was written: {error}. The disk has {free:,} MiB left."
            ) from error
    return Written(out, name, count, skipped, sorted(writer.losses))


@contextlib.contextmanager
def drafted(place: Path) -> Iterator[Path]:
    """An empty folder beside `place`; what a killed process left in it is removed first."""
    place = place.absolute()  # "." has a name too
    draft = place.with_name(f".{place.name}.partial")
    with locking.alone(draft, _LOCK, "--out", f"writes {place.name}"):
        mine = draft.stat()
        try:
            for left in list(draft.iterdir()):
                if left.is_dir() and not left.is_symlink():
                    shutil.rmtree(left)
                elif left.name != _LOCK:
                    left.unlink()
            yield draft
        finally:
            # Where it has got its name, another process may have begun a new one.
            if draft.exists() and os.path.samestat(mine, draft.stat()):
                shutil.rmtree(draft, ignore_errors=True)


def settle(draft: Path, place: Path) -> None:
    """Gives a finished draft its place, a new or empty folder: in one act."""
    if place.is_dir() and place.samefile(Path.cwd()):  # whoever stands in it is to see the files
        for path in sorted(draft.iterdir(), key=lists_last):
            os.replace(path, place / path.name)
    else:
        os.replace(draft, place)
    # Only now: it keeps others from the draft to the end.
    (place / _LOCK).unlink(missing_ok=True)


def lists_last(path: Path) -> bool:
    """A key to sort files by, so that what a list names is there before it."""
    return path.suffix in (".csv", ".json")


def _add_all(
    collection: Collection,
    writer: ClipWriter,
    strict: bool,
    skipped: list[str],
    on_clip: Callable[[str], None] | None,
) -> int:
    count = 0
    for index, clip in _clips(collection, strict, skipped):
        entry = collection.entries[index]
        try:
            _add(writer, index, entry, clip)
            count += 1
        except UserError as error:
            if strict:
                raise UserError(f"{entry.name}: {error}") from error
            skipped.append(f"{entry.name}: {error}")
        if on_clip:
            on_clip(entry.name)
    if not count:
        first = f" First: {skipped[0]}" if skipped else ""
        raise UserError(f"{collection.name}: none of {len(skipped)} clips could be written.{first}")
    return count


def _add(writer: ClipWriter, index: int, entry: Entry, clip: Clip) -> None:
    try:
        writer.add(index, entry, clip)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise UserError("its name is too long for a file") from error


def _clips(collection: Collection, strict: bool, skipped: list[str]) -> Iterator[tuple[int, Clip]]:
    """The clips that can be read, with their numbers."""
    for index in range(len(collection)):
        try:
            clip = collection.read(index)
        except UserError as error:
            if strict:
                raise
            skipped.append(str(error))
            continue
        yield index, clip


def _well_named(collection: Collection, strict: bool, skipped: list[str]) -> Collection:
    """The entries whose names and labels come back from what is written."""
    _names.check_classes(collection)
    seen: set[str] = set()
    kept = []
    for index, entry in enumerate(collection.entries):
        try:
            if entry.name in seen:
                raise UserError(f"{entry.name!r} is the name of two clips")
            _names.check(entry)
            seen.add(entry.name)
            kept.append(index)
        except UserError as error:
            if strict:
                raise
            skipped.append(str(error))
    return collection if len(kept) == len(collection) else collection.part(kept)


def choose(collection: Collection, out: Path, format: str) -> str:
    """The format's name for what a person asked for."""
    if format != "auto":
        return format
    fitting = [name for name in _registry.names() if is_file(out, name)]
    if fitting:
        return max(fitting, key=lambda name: len(_registry.get(name).suffix))
    if out.suffix == ".store":
        return "store"
    return "clips" if len(collection) < STORE_FROM else "store"


def writer_of(name: str) -> type[ClipWriter]:
    """What writes the format `name`.

    Raises:
        UserError: there is no such format, or it can be read alone.
    """
    found = _registry.get(name).writer
    if found is None:
        raise UserError(f"format {name!r} can be read but not written")
    return found


def is_file(out: Path, name: str) -> bool:
    """Whether `out` is the name of a single file in format `name`."""
    found = _registry.get(name)
    return found.write_clip is not None and out.name.endswith(found.suffix)


def _write_one(collection: Collection, out: Path, name: str) -> Written:
    if len(collection) != 1:
        raise UserError(
            f"{out} is the name of one file, but {collection.name} holds {len(collection)} clips. "
            "Give a folder."
        )
    write = _registry.get(name).write_clip
    assert write is not None  # as `is_file` says
    write(out, collection.read(0))
    return Written(out, name, 1, [], sorted(writer_of(name).LOSSES))


def _check_options(name: str, writer: Callable, options: dict[str, Any]) -> None:
    known = list(inspect.signature(writer).parameters)[2:]
    for option in options:
        if option not in known:
            raise UserError(
                f"format {name!r} has no option {option!r}.{did_you_mean(option, known)} "
                f"It has: {', '.join(known) or 'none'}"
            )


def check_out(out: Path) -> None:
    """A folder or file that is written must be new, or empty.

    Raises:
      UserError: there is something, or no place for it.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UserError(f"{out} exists already. Choose another --out or remove that one.")
    if out.is_symlink() and not out.exists():
        raise UserError(f"{out} is a link that leads nowhere. Choose another --out or remove it.")
    for folder in out.parents:
        if folder.exists() and not folder.is_dir():
            raise UserError(f"--out {out}: {folder} is a file; expected the name of a folder")


def check_beside(source: Path, out: Path) -> None:
    """A folder's clips must not be written into it, where they would be read with it.

    Raises:
        UserError: `out` is `source`, or lies in it.
    """
    inner, outer = out.resolve(), source.resolve()
    if inner == outer or outer in inner.parents:
        raise UserError(
            f"--out {out} lies in {source}, which would then hold its clips twice. Choose a folder "
            "beside it."
        )
