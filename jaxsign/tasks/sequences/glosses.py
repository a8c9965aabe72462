"""Rules of data sets that make glosses equal before errors are counted."""

import itertools
import re
from collections.abc import Callable, Iterable, Sequence

Glosses = tuple[str, ...]

_PREFIX = re.compile(r"^(?:(?:loc|cl|qu|poss|lh)-)+")
_TAG = re.compile(r"__[^_ ]*__")
_SPELLED = re.compile(r"(?:[A-Z]|SCH|NN)(?:\+(?:[A-Z]|SCH|NN))*")
_RAUM = re.compile(r"(?<=[A-Z][A-Z])RAUM$")
_SAME = {"S0NNE": "SONNE", "HABEN2": "HABEN", "ZEIGEN": "ZEIGEN-BILDSCHIRM"}


def as_is(glosses: Sequence[str]) -> Glosses:
    """The glosses themselves."""
    return tuple(glosses)


def phoenix(glosses: Sequence[str]) -> Glosses:
    """The rules with which RWTH-PHOENIX-Weather 2014 is scored.

    Prefixes of place, classifier, question, possession and left hand go, as do marks of emotion,
    movement and epenthesis and plurals; a few spellings become one; letters that are spelled one by
    one are one word; what is repeated stands there once. Applied twice they change nothing more.
    """
    words = [gloss for whole in glosses for gloss in _simplified(whole).split()]
    joined = " ".join(words).replace("WIE AUSSEHEN", "WIE-AUSSEHEN").split()
    return _once(_spelled_together(_once(joined)))


RULES: dict[str, Callable[[Sequence[str]], Glosses]] = {"as-is": as_is, "phoenix": phoenix}


def _simplified(gloss: str) -> str:
    gloss = _PREFIX.sub("", _TAG.sub("", gloss)).replace("-PLUSPLUS", "")
    return _SAME.get(gloss, _RAUM.sub("", gloss))


def _spelled_together(words: Sequence[str]) -> Iterable[str]:
    for spelled, group in itertools.groupby(words, lambda w: bool(_SPELLED.fullmatch(w))):
        if spelled:
            yield "+".join(group)
        else:
            yield from group


def _once(words: Iterable[str]) -> Glosses:
    return tuple(word for word, _ in itertools.groupby(words))
