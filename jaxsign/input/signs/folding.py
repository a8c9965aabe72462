"""Which of the training clips are learnt: all but a fold that is held back, or a share of them."""

import collections
from collections.abc import Hashable, Sequence

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.input.signs.preparing import ways


def chosen(
    classes: np.ndarray, signers: list[str], folds: ConfigDict, split: str, what: str
) -> np.ndarray:
    """Places of the training clips that a split holds: one fold is val, the others train.

    Args:
      classes: int [N], what every clip shows.
      signers: of every clip, "" where unknown; [] where nothing tells.
      folds: `config.data.folds`.
      split: 'train' or 'val'.
      what: the clips, for messages.

    Raises:
      UserError: more folds than clips of any class, or than signers.
    """
    if folds.count < 2 or not 1 <= folds.number <= folds.count:
        raise UserError(
            f"data.folds.count={folds.count}, data.folds.number={folds.number}: expected at least "
            "2 folds, and one of them. All are trained by: jaxsign train ... --folds N"
        )
    groups = list(signers) if signers and all(signers) else []
    if folds.by == "stratified" or len(set(groups)) == 1:
        groups = []
    if folds.by == "signer" and not groups:
        raise UserError(
            f"{what}: data.folds.by=signer, but its clips do not tell of several signers. Fill the "
            "column signer of labels.csv, or set --config.data.folds.by=stratified"
        )
    most = len(set(groups)) if groups else max(collections.Counter(classes.tolist()).values())
    if folds.count > most:
        kind = "signers, each in one fold" if groups else "clips of the commonest sign"
        cure = ", or --config.data.folds.by=stratified" if groups else ""
        raise UserError(
            f"{what}: {folds.count} folds of {most} {kind}. Take at most {max(most, 2)} folds{cure}"
        )
    found = ways.folds(classes.tolist(), groups, folds.count)
    return np.flatnonzero((found == folds.number - 1) == (split == "val"))


def first_of_each(signs: Sequence[Hashable], share: float, what: str) -> list[int]:
    """Places of a share of clips, in their order: the first of each sign, which keeps its share.

    The first of all would be a few signs where clips are sorted by sign.

    Args:
      signs: of every clip.
      share: 0 to 1, of the clips.
      what: the key that tells the share, for messages.

    Raises:
      UserError: the share is less than one clip.
    """
    count = int(share * len(signs))
    if signs and not count:
        raise UserError(
            f"{what}={share:g} of {len(signs)} training clips is none; expected at least "
            f"{1 / len(signs):.3g}"
        )
    totals = collections.Counter(signs)
    wanted = {sign: total * count // len(signs) for sign, total in totals.items()}
    # What is left goes to the signs that fell short the most.
    by_rest = sorted(totals, key=lambda sign: -(totals[sign] * count % len(signs)))
    for sign in by_rest[: count - sum(wanted.values())]:
        wanted[sign] += 1
    chosen = []
    for place, sign in enumerate(signs):
        if wanted[sign]:
            wanted[sign] -= 1
            chosen.append(place)
    return chosen
