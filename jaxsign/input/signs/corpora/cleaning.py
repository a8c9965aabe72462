"""Glosses as annotators write them -> the glosses of a corpus, or none."""

import collections
import re
from collections.abc import Iterable, Sequence

from jaxsign.input import tables
from jaxsign.input.signs.corpora.preset import Preset


def clean(gloss: str, preset: Preset) -> str:
    """A gloss without what a corpus's annotators note in it; it may be empty then."""
    gloss = gloss.upper() if preset.upper else gloss
    for pattern, to in preset.clean_up:
        gloss = re.sub(pattern, to, gloss)
    return tables.nfc(gloss)


def kept(gloss: str, preset: Preset) -> bool:
    """Whether a clean gloss is a sign to learn."""
    return bool(gloss.strip()) and not any(re.search(drop, gloss) for drop in preset.drops)


def frequent(glosses: Sequence[str], preset: Preset) -> list[bool]:
    """For each of the clean glosses of a corpus whether it is kept and frequent enough."""
    good = [kept(gloss, preset) for gloss in glosses]
    counted = collections.Counter(glosses)
    pairs = zip(glosses, good, strict=True)
    return [is_good and counted[gloss] >= preset.minimum for gloss, is_good in pairs]


def counts(glosses: Iterable[str]) -> list[tuple[str, int]]:
    """Glosses by falling count; those of one count in the order in which they come."""
    return collections.Counter(glosses).most_common()
