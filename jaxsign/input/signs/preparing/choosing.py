"""Some signs of a collection as a collection of their own, with class numbers from 0."""

import collections
import dataclasses
from collections.abc import Sequence

from jaxsign.errors import UserError, did_you_mean, listing
from jaxsign.input.signs.formats import Collection
from jaxsign.input.signs.preparing import everyday

NUM_SIGNS = 25


def choose(
    collection: Collection, signs: Sequence[str] = (), num_signs: int = NUM_SIGNS
) -> Collection:
    """The clips of some signs; a sign's class number is its place.

    Args:
        collection: where to choose from.
        signs: names in the order of the new classes; () = `everyday_signs`.
        num_signs: how many `everyday_signs`, where no names are given.

    Raises:
        UserError: a sign that has no clip or is named twice, or no labels at all.
    """
    counts = clips_of_signs(collection)
    if not counts:
        raise UserError(f"{collection.name}: its {len(collection)} clips have no labels")
    chosen = tuple(signs) or everyday_signs(collection, num_signs)
    _check(collection, chosen, counts)
    kept = set(chosen)
    # A sentence is kept if all of it is in the new vocabulary.
    indices = [i for i, e in enumerate(collection.entries) if e.glosses and kept >= set(e.glosses)]
    part = collection.part(indices)
    used = {entry.category for entry in part.entries}
    categories = tuple(name for name in collection.classes()[1] if name in used)
    return dataclasses.replace(part, glosses=chosen, categories=categories)


def clips_of_signs(collection: Collection) -> dict[str, int]:
    """How many clips each sign has; signs in the order of the classes, those without clips absent.

    A sign of several in one clip counts there too.
    """
    counts = collections.Counter(sign for e in collection.entries for sign in set(e.glosses))
    return {sign: counts[sign] for sign in collection.classes()[0] if counts[sign]}


def everyday_signs(collection: Collection, count: int) -> tuple[str, ...]:
    """The first `count` words of the everyday list that occur, then the most frequent other signs.

    Upper and lower case, spaces and hyphens do not matter: THANK YOU is thankyou. Of equally
    frequent signs the one with the lower class number comes first.
    """
    # Sentences are made of signs, but a clip of one is no example of a single sign.
    single = [i for i, entry in enumerate(collection.entries) if len(entry.glosses) == 1]
    counts = clips_of_signs(collection.part(single))
    by_word: dict[str, str] = {}
    for sign in counts:
        by_word.setdefault(plain(sign), sign)
    wished = [by_word[word] for word in everyday.WORDS if word in by_word]
    others = sorted(set(counts) - set(wished), key=list(counts).index)
    others.sort(key=counts.__getitem__, reverse=True)
    return (*wished, *others)[:count]


def plain(sign: str) -> str:
    """A sign's name as it stands in the everyday list: small letters and digits alone."""
    return "".join(letter for letter in sign.casefold() if letter.isalnum())


def _check(collection: Collection, chosen: Sequence[str], counts: dict[str, int]) -> None:
    problems = []
    for sign in dict.fromkeys(chosen):
        if sign not in counts:
            known = "has no clip" if sign in collection.glosses else "is unknown"
            problems.append(f"sign {sign!r} {known}.{did_you_mean(sign, counts)}")
        elif chosen.count(sign) > 1:
            problems.append(f"sign {sign!r} is named {chosen.count(sign)} times")
    if problems:
        raise UserError(
            f"{collection.name}: signs cannot be chosen:\n{listing(problems)}\n"
            f"It has clips of {len(counts)} signs: {', '.join(list(counts)[:12])}"
            f"{' ...' if len(counts) > 12 else ''}"
        )
