"""Clips in any format of `input/signs/formats`: a store, parquet files, a folder of clips, ...

`data.SPLIT.path` says where a split lies. Where the clips know their splits themselves, one path
serves all: a split without a path is looked for in the training data. Classes have one order for
all splits: that of `data.label_map`, else the format's own, else the names sorted.
"""

import logging
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict
from rich.progress import track

from jaxsign.errors import UserError, did_you_mean, listing
from jaxsign.input import labels
from jaxsign.input.signs import formats
from jaxsign.input.signs.sources import Source

ONE_PATH = True  # one path may serve all splits
_LOG = logging.getLogger("jaxsign")
_HEADS = ("gloss", "cat")
_MANY = 1000  # clips whose files are opened with a bar
Names = dict[str, tuple[str, ...]]


def open_split(data: ConfigDict, split: str, num_classes: Mapping[str, int]) -> Source:
    """The labelled clips of a split; every file is opened, but only as far as its length needs.

    Raises:
      UserError: lists all problems of all clips. With `data.missing=skip` clips with a problem are
        left out, counted and told instead.
    """
    path = _path(data, split)
    whole = formats.open_collection(path)
    names = _class_names(data, path, whole, num_classes)
    chosen = _of_split(whole, split, explicit=bool(data[split].path))
    # A run that learned glosses alone names no categories, whatever the clips say of theirs.
    named = any(whole.entries[i].category for i in chosen) and bool(names["cat"])
    heads = list(_HEADS) if named else ["gloss"]
    numbering = {head: _Numbering(head, names[head]) for head in heads}
    problems = list(whole.problems)
    kept: list[int] = []
    rows: list[tuple[int, dict[str, tuple[int, ...]]]] = []
    for i in _shown(chosen, whole.format):
        try:
            numbers = {head: n.numbers(whole.entries[i]) for head, n in numbering.items()}
            rows.append((whole.frames(i), numbers))
            kept.append(i)
        except UserError as error:
            problems.append(str(error))
    _tell(problems, f"{split} data {path}", skip=data.missing == "skip", kept=len(kept))
    return _source(f"{path} ({split})", whole.part(kept), names, heads, rows)


def _source(
    name: str,
    part: formats.Collection,
    names: Names,
    heads: Sequence[str],
    rows: Sequence[tuple[int, dict[str, tuple[int, ...]]]],
) -> Source:
    glosses = [numbers["gloss"] for _, numbers in rows]
    return Source(
        name=name,
        ids=[entry.name for entry in part.entries],
        lengths=np.array([frames for frames, _ in rows], np.int32),
        labels={h: np.array([numbers[h][0] for _, numbers in rows], np.int32) for h in heads},
        reader=part.reader,
        class_names={head: names[head] for head in heads},
        paths=[entry.path for entry in part.entries],
        sequences=glosses if any(len(row) > 1 for row in glosses) else None,
        signers=[entry.signer for entry in part.entries],
    )


def _path(data: ConfigDict, split: str) -> Path:
    text = data[split].path or data.train.path
    if not text:
        raise UserError(
            f"data.{split}.path is not set. Give the {split} clips: --config.data.{split}.path=PATH"
        )
    return Path(text)


def _of_split(whole: formats.Collection, split: str, *, explicit: bool) -> list[int]:
    """The entries of a split: those that say so, or all where none says anything.

    A place that was named for this split and holds another one alone is taken as it is.
    """
    splits = [entry.split for entry in whole.entries]
    if explicit and len(set(splits)) == 1:
        return list(range(len(splits)))
    if any(splits) and not all(splits):
        _LOG.warning(
            "%s: %d of %d clips belong to no split and are left out",
            whole.name, splits.count(""), len(splits),
        )  # fmt: skip
    chosen = [i for i, own in enumerate(splits) if own == split]
    if splits and not chosen:
        counts = {own or "no split": splits.count(own) for own in dict.fromkeys(splits)}
        found = ", ".join(f"{own} ({count})" for own, count in counts.items())
        raise UserError(
            f"{whole.name}: has no clips of the split {split}, but of {found}. Choose one of "
            f"these splits, give the {split} clips (--config.data.{split}.path=PATH), or share "
            "them again: jaxsign split ... --val-share 0.15"
        )
    return chosen


def _class_names(
    data: ConfigDict, path: Path, whole: formats.Collection, limits: Mapping[str, int]
) -> Names:
    """The classes of both heads, in the same order for all splits.

    Raises:
      UserError: more classes than the recipe's net has.
    """
    given = data.get("class_names") or labels.label_map(data.label_map, limits)
    if given:
        return {head: tuple(given.get(head) or ()) for head in _HEADS}
    names: Names = dict.fromkeys(_HEADS, ())
    for place in dict.fromkeys(Path(data[s].path or path) for s in formats.SPLITS):
        if place == path or place.exists():
            found = whole if place == path else formats.open_collection(place)
            for head, more in zip(_HEADS, found.classes(), strict=True):
                names[head] = tuple(dict.fromkeys((*names[head], *more)))
    for head, limit in limits.items():
        if 0 < limit < len(names.get(head, ())):
            raise UserError(
                f"{path}: has {len(names[head])} classes of {head}, but net.num_{head}={limit}; 0 "
                "takes the data's"
            )
    return names


class _Numbering:
    """Class numbers of a head's names."""

    def __init__(self, head: str, names: Sequence[str]):
        self._head, self._names = head, names
        self._numbers = {name: i for i, name in enumerate(names)}

    def numbers(self, entry: formats.Entry) -> tuple[int, ...]:
        """The classes of an entry, at least one.

        Raises:
          UserError: it has none, or one that is not known.
        """
        found = entry.glosses if self._head == "gloss" else (entry.category,)
        if not any(found):
            raise UserError(f"{entry.name}: has no {self._head}")
        return tuple(self._number(name, entry) for name in found)

    def _number(self, name: str, entry: formats.Entry) -> int:
        number = self._numbers.get(name, -1)
        # Some formats tell class numbers alone, and data.label_map their names.
        if number < 0 and name.isascii() and name.isdigit():
            number = int(name)
        if not 0 <= number < len(self._names):
            near = did_you_mean(name, self._names)
            raise UserError(
                f"{entry.name}: {self._head} {name!r} is none of the {len(self._names)} classes"
                f"{near or '.'}"
            )
        return number


def _shown(chosen: Sequence[int], format: str) -> Iterable[int]:
    """The indices, with a bar where opening that many files takes a while."""
    quick = len(chosen) < _MANY or format in ("store", "sequences75") or not sys.stdout.isatty()
    return track(chosen, "opening clips", transient=True, disable=quick)


def _tell(problems: Sequence[str], what: str, *, skip: bool, kept: int) -> None:
    if skip and problems and kept:
        _LOG.warning(
            "%s: %d clips left out (data.missing=skip), %d kept:\n%s",
            what, len(problems), kept, listing(problems),
        )  # fmt: skip
    else:
        advice = "To leave such clips out: --config.data.missing=skip" if kept else ""
        labels.raise_all(list(problems), what, advice)
