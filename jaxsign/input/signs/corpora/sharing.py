"""The split of a corpus's signs, and what is left of them."""

import dataclasses
from pathlib import Path

from jaxsign.errors import UserError
from jaxsign.input.signs import formats
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.corpora.preset import Preset
from jaxsign.input.signs.corpora.rows import Instance
from jaxsign.input.signs.preparing import splitting


def split(rows: list[Instance], preset: Preset, where: Path, *, seed: int = 42) -> list[Instance]:
    """The rows with their subsets, without glosses that a subset lacks.

    Those to train and to validate with come first, then those to test with, as in the original.

    Args:
      rows: of the table of instances.
      preset: of the corpus.
      where: the table, for messages.
      seed: of the draws of 'signer-common'.

    Raises:
      UserError: too few signers, or no gloss is left.
    """
    entries = [formats.Entry(row.sample, (row.gloss,), signer=row.participant) for row in rows]
    made = splitting.split(
        formats.Collection(str(where), "corpus", entries, _unread),
        preset.split,
        test_share=preset.test_share,
        val_share=preset.val_share,
        seed=seed,
    )
    subsets = {entry.name: entry.split for entry in splitting.complete(made).entries}
    found = [
        dataclasses.replace(row, subset=subsets[row.sample])
        for row in rows
        if row.sample in subsets
    ]
    return sorted(found, key=lambda row: row.subset == "test")


def _unread(index: int) -> Clip:
    raise UserError(f"sign {index} is a row alone")
