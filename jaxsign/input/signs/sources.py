"""Where examples come from: a place in any format, opened and checked as a recipe says.

`data.SPLIT.path` says where a split lies. Where the clips know their splits themselves, one path
serves all: a split without a path is looked for in the training data.
"""

import dataclasses
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError, did_you_mean, listing
from jaxsign.input import labels, tables
from jaxsign.input.folders import finding, progress
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import (
    clip_source,
    folding,
    formats,
    numbering,
    signon_parts,
    synthetic,
    table_source,
)
from jaxsign.input.signs.clip_source import Source

Array = np.ndarray
_LOG = logging.getLogger("jaxsign")
_MANY = 1000  # clips whose files are opened with a bar


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
    data: ConfigDict,
    split: str,
    num_classes: Mapping[str, int] | None = None,
    *,
    labelled: bool = True,
) -> Source:
    """The examples of `split` ('train', 'val', 'test') of `config.data`, all checked.

    Every file is opened, but only as far as its length needs.

    Args:
      data: `config.data`.
      split: which.
      num_classes: classes of each head that the recipe fixes; labels beyond them are an error.
      labelled: every clip must have a gloss; else labels are not looked at (those of tables are).

    Raises:
      UserError: everything that is wrong with the files and labels, at once. With
        `data.missing=skip` clips with a problem (for a table: without their file) are left out,
        counted and told instead.
    """
    kind, limits = kind_of(data), dict(num_classes or {})
    with tables.encoded(data.encoding):
        folded = data.folds.count > 0 and split != "test"
        opened = "train" if folded else split
        try:
            if kind.table:
                source = table_source.opened(data, opened, limits, stored=kind.stored)
            else:
                source = _of_collection(kind, data, opened, limits, labelled)
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
        if found == kind.format and not (
            kind.table and _has_names_alone(table_source.place(data, split)[1])
        ):
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
    labels = clip_source.single_labels(source, ("gloss",)).labels
    signers = list(source.signers)
    kept = folding.chosen(labels["gloss"], signers, data.folds, split, source.name)
    return _of_all_classes(source, kept, labels)


def _first(source: Source, data: ConfigDict) -> Source:
    """The share of the training clips that a learning curve asks for."""
    labels = clip_source.single_labels(source, ("gloss",)).labels
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


def check_places(data: ConfigDict) -> None:
    """Looks whether there is something where clips of training and validation shall lie.

    Raises:
      UserError: an unknown kind of source, or a place that is not given or not there.
    """
    kind = kind_of(data)
    for split in ("train",) if data.folds.count else ("train", "val"):
        if kind.table:
            table_source.place(data, split)
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
    kind: SourceKind, data: ConfigDict, split: str, limits: Mapping[str, int], labelled: bool
) -> Source:
    path = None if kind.made or kind.gather else _path(data, split)
    if kind.gather is not None:
        whole = kind.gather(data, split).at_rate(data.source_fps)
    elif path is None:
        whole = synthetic.collection(data.synthetic, split)
    else:
        whole = formats.open_collection(path, kind.format or None, fps=data.source_fps)
    chosen = numbering.of_split(whole, split, explicit=path is not None and bool(data[split].path))
    names = numbering.class_names(whole, data, split, path, limits) if labelled else {}
    if kind.gather is not None:
        numbering.check_filled(names, limits, whole.name)
    # A run that learned glosses alone names no categories, whatever the clips say of theirs.
    named = any(whole.entries[i].category for i in chosen)
    numbers = {
        head: numbering.Numbering(head, known)
        for head, known in names.items()
        if head == "gloss" or (named and known)
    }
    problems = list(whole.problems)
    if labelled and (text := numbering.unlabelled(whole, chosen)):
        problems.append(text)
        chosen = []
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
        sequences=[row["gloss"] for row in rows] if several and labelled else None,
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
        advice = (
            "To leave such clips out: --config.data.missing=skip (evaluate: --skip-missing)"
            if kept
            else ""
        )
        labels.raise_all(list(problems), what, advice)
