"""Writing a prepared collection: clip files stay as they are where the format stays the same."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

from jaxsign.errors import UserError, listing
from jaxsign.input.signs import formats
from jaxsign.input.signs.formats import Collection, _labels
from jaxsign.input.signs.preparing import clip_files, google_files, linking, naming
from jaxsign.whole import write_json


@dataclasses.dataclass(frozen=True)
class Placed:
    """What was written.

    Attributes:
        out: where.
        format: in which format.
        clips: how many.
        skipped: what could not be read or written, and why.
        losses: what the format cannot hold.
        files: how clip files came there that were not made anew.
    """

    out: Path
    format: str
    clips: int
    skipped: list[str]
    losses: list[str]
    files: linking.LinkCounts


def place(
    source: str | Path,
    collection: Collection,
    out: str | Path,
    format: str = "auto",
    *,
    overwrite: bool = False,
    copy: bool = False,
    on_clip: Callable[[str], None] | None = None,
) -> Placed:
    """Writes a collection that was chosen or split from another.

    Formats of one file a clip get a folder a split; where such a format stays the same, the files
    are linked or copied byte for byte. Other formats are written by `formats.write_collection`.

    Args:
        source: what the collection was opened from.
        collection: entries with the splits that they are to have.
        out: a new or empty folder.
        format: one of `formats.names()`; 'auto' = the collection's own if it can be written,
            else `clips`.
        overwrite: write into a folder in use; nothing is deleted.
        copy: copy files instead of linking them.
        on_clip: called with the name of every clip that is done.

    Raises:
        UserError: nothing to write, `out` is in use or within the source, bad or repeated names.
    """
    source, out = Path(source), Path(out)
    if not len(collection):
        raise UserError(f"{collection.name}: no clip is left to write")
    name = _format(collection, format)
    _check_places(source, out)
    foldered = formats.get(name).foldered
    google = name == "google_islr"
    collection = naming.renamed(naming.numbered(collection), foldered or google)
    if google and name == collection.format:
        plan = google_files.plan(source, collection, out)
        google_files.check(plan, overwrite)
        counts = google_files.write(plan, copy=copy, on_clip=on_clip)
        return Placed(out, name, len(collection), list(collection.problems), [], counts)
    _check_out(out, overwrite)
    # What a link leads to is filled, not the link: the draft lies on the same disk.
    place = out.resolve() if out.is_symlink() else out
    with formats.drafted(place) as folder:
        draft = folder / "whole"  # a new folder's name
        # A part of a file's clip has no file of its own to link.
        if foldered and name == collection.format and not collection.cut:
            counts = clip_files.write(source, collection, draft, copy=copy, on_clip=on_clip)
            found = Placed(out, name, len(collection), list(collection.problems), [], counts)
        elif foldered:
            found = _by_split(collection, draft, name, on_clip)
        else:
            found = _written(collection, draft, name, on_clip)
        if foldered:
            _write_names(draft, collection)
        _settle(draft, place)
    return dataclasses.replace(found, out=out)


def _format(collection: Collection, name: str) -> str:
    if name != "auto":
        formats.writer_of(name)
        return name
    return collection.format if formats.get(collection.format).writer else "clips"


def _check_places(source: Path, out: Path) -> None:
    formats.check_beside(source, out)
    if out.is_file():
        raise UserError(f"--out {out} is a file; expected the name of a folder")


def _check_out(out: Path, overwrite: bool) -> None:
    found = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    if found and not overwrite:
        more = " ..." if len(found) > 6 else ""
        raise UserError(
            f"{out}: is not empty ({', '.join(found[:6])}{more}). Choose another --out. With "
            "--overwrite files of the same name are replaced, and nothing is deleted."
        )


def _by_split(
    collection: Collection, out: Path, name: str, on_clip: Callable[[str], None] | None
) -> Placed:
    """A folder a split, each a collection of its own, in another format than the source's."""
    skipped, losses, count = list(collection.problems), set(), 0
    for split, part in naming.parts(collection):
        alone = dataclasses.replace(part, problems=[])
        found = formats.write_collection(alone, out / split, name, on_clip=on_clip)
        skipped += found.skipped
        losses |= set(found.losses)
        count += found.count
    return Placed(out, name, count, skipped, sorted(losses), linking.LinkCounts())


def _written(
    collection: Collection, out: Path, name: str, on_clip: Callable[[str], None] | None
) -> Placed:
    found = formats.write_collection(collection, out, name, on_clip=on_clip)
    return Placed(out, name, found.count, found.skipped, found.losses, linking.LinkCounts())


def _write_names(out: Path, collection: Collection) -> None:
    """The classes, for those who open all splits at once."""
    glosses, categories = collection.classes()
    write_json(out / _labels.NAMES, {"heads": {"gloss": glosses, "cat": categories}})


def _settle(draft: Path, out: Path) -> None:
    """Puts the finished draft into its place; what is there besides must not be read with it."""
    if not (out.is_dir() and any(out.iterdir())):
        formats.settle(draft, out)
        return
    new = [path.relative_to(draft) for path in sorted(draft.rglob("*")) if path.is_file()]
    stale = {p.relative_to(out) for p in out.rglob("*") if p.is_file()} - set(new)
    if stale:
        raise UserError(
            f"{out}: these files would stay, and may be read with the new ones:\n"
            f"{listing(sorted(map(str, stale)))}\nMove them away, or choose another --out. Nothing "
            "was changed."
        )
    for path in sorted(new, key=formats.lists_last):
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(draft / path, out / path)
