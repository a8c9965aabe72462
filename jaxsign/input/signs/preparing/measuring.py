"""What there is to tell of a collection: counts, lengths, sizes, what is missing."""

import collections
import dataclasses
import os
from collections.abc import Callable, Sequence

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clip_parts
from jaxsign.input.signs.clean import presence
from jaxsign.input.signs.formats import Collection, Entry

PARTS = tuple(clip_parts.PARTS)
# Places of a clip, evenly spread, at which the presence of its parts is told.
PLACES = 20


@dataclasses.dataclass(frozen=True)
class Measured:
    """A clip that was read.

    Attributes:
        entry: its labels.
        frames: how many.
        size: of its own file in bytes, None where it has none.
        missing: part -> share of its values that are NaN.
        seen: part -> share of frames that show it.
        timeline: part -> bool [PLACES], whether it is seen at even places of the clip.
    """

    entry: Entry
    frames: int
    size: int | None
    missing: dict[str, float]
    seen: dict[str, float]
    timeline: dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the pictures and the report tell.

    Attributes:
        name, format: of the collection.
        total: its clips.
        entries: those that are counted.
        signs, signers: clips by name, the most frequent first; signs that are counted but lack
            clips have 0.
        clips: those that were read.
        unread: why others of those that were drawn could not be.
        problems: of the collection.
    """

    name: str
    format: str
    total: int
    entries: list[Entry]
    signs: dict[str, int]
    signers: dict[str, int]
    clips: list[Measured]
    unread: list[str]
    problems: list[str]

    def pairs(self, signers: Sequence[str], signs: Sequence[str]) -> np.ndarray:
        """int [signers, signs]: clips of each sign by each signer."""
        counts = collections.Counter(
            (entry.signer, sign) for entry in self.entries for sign in set(entry.glosses)
        )
        rows = [[counts[signer, sign] for sign in signs] for signer in signers]
        return np.array(rows, int).reshape(len(signers), len(signs))


def measure(
    collection: Collection,
    *,
    rows: int = 0,
    clips: int = 0,
    seed: int = 42,
    on_clip: Callable[[str], None] | None = None,
) -> Facts:
    """Counts clips and reads some.

    Args:
        collection: what to look at.
        rows: draw so many clips for the counts, 0 = all.
        clips: of these draw so many to read, 0 = all.
        seed: of the draws.
        on_clip: called with the name of every clip that was tried.

    Raises:
        UserError: no clips, or none of those that were drawn can be read.
    """
    if not len(collection):
        problem = f" First problem: {collection.problems[0]}" if collection.problems else ""
        raise UserError(f"{collection.name}: holds no clip.{problem}")
    drawn = _draw(np.arange(len(collection)), rows, seed)
    measured, unread = [], []
    for index in _draw(drawn, clips, seed).tolist():
        entry = collection.entries[index]
        try:
            measured.append(_measured(collection, index))
        except UserError as error:
            unread.append(str(error))
        if on_clip:
            on_clip(entry.name)
    if not measured:
        raise UserError(f"{collection.name}: none of {len(unread)} clips can be read: {unread[0]}")
    entries = [collection.entries[i] for i in drawn.tolist()]
    signs = _most_first([sign for entry in entries for sign in set(entry.glosses)])
    if len(entries) == len(collection):
        signs |= dict.fromkeys((sign for sign in collection.glosses if sign not in signs), 0)
    return Facts(
        name=collection.name,
        format=collection.format,
        total=len(collection),
        entries=entries,
        signs=signs,
        signers=_most_first([entry.signer for entry in entries if entry.signer]),
        clips=measured,
        unread=unread,
        problems=list(collection.problems),
    )


def _draw(numbers: np.ndarray, count: int, seed: int) -> np.ndarray:
    """`count` of some numbers in their order; all for 0."""
    if not count or len(numbers) <= count:
        return numbers
    return np.sort(np.random.RandomState(seed).choice(numbers, count, replace=False))


def _most_first(names: Sequence[str]) -> dict[str, int]:
    return dict(sorted(collections.Counter(names).items(), key=lambda row: (-row[1], row[0])))


def _measured(collection: Collection, index: int) -> Measured:
    clip, entry = collection.read(index), collection.entries[index]
    seen = clip.presence
    # Formats without depth have NaN or 0 there, which says nothing of what was found.
    absent = ~presence.present(clip)
    return Measured(
        entry=entry,
        frames=len(clip),
        size=_size(collection, entry),
        missing={name: float(absent[:, part].mean()) for name, part in clip_parts.PARTS.items()},
        seen={name: float(seen[name].mean()) for name in PARTS},
        timeline={name: _timeline(seen[name]) for name in PARTS},
    )


def _size(collection: Collection, entry: Entry) -> int | None:
    """The size of a file that holds this clip alone."""
    whole = entry.path is None or str(entry.path) == collection.name and len(collection) > 1
    return None if whole or entry.path is None else os.path.getsize(entry.path)


def _timeline(seen: np.ndarray) -> np.ndarray:
    """The frames at PLACES even places, so that short clips have one at each."""
    places = (np.arange(PLACES) + 0.5) / PLACES * len(seen)
    return seen[places.astype(int)]
