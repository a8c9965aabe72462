"""What clips and classes are called in a prepared data set."""

import dataclasses
from collections.abc import Iterator

from jaxsign.errors import UserError, listing
from jaxsign.input.signs.formats import SPLITS, Collection, Entry, _names

_MOST_CLASSES = 100_000


def bare_name(entry: Entry) -> str:
    """The entry's name without its split's folder."""
    return entry.name.removeprefix(f"{entry.split}/") if entry.split else entry.name


def numbered(collection: Collection) -> Collection:
    """Classes that have numbers for names keep these, though some numbers may not occur."""
    glosses, categories = collection.classes()
    return dataclasses.replace(
        collection,
        glosses=glosses if collection.glosses else _counted(glosses),
        categories=categories if collection.categories else _counted(categories),
    )


def _counted(names: tuple[str, ...]) -> tuple[str, ...]:
    numbers = all(name.isascii() and name.isdigit() for name in names)
    if not names or not numbers or max(map(int, names)) >= _MOST_CLASSES:
        return names
    return tuple(map(str, range(max(map(int, names)) + 1)))


def renamed(collection: Collection, foldered: bool) -> Collection:
    """Names without folders of the old splits, with one of the new if `foldered`; still unique."""
    entries = collection.entries
    for names in ([_bare(entry.name) for entry in entries], [entry.name for entry in entries]):
        if foldered:
            pairs = zip(entries, names, strict=True)
            names = [f"{e.split}/{name}" if e.split else name for e, name in pairs]
        # Two old splits may have a clip of the same name: then it keeps the old split's folder.
        if len(set(names)) == len(names):
            break
    bad = [name for name in names if not _names.is_plain(name)]
    if bad:
        raise UserError(
            f"{collection.name}: {len(bad)} clips have names that no file can have:\n"
            f"{listing(map(repr, bad))}\nRename them: {_names.GOOD_NAME}."
        )
    pairs = zip(entries, names, strict=True)
    return dataclasses.replace(
        collection, entries=[dataclasses.replace(entry, name=name) for entry, name in pairs]
    )


def _bare(name: str) -> str:
    first, _, rest = name.partition("/")
    return rest if rest and first in SPLITS else name


def parts(collection: Collection) -> Iterator[tuple[str, Collection]]:
    """Each split that occurs ("" first), its clips named without it; all have the same classes."""
    for split in ("", *SPLITS):
        chosen = [i for i, entry in enumerate(collection.entries) if entry.split == split]
        if chosen:
            part = collection.part(chosen)
            entries = [dataclasses.replace(e, name=bare_name(e)) for e in part.entries]
            yield split, dataclasses.replace(part, entries=entries)
