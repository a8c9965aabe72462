"""Which clips train and which test: by signer, by sign, or by both."""

import collections
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs.formats import SPLITS, Collection
from jaxsign.input.signs.preparing import ways

WAYS = ("signer", "stratified", "signer-stratified", "signer-common")
_FEWEST = {"train": 10, "val": 5, "test": 5}


def split(
    collection: Collection,
    by: str = "signer",
    *,
    test_share: float = 0.2,
    val_share: float = 0.0,
    seed: int = 42,
) -> Collection:
    """The same clips with new splits.

    Args:
        collection: its own splits, if it has any, are forgotten.
        by: one of `WAYS`.
        test_share, val_share: of the signers (`signer`) or of the clips (the others).
        seed: of the draw; `signer-stratified` draws nothing.

    Raises:
        UserError: impossible shares; clips without the signer or the sign that is needed; too few
            of them for the splits.
    """
    _check_shares(by, test_share, val_share)
    shares: dict[str, Any] = {"test_share": test_share, "val_share": val_share}
    where = collection.name
    try:
        if by == "stratified":
            # By class number: the draw depends on the order of the classes.
            numbers = {sign: i for i, sign in enumerate(collection.classes()[0])}
            labels = [numbers[sign] for sign in _signs(collection)]
            found = ways.stratified(labels, seed=seed, names=list(numbers), **shares)
        elif by == "signer":
            found = ways.by_signer(_signers(collection), seed=seed, **shares)
        elif by == "signer-common":
            signs = _signs(collection)
            found = ways.signer_common(signs, _signers(collection), seed=seed, **shares)
        else:
            found = ways.signer_stratified(_signs(collection), _signers(collection), **shares)
    except ValueError as error:
        raise UserError(f"{where}: cannot be split like that: {error}") from error
    pairs = zip(collection.entries, found, strict=True)
    entries = [dataclasses.replace(entry, split=name) for entry, name in pairs]
    return dataclasses.replace(collection, entries=entries)


def _check_shares(by: str, test_share: float, val_share: float) -> None:
    if by not in WAYS:
        raise UserError(f"split by {by!r} is unknown; known: {', '.join(WAYS)}")
    good = min(test_share, val_share) >= 0 and 0 < test_share + val_share < 1
    if not good:
        raise UserError(
            f"shares of test {test_share:g} and val {val_share:g}: expected numbers from 0 up, "
            "together more than 0 and less than 1"
        )


def _signs(collection: Collection) -> list[str]:
    """The one sign of every clip."""
    bad = [entry.name for entry in collection.entries if len(entry.glosses) != 1]
    if bad:
        raise UserError(
            f"{collection.name}: {len(bad)} of {len(collection)} clips do not have exactly one "
            f"sign (first: {bad[0]}). Name the signs in a labels.csv (columns file, gloss) in that "
            "folder, or split by signer"
        )
    return [entry.glosses[0] for entry in collection.entries]


def _signers(collection: Collection) -> list[str]:
    """The signer of every clip."""
    unknown = [entry.name for entry in collection.entries if not entry.signer]
    some = len(unknown) < len(collection)
    if unknown:
        known = f"{len(unknown)} of {len(collection)} clips have" if some else "its clips have"
        raise UserError(
            f"{collection.name}: {known} no signer"
            + (f" (first: {unknown[0]})" if some else f" (format {collection.format})")
            + ". Fill the column signer of labels.csv (participant_id of train.csv), or split with "
            "--by stratified, where a signer may be in several splits."
        )
    signers = [entry.signer for entry in collection.entries]
    if len(set(signers)) == 1:
        raise UserError(
            f"{collection.name}: all clips are of one signer ({signers[0]}), so none would be left "
            "to test on. Use --by stratified, which tells how well this signer is recognised."
        )
    return signers


def shuffled(collection: Collection, seed: int = 42) -> Collection:
    """The clips in random order: that of pandas' `sample(frac=1, random_state=seed)`."""
    order = np.random.RandomState(seed).permutation(len(collection))
    return collection.part(order.tolist())


def complete(collection: Collection) -> Collection:
    """Without the signs that some split lacks; classes are the rest, in their order."""
    parts = present(collection)
    shared = set.intersection(*(parts[name] for name in parts))
    chosen = tuple(sign for sign in collection.classes()[0] if sign in shared)
    if not chosen:
        raise UserError(f"{collection.name}: no sign is in all of {', '.join(parts)}")
    kept = [i for i, e in enumerate(collection.entries) if e.glosses and shared >= set(e.glosses)]
    return dataclasses.replace(collection.part(kept), glosses=chosen)


def present(collection: Collection) -> dict[str, set[str]]:
    """The signs of each split that occurs."""
    found: dict[str, set[str]] = {}
    for entry in collection.entries:
        found.setdefault(entry.split, set()).update(entry.glosses)
    return {name: found[name] for name in SPLITS if name in found}


def told(collection: Collection) -> list[str]:
    """What to say of a collection that has splits already, before it is shared anew."""
    names = present(collection)
    if len(names) < 2:
        return []
    counts = collections.Counter(entry.split for entry in collection.entries)
    own = ", ".join(f"{name} {counts[name]:,}" for name in names)
    return [
        f"{collection.name} has splits of its own ({own}), which this shares out anew: results "
        "cannot be compared with those on its own. To keep them: jaxsign convert"
    ]


def warnings(collection: Collection) -> list[str]:
    """What is odd about a split: signs that a split lacks or has few clips of."""
    texts = []
    counts = collections.Counter(
        (entry.split, sign) for entry in collection.entries for sign in entry.glosses
    )
    signs = list(dict.fromkeys(sign for entry in collection.entries for sign in entry.glosses))
    for name in present(collection):
        absent = [sign for sign in signs if not counts[name, sign]]
        few = [sign for sign in signs if 0 < counts[name, sign] < _FEWEST[name]]
        if absent:
            texts.append(f"{name}: no clip of {len(absent)} sign(s): {_some(absent)}")
        if few:
            shown = _some([f"{sign} {counts[name, sign]}" for sign in few])
            texts.append(f"{name}: fewer than {_FEWEST[name]} clips of {len(few)} sign(s): {shown}")
    return texts


def _some(words: Sequence[str], limit: int = 12) -> str:
    more = f" and {len(words) - limit} more" if len(words) > limit else ""
    return ", ".join(words[:limit]) + more
