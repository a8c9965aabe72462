"""Files that hold several people: whom a clip is of."""

from pathlib import Path

import numpy as np

from jaxsign import telling
from jaxsign.errors import UserError

Array = np.ndarray
# Whoever moves so many times as far as anybody else is the one who signs.
_CLEARLY = 3.0


def choose(path: Path, points: Array, there: Array, person: int = 0) -> int:
    """The number of the person, from 0, that a file's clip is of.

    People without a point in any frame count for nothing. Of several the one who moves is taken,
    and told.

    Args:
        path: the file, for messages.
        points: float [T, people, P, 2], fractions of the image.
        there: bool [T, people, P]: the points that were found.
        person: the number that was asked for, from 1; 0 = find out.

    Raises:
        UserError: there is no such person, or of several none moves clearly most.
    """
    count = points.shape[1]
    if person > count:
        raise UserError(f"{path}: --person {person}, but it holds {count}")
    if person:
        return person - 1
    frames = there.any(axis=2).sum(axis=0)
    seen = np.flatnonzero(frames)
    if len(seen) < 2:
        return int(seen[0]) if len(seen) else 0
    moved = _moved(points, there)
    first, second = seen[np.argsort(-moved[seen], kind="stable")[:2]]
    told = ", ".join(
        f"person {i + 1} in {frames[i]} of {len(points)} frames (moves {moved[i]:.2f})"
        for i in seen
    )
    if moved[first] <= _CLEARLY * moved[second]:
        how = "who move" if moved[second] else "and nobody moves"
        raise UserError(
            f"{path}: shows {len(seen)} people {how}: {told}. Say whose signs these are: "
            "--person N (of jaxsign convert, for data to train on)"
        )
    telling.once("%s: %s", path, f"took person {first + 1}, who moves most: {told}")
    return int(first)


def _moved(points: Array, there: Array) -> Array:
    """float [people]: how far the points of each go on average, in images, in all frames."""
    both = there[1:] & there[:-1]
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.linalg.norm(np.diff(points, axis=0), axis=-1)
    steps = np.where(both & np.isfinite(steps), steps, 0)
    return steps.sum(axis=(0, 2)) / max(points.shape[2], 1)
