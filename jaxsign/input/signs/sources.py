"""Where examples come from: a place in any format, opened and checked as a recipe says.

`data.SPLIT.path` says where a split lies. Where the clips know their splits themselves, one path
serves all: a split without a path is looked for in the training data.
"""

import dataclasses
import functools
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError, did_you_mean, listing
from jaxsign.input import labels, segments, tables
from jaxsign.input.folders import finding, progress
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import (
    cuts,
    folding,
    formats,
    fslr_npz,
    numbering,
    rates,
    signon_parts,
    synthetic,
)
from jaxsign.input.signs.clip import Clip
from jaxsign.sections.data import SPLITS

Array = np.ndarray
_LOG = logging.getLogger("jaxsign")
_MANY = 1000  # clips whose files are opened with a bar
_HELD_BYTES = 1 << 30


@dataclasses.dataclass(frozen=True)
class Source:
    """Checked examples with random access.

    Attributes:
      name: for messages.
      ids: a name for every example.
      lengths: int32 [N], frames.
      labels: int32 [N] for every head.
      class_names: names of every head's classes, as far as they are known.
      reader: i -> Clip, or an array that is already what a view would give: float32 [T, D] (or
        uint8 [T, H, W, 3] frames).
      paths: the file of every example, None where it has none.
      occluded: bool [N], where the labels tell.
      sequences: the glosses of every example in order, where it holds several.
      signers: who signs every example, "" where unknown; () where nothing tells.
      rate: frames a second of arrays that are what a view would give; 0 = not told.
      languages: int32 [N], of every example, where there may be several.
      num_languages: how many there are, also of those without an example here; 0 = not told.
    """

    name: str
    ids: list[str]
    lengths: Array
    labels: dict[str, Array]
    reader: Callable[[int], Clip | Array]
    class_names: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    paths: list[Path | None] = dataclasses.field(default_factory=list)
    occluded: Array | None = None
    sequences: list[tuple[int, ...]] | None = None
    signers: Sequence[str] = ()
    rate: float = 0.0
    languages: Array | None = None
    num_languages: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    def read(self, index: int) -> Clip | Array:
        """Example `index`."""
        return self.reader(index)

    def sample(self, count: int, seed: int = 42) -> "Source":
        """At most `count` examples, drawn at random, in their order here."""
        if len(self) <= count:
            return self
        return self.part(
            np.sort(np.random.default_rng(seed).choice(len(self), count, replace=False))
        )

    def part(self, kept: Array) -> "Source":
        """The examples at places int [n]."""
        return dataclasses.replace(
            self,
            ids=[self.ids[i] for i in kept],
            lengths=self.lengths[kept],
            labels={head: values[kept] for head, values in self.labels.items()},
            reader=formats.At(self.reader, kept.tolist()),
            paths=[self.paths[i] for i in kept] if self.paths else [],
            occluded=None if self.occluded is None else self.occluded[kept],
            sequences=None if self.sequences is None else [self.sequences[i] for i in kept],
            signers=[self.signers[i] for i in kept] if self.signers else (),
            languages=None if self.languages is None else self.languages[kept],
        )


@dataclasses.dataclass(frozen=True)
class SourceKind:
    """What a name of `data.source` means.

    Attributes:
      format: that the place must be in; "" = any.
      stored: what the format stores is taken as it is, where it has such arrays, not as clips.
      table: rows of labels.csv, with class numbers and in their order, name the examples. Each
        split has a path of its own.
      made: there is no place: the examples are made of the recipe.
      gather: what the section `data` names for a split, where that is more than one place.
      places: the folders that these are, checked; with `gather` alone.
      id: of an example; its own name if None.
      numbered: labels are class numbers of the recipe's own, not names of signs.
    """

    format: str = ""
    stored: bool = False
    table: bool = False
    made: bool = False
    gather: Callable[[ConfigDict, str], formats.Collection] | None = None
    places: Callable[[ConfigDict, str], Sequence[Path]] | None = None
    id: Callable[[formats.Entry], str] | None = None

    @property
    def numbered(self) -> bool:
        return self.table or self.made


def _row_id(entry: formats.Entry) -> str:
    return f"{entry.split}-{int(entry.name.rpartition('/')[2])}-{entry.glosses[0]}"


_KINDS = {
    "clips": SourceKind("clips", table=True),
    "collection": SourceKind(),
    "landmarks75": SourceKind("sequences", id=_row_id),
    "npz": SourceKind("fslr", table=True, stored=True),
    "sentences": SourceKind("sentences", stored=True),
    "signon": SourceKind(
        "signon", stored=True, gather=signon_parts.gather, places=signon_parts.places
    ),
    "synthetic": SourceKind(made=True),
    "whispersign": SourceKind(stored=True),
}


def open_source(
    data: ConfigDict, split: str, num_classes: Mapping[str, int] | None = None
) -> Source:
    """The examples of `split` ('train', 'val', 'test') of `config.data`, all checked.

    Every file is opened, but only as far as its length needs.

    Args:
      data: `config.data`.
      split: which.
      num_classes: classes of each head that the recipe fixes; labels beyond them are an error.

    Raises:
      UserError: everything that is wrong with the files and labels, at once. With
        `data.missing=skip` clips with a problem (for a table: without their file) are left out,
        counted and told instead.
    """
    kind = kind_of(data)
    open_split = _of_table if kind.table else _of_collection
    with tables.encoded(data.encoding):
        folded = data.folds.count > 0 and split != "test"
        opened = "train" if folded else split
        try:
            source = open_split(kind, data, opened, dict(num_classes or {}))
        except UserError as error:
            raise UserError(f"{error}{_other_reader(kind, data, opened)}") from error
        if folded:
            source = _fold(source, data, split)
        # What is gathered has taken its share of every folder.
        if split == "train" and data.learning_curve < 1 and (folded or kind.gather is None):
            source = _first(source, data)
    if not len(source):
        raise UserError(f"{source.name}: no examples")
    return source.sample(data.max_clips) if data.max_clips else source


def _other_reader(kind: SourceKind, data: ConfigDict, split: str) -> str:
    """What reads the clips of a place that `kind` cannot read; "" = nothing is known."""
    named = data[split].path or data.train.path
    if not (kind.format and named and Path(named).is_dir()):
        return ""
    try:
        found = formats.detect(named)
        if found == kind.format and not (kind.table and _has_names_alone(_place(data, split)[1])):
            return ""
    except UserError:
        return ""
    return (
        f"\n{named} is in the format {found}, which --config.data.source=collection reads, with "
        "names as labels"
    )


def _has_names_alone(table: Path) -> bool:
    """Whether a labels file tells glosses by name, and no class numbers."""
    cells = tables.read_rows(table, ("file",))[0].cells
    return "glosses" in cells and "gloss" not in cells


def _fold(source: Source, data: ConfigDict, split: str) -> Source:
    """What a split holds of the training clips that are shared out in folds."""
    labels = single_labels(source, ("gloss",)).labels
    signers = list(source.signers)
    kept = folding.chosen(labels["gloss"], signers, data.folds, split, source.name)
    return _of_all_classes(source, kept, labels)


def _first(source: Source, data: ConfigDict) -> Source:
    """The share of the training clips that a learning curve asks for."""
    labels = single_labels(source, ("gloss",)).labels
    signs = labels["gloss"].tolist()
    kept = folding.first_of_each(signs, data.learning_curve, "data.learning_curve")
    return _of_all_classes(source, np.array(kept), labels)


def _of_all_classes(source: Source, kept: Array, labels: Mapping[str, Array]) -> Source:
    """Some examples whose classes are numbered as those of all, also where the last are absent."""
    names = {
        head: source.class_names.get(head) or tuple(map(str, range(int(found.max()) + 1)))
        for head, found in labels.items()
    }
    return dataclasses.replace(source.part(kept), class_names=names)


def check_places(data: ConfigDict, splits: Sequence[str] = ("train", "val")) -> None:
    """Looks whether there is something where the splits of `config.data` shall lie.

    Raises:
      UserError: an unknown kind of source, or a place that is not given or not there.
    """
    kind = kind_of(data)
    for split in ("train",) if data.folds.count else splits:
        if kind.table:
            _place(data, split)
        elif kind.places is not None:
            kind.places(data, split)
        elif not kind.made and not (path := _path(data, split)).exists():
            raise UserError(f"data.{split}.path={path}: no such file or folder")


def has(data: ConfigDict, split: str) -> bool:
    """Whether `config.data` tells of clips of a split: names their place, or knows some.

    Raises:
      UserError: a place that cannot be read.
    """
    kind = kind_of(data)
    if kind.made or data[split].path or (data.folds.count and split != "test"):
        return True
    if kind.table:
        return False
    with tables.encoded(data.encoding):
        if kind.gather is not None:
            whole = kind.gather(data, split)
        else:
            whole = formats.open_collection(_path(data, split), kind.format or None)
    return any(entry.split == split for entry in whole.entries)


def kind_of(data: ConfigDict) -> SourceKind:
    """What `data.source` means.

    Raises:
      UserError: there is none of that name.
    """
    kind = _KINDS.get(data.source)
    if kind is None:
        near = did_you_mean(data.source, _KINDS)
        raise UserError(f"data.source={data.source!r} is unknown.{near} Known: {', '.join(_KINDS)}")
    return kind


def guessed(folder: Path) -> str:
    """The name of the kind that a folder of labelled clips is of."""
    held = [path.name.lower() for path in folder.glob("*") if finding.is_data(path.name)]
    if any(name.endswith(clips.SUFFIX) for name in held):
        return "clips"
    return "npz" if any(name.endswith(".npz") for name in held) else "collection"


def _of_collection(
    kind: SourceKind, data: ConfigDict, split: str, limits: Mapping[str, int]
) -> Source:
    path = None if kind.made or kind.gather else _path(data, split)
    if kind.gather is not None:
        whole = kind.gather(data, split).at_rate(data.source_fps)
    elif path is None:
        whole = synthetic.collection(data.synthetic, split)
    else:
        whole = formats.open_collection(path, kind.format or None, fps=data.source_fps)
    names = numbering.class_names(whole, data, split, path, limits)
    if kind.gather is not None:
        numbering.check_filled(names, limits, whole.name)
    chosen = numbering.of_split(whole, split, explicit=path is not None and bool(data[split].path))
    # A run that learned glosses alone names no categories, whatever the clips say of theirs.
    named = any(whole.entries[i].category for i in chosen) and bool(names["cat"])
    numbers = {
        head: numbering.Numbering(head, names[head])
        for head in numbering.HEADS
        if head == "gloss" or named
    }
    problems = list(whole.problems)
    kept: list[int] = []
    lengths: list[int] = []
    rows: list[dict[str, tuple[int, ...]]] = []
    for i in _shown(chosen, whole.indexed):
        try:
            row = {head: known.numbers(whole.entries[i]) for head, known in numbers.items()}
            lengths.append(whole.frames(i))
            rows.append(row)
            kept.append(i)
        except UserError as error:
            problems.append(str(error))
    _tell(problems, f"{split} data {path or whole.name}", data.missing == "skip", len(kept))
    part = whole.part(kept)
    several = any(len(entry.glosses) > 1 for entry in whole.entries)
    return Source(
        name=whole.name if path is None else f"{whole.name} ({split})",
        ids=[(kind.id or _name)(entry) for entry in part.entries],
        lengths=np.array(lengths, np.int32),
        labels={head: np.array([row[head][0] for row in rows], np.int32) for head in numbers},
        reader=_Stored(part.arrays) if kind.stored and part.arrays else part.reader,
        class_names={head: names[head] for head in numbers},
        paths=[entry.path for entry in part.entries],
        sequences=[row["gloss"] for row in rows] if several else None,
        signers=[entry.signer for entry in part.entries],
        rate=whole.rate if kind.stored else 0.0,
        languages=np.array([e.language for e in part.entries], np.int32) if kind.gather else None,
        num_languages=len(kind.places(data, split)) if kind.places else 0,
    )


def _name(entry: formats.Entry) -> str:
    return entry.name


@dataclasses.dataclass(frozen=True)
class _Stored:
    """The one array that is stored of an example; a plain object, which workers can receive."""

    arrays: Callable[[int], Mapping[str, Array]]

    def __call__(self, index: int) -> Array:
        return self.arrays(index)[""]


def _path(data: ConfigDict, split: str) -> Path:
    text = data[split].path or data.train.path
    if not text:
        raise UserError(
            f"data.{split}.path is not set. Give the {split} clips: --config.data.{split}.path=PATH"
        )
    return Path(text)


def _shown(chosen: Sequence[int], indexed: bool) -> Iterable[int]:
    """The indices, with a bar where opening that many files takes a while."""
    quick = indexed or len(chosen) < _MANY
    return progress.over("opening clips", chosen, len(chosen), hidden=quick)


def _tell(problems: Sequence[str], what: str, skip: bool, kept: int) -> None:
    if skip and problems and kept:
        _LOG.warning(
            "%s: %d clips left out (data.missing=skip), %d kept:\n%s",
            what, len(problems), kept, listing(problems),
        )  # fmt: skip
    else:
        advice = "To leave such clips out: --config.data.missing=skip" if kept else ""
        labels.raise_all(list(problems), what, advice)


def _of_table(kind: SourceKind, data: ConfigDict, split: str, limits: Mapping[str, int]) -> Source:
    folder, path = _place(data, split)
    load: Callable[[Path], Clip | Array] = functools.partial(_clip, fps=data.source_fps)
    if kind.stored:
        load = functools.partial(fslr_npz.read, key=data.key)
    suffix = ".npz" if kind.stored else clips.SUFFIX
    named = _table_names(data, split, limits)
    endings = (suffix, ".npz", ".parquet")
    table = labels.read_table(folder, path, limits, endings, split, named)
    if kind.stored and any(table.parts):
        table.problems.append(
            f"{path}: start and end cut clips, not stored arrays: leave these columns out, or read "
            "the clips (--config.data.source=clips)"
        )
    files = formats.Lookup(folder, suffix)
    reader = _Files([files.path(stem) for stem in table.stems], table.parts, load)
    if data.missing != "skip":
        table.problems += _absent(reader.paths, table.stems, files)
    kept, lengths = reader.check(data.key, table.problems)
    labels.raise_all(table.problems, f"{split} data {folder}")
    table.log_skipped(len(kept))
    return Source(
        name=str(folder),
        ids=[table.names[i] for i in kept],
        lengths=np.array(lengths, np.int32),
        labels={head: values[kept] for head, values in table.labels.items()},
        reader=formats.At(reader, kept),
        class_names=named,
        paths=[reader.paths[i] for i in kept],
        occluded=None if table.occluded is None else table.occluded[kept],
        signers=[table.signers[i] for i in kept] if any(table.signers) else (),
    )


def _table_names(data: ConfigDict, split: str, limits: Mapping[str, int]) -> numbering.Names:
    """The classes of each head whose tables hold names, in the same order for all splits."""
    given = data.get("class_names") or labels.label_map(data.label_map, limits)
    if given:
        return {head: tuple(names) for head, names in given.items() if names}
    cells: dict[str, list[str]] = {head: [] for head in labels.HEADS}
    for other in SPLITS:
        folder = Path(data[other].path)
        path = Path(data[other].labels) if data[other].labels else folder / "labels.csv"
        if not data[other].path or not path.is_file():
            continue
        with numbering.spared(split, other):
            rows = tables.read_rows(path, labels.REQUIRED)
            for head, found in cells.items():
                found += [row.cells.get(head, "") for row in rows]
    names = {
        head: formats.in_order((), found)
        for head, found in cells.items()
        if any(found) and not any(map(labels.is_number, found))
    }
    numbering.check_counts(names, limits, str(data.train.path))
    return names


def _absent(paths: Sequence[Path], names: Sequence[str], files: formats.Lookup) -> list[str]:
    return [
        f"{path}: no such file (row {i + 1} of the labels).{files.near(name)} "
        "Mend the row, or set data.missing=skip to leave such rows out"
        for i, (path, name) in enumerate(zip(paths, names, strict=True))
        if not path.is_file()
    ]


def _clip(path: Path, fps: float) -> Clip:
    return rates.timed(clips.load(path), fps)


@dataclasses.dataclass
class _Files:
    """A file an example. Arrays that were read to be checked are held, as far as there is room."""

    paths: list[Path]
    parts: Sequence[segments.Segment | None]
    load: Callable[[Path], Clip | Array]
    held: dict[int, Array] = dataclasses.field(default_factory=dict)

    def check(self, key: str, problems: list[str]) -> tuple[list[int], list[int]]:
        """The files that are good and their frames; adds what is wrong with others that exist."""
        kept, lengths, left = [], [], _HELD_BYTES
        widths: dict[tuple[int, ...], Path] = {}
        for i, path in enumerate(self.paths):
            if not path.is_file():
                continue
            try:
                value = self._read(i)
            except UserError as error:
                problems.append(str(error))
                continue
            kept.append(i)
            lengths.append(len(value))
            if isinstance(value, np.ndarray):
                left -= value.nbytes
                if left > 0:
                    self.held[i] = value
                widths.setdefault(value.shape[1:], path)
        if len(widths) > 1:
            (first, a), (second, b) = list(widths.items())[:2]
            problems.append(
                f"{b}: {key} has {list(second)} a frame, but {a} has {list(first)}; "
                "all clips must have the same width"
            )
        return kept, lengths

    def __call__(self, index: int) -> Clip | Array:
        return self.held[index] if index in self.held else self._read(index)

    def _read(self, index: int) -> Clip | Array:
        path, part = self.paths[index], self.parts[index]
        value = self.load(path) if part is None else cuts.whole(self.load, path)
        return cuts.cut(value, part) if isinstance(value, Clip) else value

    def __getstate__(self) -> dict[str, Any]:
        # A worker process reads the files itself: sending it everything would take longer.
        return {**self.__dict__, "held": {}}


def single_labels(source: Source, heads: Sequence[str]) -> Source:
    """The same source, whose examples have one label for every head, as classification needs.

    Raises:
      UserError: it has sentences, or no labels for a head.
    """
    missing = [head for head in heads if head not in source.labels]
    if missing:
        rest = tuple(head for head in heads if head in source.labels)
        raise UserError(
            f"{source.name}: its clips have no {' and no '.join(missing)}, but the recipe learns "
            f'it. Label them, or learn the rest alone: --config.task.heads="{rest}" '
            f'--config.loss.weights="{(1.0,) * len(rest)}"'
        )
    several = [i for i, row in enumerate(source.sequences or ()) if len(row) > 1]
    if several:
        raise UserError(
            f"{source.name}: {len(several)} of {len(source)} clips hold several glosses (first: "
            f"{source.ids[several[0]]}), but the recipe learns one sign a clip. Leave them out."
        )
    return source


def label_sequences(source: Source) -> Source:
    """The same source with `sequences` for every example; a clip of one sign has one of one gloss.

    Raises:
      UserError: its clips have no glosses.
    """
    if source.sequences is not None:
        return source
    if "gloss" not in source.labels:
        raise UserError(f"{source.name}: its clips have no gloss, but the recipe learns glosses")
    rows: list[tuple[int, ...]] = [(int(label),) for label in source.labels["gloss"]]
    return dataclasses.replace(source, sequences=rows)


def _place(data: ConfigDict, split: str) -> tuple[Path, Path]:
    """The folder and the labels file that the recipe gives for a split.

    Raises:
      UserError: not given, or not there.
    """
    entry = data[split]
    if not entry.path:
        raise UserError(
            f"data.{split}.path is not set. Give the folder of the {split} clips: "
            f"--config.data.{split}.path=DIR"
        )
    folder = Path(entry.path)
    if not folder.is_dir():
        raise UserError(f"data.{split}.path={entry.path}: no such folder")
    return folder, Path(entry.labels) if entry.labels else folder / "labels.csv"
