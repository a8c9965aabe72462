"""Names of signs and categories as class numbers, in one order for all splits of a data set."""

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ml_collections import ConfigDict

from jaxsign import telling
from jaxsign.errors import UserError, did_you_mean
from jaxsign.input import labels, tables
from jaxsign.input.signs import formats

_LOG = logging.getLogger("jaxsign")
HEADS = ("gloss", "cat")
Names = dict[str, tuple[str, ...]]


def of_split(whole: formats.Collection, split: str, *, explicit: bool) -> list[int]:
    """The entries of a split: those that say so, or all where none says anything.

    Args:
      whole: the collection.
      split: 'train', 'val' or 'test'.
      explicit: the place was named for this split: one that holds another one alone is taken as it
        is.

    Raises:
      UserError: there are none.
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


def unlabelled(whole: formats.Collection, chosen: Sequence[int]) -> str:
    """What to tell of clips of which none has a gloss, in a sentence for all; "" = some have."""
    if not chosen or any(any(whole.entries[i].glosses) for i in chosen):
        return ""
    return (
        f"none of its {len(chosen)} clips has a gloss, by which this recipe learns and is scored. "
        "A folder of clips names them in its labels.csv (file,gloss; docs/data.md). Only training "
        "on hidden frames does without (--config small:masked)"
    )


@contextlib.contextmanager
def spared(split: str, other: str) -> Iterator[None]:
    """Reads the classes of split `other` for `split`: training goes without those of the tests.

    Raises:
      UserError: what the block raises, but where it is of tests that `split` does without: that is
        told.
    """
    try:
        yield
    except UserError as error:
        if other != "test" or split == "test":
            raise
        telling.once(
            "%s Training goes without these tests; evaluating on them will not.", str(error)
        )


def class_names(
    whole: formats.Collection,
    data: ConfigDict,
    split: str,
    path: Path | None,
    limits: Mapping[str, int],
) -> Names:
    """The classes of both heads, in the same order for all splits.

    That of the recipe (`data.class_names` of a run, `data.label_map`), else the formats' own.

    Args:
      whole: the collection of a split.
      data: `config.data`, which tells where the other splits lie.
      split: which `whole` is opened for.
      path: where `whole` lies; None = nowhere, and it holds all splits.
      limits: classes of each head that the recipe's net has.

    Raises:
      UserError: more classes than that.
    """
    given = data.get("class_names") or labels.label_map(data.label_map, limits)
    if given:
        return {head: tuple(given.get(head) or ()) for head in HEADS}
    parts = [whole]
    if path is not None:
        parts = []
        places: dict[Path, str] = {}
        for other in formats.SPLITS:
            places.setdefault(Path(data[other].path or path), other)
        for place, other in places.items():
            if place == path:
                parts.append(whole)
            elif place.exists():
                with spared(split, other):
                    parts.append(formats.open_collection(place))
    names: Names = dict.fromkeys(HEADS, ())
    for part in parts:
        for head, more in zip(HEADS, part.classes(), strict=True):
            names[head] = tuple(dict.fromkeys((*names[head], *more)))
    check_counts(names, limits, str(path or whole.name))
    return names


def check_counts(names: Names, limits: Mapping[str, int], where: str) -> None:
    """Whether a recipe's net has a class for every name.

    Raises:
      UserError: more names than classes.
    """
    for head, limit in limits.items():
        if 0 < limit < len(names.get(head, ())):
            raise UserError(
                f"{where}: has {len(names[head])} classes of {head}, but net.num_{head}={limit}; 0 "
                "takes the data's"
            )


def check_filled(names: Names, limits: Mapping[str, int], where: str) -> None:
    """Whether every class of a recipe's net has a name.

    Raises:
      UserError: fewer names than classes.
    """
    for head, limit in limits.items():
        if len(names.get(head, ())) < limit:
            raise UserError(
                f"{where}: its labels of {head} are 0 to {len(names[head]) - 1}, but "
                f"net.num_{head}={limit}; expected as many. 0 takes the data's"
            )


class Numbering:
    """Class numbers of a head's names."""

    def __init__(self, head: str, names: Sequence[str]):
        self._head, self._names = head, names
        self._numbers = {tables.nfc(name): i for i, name in enumerate(names)}

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
                f"{entry.name}: {self._head} {name!r} is none of the {len(self._names)} classes."
                f"{near}"
            )
        return number
