"""What a format is, and what every format reads into: labelled entries, and clips on demand."""

import abc
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError
from jaxsign.input import tables
from jaxsign.input.signs import rates
from jaxsign.input.signs.clip import Clip
from jaxsign.sections.data import SPLITS as SPLITS

_Value = TypeVar("_Value")


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One clip of a collection, without its landmarks.

    Attributes:
        name: unique in the collection; a posix path without a suffix.
        glosses: names of what is signed, in order; () = unlabelled.
        category: the name of the gloss's category, "" where there is none.
        signer: who signs, "" where unknown.
        split: 'train', 'val', 'test', or "" where the collection has no splits.
        path: the file that holds the clip, None where it has none of its own.
        language: the number of the language that is signed, where there are several.
    """

    name: str
    glosses: tuple[str, ...] = ()
    category: str = ""
    signer: str = ""
    split: str = ""
    path: Path | None = None
    language: int = 0

    def __post_init__(self) -> None:
        # Names are compared: the two Unicode forms of a word are one class.
        if not "".join((self.name, *self.glosses, self.category, self.signer)).isascii():
            object.__setattr__(self, "name", tables.nfc(self.name))
            object.__setattr__(self, "glosses", tuple(map(tables.nfc, self.glosses)))
            object.__setattr__(self, "category", tables.nfc(self.category))
            object.__setattr__(self, "signer", tables.nfc(self.signer))


@dataclasses.dataclass
class Collection:
    """Clips of one format with random access.

    Attributes:
        name: for messages: where it lies.
        format: the format's name.
        entries: what there is.
        reader: i -> Clip; raises UserError where the file is bad.
        problems: what is wrong besides the entries: rows without a file, unknown signs, ...
        glosses: the gloss classes in the format's own order, () where it has none.
        categories: the category classes likewise.
        counter: i -> frames, where that is cheaper than reading the clip.
        indexed: the frames of all are known, without opening a file for each.
        arrays: i -> what is stored of it, by key ("" where there is but one), for formats whose
            arrays a recogniser may take as they are; None = there are clips alone.
        rate: frames a second of these arrays; 0 = nothing tells.
        cut: some clips are parts of a file's, by its own times.
        landmarks: it holds clips of landmarks; else `arrays` alone.
        assumed: frames a second of the clips where nothing tells their rate; 0 = something does.
    """

    name: str
    format: str
    entries: list[Entry]
    reader: Callable[[int], Clip]
    problems: list[str] = dataclasses.field(default_factory=list)
    glosses: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    counter: Callable[[int], int] | None = None
    indexed: bool = False
    arrays: Callable[[int], Mapping[str, np.ndarray]] | None = None
    rate: float = 0.0
    cut: bool = False
    assumed: float = 0.0
    landmarks: bool = True

    def __post_init__(self) -> None:
        self.glosses = tuple(map(tables.nfc, self.glosses))
        self.categories = tuple(map(tables.nfc, self.categories))

    def __len__(self) -> int:
        return len(self.entries)

    def read(self, index: int) -> Clip:
        """Clip `index`.

        Raises:
            UserError: the file is missing, damaged or of another layout.
        """
        try:
            return self.reader(index)
        except (ValueError, TypeError, ArithmeticError, LookupError) as error:
            # What no reader foresaw in a file is still the file's fault.
            place = self.entries[index].path or f"{self.name}/{self.entries[index].name}"
            reason = reading.quoted(f"{type(error).__name__}: {error}")
            raise UserError(f"{place}: is no good {self.format} clip ({reason})") from error

    def frames(self, index: int) -> int:
        """Frames of clip `index`, from its file's header where the format allows.

        Raises:
            UserError: the file is missing or damaged.
        """
        return self.counter(index) if self.counter else len(self.read(index))

    def classes(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(glosses, categories): the format's own order, then names that it lacks, sorted."""
        signed = [gloss for entry in self.entries for gloss in entry.glosses]
        return (
            in_order(self.glosses, signed),
            in_order(self.categories, [entry.category for entry in self.entries]),
        )

    def at_rate(self, fps: float) -> "Collection":
        """The same frames at so many a second, whatever the files say; 0 = as they say.

        Raises:
            UserError: clips are cut by the times that are wrong.
        """
        if not fps:
            return self
        if self.cut:
            raise UserError(
                f"{self.name}: its labels cut clips (start, end) by the times that the files say, "
                "so the rate cannot be another one. Convert the clips to their true rate without "
                "these columns first: jaxsign convert --source-fps N"
            )
        return dataclasses.replace(self, reader=rates.Timed(self.reader, fps), rate=fps)

    def part(self, indices: Iterable[int]) -> "Collection":
        """The entries `indices` alone; classes stay as they are."""
        chosen = list(indices)
        return dataclasses.replace(
            self,
            entries=[self.entries[i] for i in chosen],
            reader=At(self.reader, chosen),
            counter=self.counter and At(self.counter, chosen),
            arrays=self.arrays and At(self.arrays, chosen),
        )


@dataclasses.dataclass(frozen=True)
class At(Generic[_Value]):
    """A function of what stands at an index; unlike a closure it can be pickled."""

    function: Callable[[Any], _Value]
    chosen: Sequence[Any]

    def __call__(self, index: int) -> _Value:
        return self.function(self.chosen[index])


def of_files(
    path: Path,
    format: str,
    entries: list[Entry],
    load: Callable[[Path], Clip],
    frames: Callable[[Path], int] | None = None,
    arrays: Callable[[Path], Mapping[str, np.ndarray]] | None = None,
    **rest: Any,
) -> Collection:
    """A collection whose entries all have a file of their own.

    Args:
        path: where it lies.
        format: its name.
        entries: all with a path.
        load: file -> Clip.
        frames: file -> frames, where that is cheaper.
        arrays: file -> what it stores, for formats with arrays.
        rest: other fields of the collection.
    """
    paths = [entry.path for entry in entries]
    return Collection(
        str(path),
        format,
        entries,
        At(load, paths),
        counter=frames and At(frames, paths),
        arrays=arrays and At(arrays, paths),
        **rest,
    )


def in_order(known: Sequence[str], found: Iterable[str]) -> tuple[str, ...]:
    """`known`, then the names that occur besides: whole numbers by value, then words."""
    rest = {name for name in found if name} - set(known)
    return (*known, *sorted(rest, key=_number_first))


def _number_first(name: str) -> tuple[bool, int, str]:
    number = name.isascii() and name.isdigit()
    return not number, int(name) if number else 0, name


class ClipWriter(abc.ABC):
    """Writes the clips of a collection into a new folder, one after the other.

    A format's writer may take options of its own besides, all with defaults.

    Attributes:
        LOSSES: what the format keeps of no clip.
        losses: what was lost of those written so far, `LOSSES` among it.
    """

    LOSSES: frozenset[str] = frozenset()

    def __init__(self, folder: Path, collection: Collection):
        self._folder, self._collection = folder, collection
        self.losses: set[str] = set(self.LOSSES)

    @abc.abstractmethod
    def add(self, index: int, entry: Entry, clip: Clip) -> None:
        """Writes clip `index`.

        Raises:
            UserError: the format cannot hold it.
        """

    @abc.abstractmethod
    def finish(self) -> None:
        """Writes what the clips have in common; without it the folder is not whole."""


@dataclasses.dataclass(frozen=True)
class Format:
    """What a file of this folder tells of its format, as its `FORMAT`.

    Attributes:
        looks: what such a collection looks like, for messages.
        recognises: whether a file or folder is in this format; cheap.
        open: reads names and labels of a file or folder, not the clips.
        writer: writes a folder in this format; None = it can be read alone.
        write_clip: writes one clip as one file, for formats that have such files.
        suffix: with which the names of the files end that hold clips, one or many.
        foldered: it is a folder of such files with labels.csv beside them.
        archive: one file holds all clips.
        landmarks: its clips can be read; else it holds other arrays (`Collection.arrays`) alone.
        open_person: as `open`, of the person of this number, from 1, where files hold several.
    """

    looks: str
    recognises: Callable[[Path], bool]
    open: Callable[[Path], Collection]
    writer: type[ClipWriter] | None = None
    write_clip: Callable[[Path, Clip], None] | None = None
    suffix: str = ""
    foldered: bool = False
    archive: bool = False
    landmarks: bool = True
    open_person: Callable[[Path, int], Collection] | None = None
