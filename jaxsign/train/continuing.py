"""What the data must still mean where a run goes on: its classes and its languages."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from jaxsign.errors import UserError, listing
from jaxsign.input import labels


def check_classes(names: Mapping[str, Sequence[str]], path: Path) -> None:
    """Refuses data in which a class that the run has learnt is another one.

    Args:
      names: of every head's classes, as the data have them now.
      path: the run's labels.json; classes that it only numbers may get names.

    Raises:
      UserError: lists the classes that differ.
    """
    begun = labels.read_names(path, names) if path.is_file() else {}
    different = [
        f"{head} {number}: {old!r} there, {new!r} now"
        for head, known in begun.items()
        for number, (old, new) in enumerate(
            itertools.zip_longest(known, [name.strip() for name in names[head]])
        )
        if known != tuple(map(str, range(len(names[head])))) and old != new
    ]
    if different:
        raise UserError(
            f"{path.parent} has learnt other classes; {len(different)} differ:\n"
            f"{listing(different)}\nGive the data that it began with (data.parts in the order of "
            f"its config.json), or choose another --workdir. Where a name alone was mended, mend "
            f"it in {path} too."
        )


def check_languages(now: Sequence[str], begun: Sequence[str]) -> None:
    """Refuses folders in another order: a language's number is its folder's place.

    Raises:
      UserError: their names are the same, but for the order.
    """
    names, known = ([Path(part).name for part in parts] for parts in (now, begun))
    if names != known and sorted(names) == sorted(known):
        raise UserError(
            f"data.parts: {', '.join(names)}, but the run began with {', '.join(known)}; a "
            "folder's place is the number of its language. Give them in that order"
        )
