"""SignON's data sets as a recipe names them: one folder a language, in one numbering of labels.

A label is a class of the joint head. So the folders' labels are disjoint ranges that leave nothing
out, or each begins at 0 and is moved behind those of the folders before (`data.offset_labels`).
"""

import collections
import dataclasses
import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.input import labels
from jaxsign.input.signs import folding, formats, signon_arrays, signon_films, signon_kinds
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import signon

Array = np.ndarray
_Reader = signon_arrays.PointFiles | signon_films.FilmFiles


@dataclasses.dataclass(frozen=True)
class _Part:
    """A folder as a part of the whole.

    Attributes:
      folder, table: and its table of samples.
      name: of the folder, in clips' names.
      first: the class of its label 0.
      used: classes from its lowest to its highest.
      occurring: those of them that a row or its list of glosses has.
    """

    folder: Path
    table: signon.Samples
    name: str
    first: int
    used: range
    occurring: frozenset[int]


@dataclasses.dataclass(frozen=True)
class _Files:
    """Reads clip i of all folders; a plain object, which workers can receive."""

    readers: Sequence[_Reader]
    entries: Sequence[formats.Entry]

    def clip(self, index: int) -> Clip:
        return self._reader(index).clip(self._path(index))

    def frames(self, index: int) -> int:
        return self._reader(index).frames(self._path(index))

    def arrays(self, index: int) -> dict[str, Array]:
        return self._reader(index).array(self._path(index))

    def _reader(self, index: int) -> _Reader:
        return self.readers[self.entries[index].language]

    def _path(self, index: int) -> Path:
        path = self.entries[index].path
        assert path is not None
        return path


def places(data: ConfigDict, split: str) -> list[Path]:
    """The folders of a split, one a language.

    Raises:
      UserError: none is named, one is not there, or a split has a path besides data.parts.
    """
    for other in formats.SPLITS:
        if data.parts and data[other].path:
            raise UserError(
                f"data.{other}.path={data[other].path}, besides data.parts={tuple(data.parts)}; "
                "expected one of them: the folders of data.parts hold all splits (Subset in "
                f"{data.samples_file}). Leave data.{other}.path out"
            )
    own = split if data[split].path else "train"
    key = "data.parts" if data.parts else f"data.{own}.path"
    named = data.parts or tuple(filter(None, [data[own].path]))
    if not named:
        raise UserError(
            "data.parts is not set. Give the folders, one a language: "
            "--config.data.parts=\"('DIR',)\", or one alone: --config.data.train.path=DIR"
        )
    for place in named:
        if not Path(place).is_dir():
            raise UserError(f"{key}: {place}: no such folder")
    return [Path(place) for place in named]


def gather(data: ConfigDict, split: str) -> formats.Collection:
    """The clips of all folders; those of training as the recipe chooses them, for that split.

    Raises:
      UserError: a folder, its table or `data.aspect` is no good, or the labels do not fit together.
    """
    kind, folders = signon_kinds.get(data.kind), places(data, split)
    aspects = _aspects(data, folders, kind)
    parts = _parts(folders, data)
    names, problems = _names(parts), []
    entries: list[formats.Entry] = []
    for number, part in enumerate(parts):
        numbers = [i + part.first if i >= 0 else i for i in part.table.numbers]
        table = dataclasses.replace(part.table, numbers=numbers, names=names)
        suffix = signon.SUFFIX if kind.layout.points else ""
        found = signon.entries_of(table, part.folder / kind.folder, suffix)
        prefix = f"{part.name}/" if len(parts) > 1 else ""
        entries += _chosen(
            [dataclasses.replace(e, name=prefix + e.name, language=number) for e in found],
            data,
            split,
        )
        problems += [*table.problems, *_other_subsets(table)]
    files = _Files([_reader(kind, aspect) for aspect in aspects], entries)
    return formats.Collection(
        ", ".join(map(str, folders)),
        "signon",
        entries,
        files.clip,
        problems,
        glosses=names,
        counter=files.frames,
        # Points of MediaPipe as they were found are clips: other views may take them too.
        arrays=files.arrays if kind.stored else None,
        rate=signon.FPS,
    )


def _reader(kind: signon_kinds.DataKind, aspect: float) -> _Reader:
    return (
        signon_arrays.PointFiles(kind, aspect) if kind.layout.points else signon_films.FilmFiles()
    )


def _parts(folders: Sequence[Path], data: ConfigDict) -> list[_Part]:
    """The folders with their tables, whose labels fit together."""
    called = [folder.name for folder in folders]
    if len(set(called)) < len(called):
        called = [str(number) for number in range(len(folders))]
    found: list[_Part] = []
    for folder, name in zip(folders, called, strict=True):
        table = signon.read_table(folder, data.samples_file)
        numbers = {number for number in table.numbers if number >= 0}
        if not numbers:
            labels.raise_all(table.problems, str(table.path))
        # Among several folders with one numbering a list of glosses is of all of them.
        if data.offset_labels or len(folders) == 1:
            numbers |= {0, *range(len(table.names))}
        first = found[-1].used.stop if data.offset_labels and found else 0
        used = range(first + min(numbers), first + max(numbers) + 1)
        occurring = frozenset(first + n for n in numbers if table.names or n in table.numbers)
        found.append(_Part(folder, table, name, first, used, occurring))
    _check_labels(found)
    return found


def _check_labels(parts: Sequence[_Part]) -> None:
    """Raises UserError where the labels of folders overlap, or leave out a class."""
    for one, other in itertools.combinations(parts, 2):
        both = sorted(set(one.used) & set(other.used))
        if both:
            raise UserError(
                f"{other.table.path}: labels {other.used[0]} to {other.used[-1]} overlap with "
                f"{one.table.path}, {one.used[0]} to {one.used[-1]} (both: {_some(both)}); "
                "expected ranges that are disjoint, one a language. If each begins at 0: "
                "--config.data.offset_labels=True"
            )
    used = {number for part in parts for number in part.occurring}
    missing = sorted(set(range(max(used) + 1)) - used)
    if missing:
        where = ", ".join(str(part.table.path) for part in parts)
        raise UserError(
            f"{where}: no row has label {_some(missing)}, though they go up to {max(used)}; "
            "expected 0, 1, 2, ... without gaps. Number them anew, or name all signs in glosses.csv"
        )


def _some(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:5]))
    return shown + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")


def _names(parts: Sequence[_Part]) -> tuple[str, ...]:
    """Names of all classes; of two languages' signs of one name each has its folder's behind it."""
    owners: dict[int, tuple[str, str]] = {}
    for part in parts:
        for number in part.used:
            own = part.table.names
            owners[number] = (own[number - part.first] if own else str(number), part.name)
    counts = collections.Counter(name for name, _ in owners.values())
    return tuple(
        name if counts[name] == 1 else f"{name} ({folder})"
        for name, folder in (owners[number] for number in sorted(owners))
    )


def _other_subsets(table: signon.Samples) -> list[str]:
    return [
        f"{table.path} line {row.number}: Subset {row.cells['Subset']!r}, expected "
        f"{', '.join(formats.SPLITS)}"
        for row in table.rows
        if row.cells["Subset"] not in formats.SPLITS
    ]


def _chosen(entries: list[formats.Entry], data: ConfigDict, split: str) -> list[formats.Entry]:
    """The entries of a folder that belong to a subset; for training as the recipe chooses."""
    kept = [entry for entry in entries if entry.split]
    if split != "train":
        return kept
    if data.retrain_on_all:
        kept = [dataclasses.replace(e, split="train") if e.split == "val" else e for e in kept]
    training = [entry for entry in kept if entry.split == "train"]
    signs = [entry.glosses for entry in training]
    # Of folds the one that is held back stays whole: the share is that of the others.
    share = 1.0 if data.folds.count else data.learning_curve
    first = folding.first_of_each(signs, share, "data.learning_curve")
    return [entry for entry in kept if entry.split != "train"] + [training[i] for i in first]


def _aspects(
    data: ConfigDict, folders: Sequence[Path], kind: signon_kinds.DataKind
) -> tuple[float, ...]:
    """Of each folder's films; 0 = not given.

    Raises:
      UserError: not one a folder, or not height / width.
    """
    given = tuple(float(aspect) for aspect in data.aspect)
    if given and kind.generation != "B":
        raise UserError(
            f"data.aspect={given} is for data.kind='Mediapipe': those of {kind.name!r} are taken "
            "as they are stored; leave it out"
        )
    if given and len(given) != len(folders):
        raise UserError(
            f"data.aspect={given} has {len(given)} numbers, expected {len(folders)}, one for each "
            f"folder: {', '.join(map(str, folders))}"
        )
    for aspect in given:
        if not 0 < aspect < math.inf:
            raise UserError(
                f"data.aspect={given}: {aspect:g}, expected height / width above 0, such as 0.5625 "
                "of films of 1920 x 1080"
            )
        if aspect > 1 and not data.portrait:
            raise UserError(
                f"data.aspect={given}: {aspect:g}, expected height / width, which is at most 1; is "
                f"it width / height? Then give {1 / aspect:.4g}. For films higher than wide: "
                "--config.data.portrait=True"
            )
    return given or (0.0,) * len(folders)
