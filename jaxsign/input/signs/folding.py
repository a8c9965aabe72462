"""The folds of a recipe: which of its training clips are learnt, and which are held back."""

import collections

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
