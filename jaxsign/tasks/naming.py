"""How a class is called: by its name, or by its number where it has none."""

import unicodedata
from collections.abc import Mapping, Sequence

_SHOWN = 5  # groups of names that are told


def class_name(names: Sequence[str] | None, label_id: int) -> str:
    """The label's name, or its id where there is no name."""
    return str(names[label_id]) if names and 0 <= label_id < len(names) else str(label_id)


def label(names: Sequence[str] | None, label_id: int) -> str:
    """`LABEL (id)`; only the id where the label has no name of its own."""
    name = class_name(names, label_id)
    return name if name == str(label_id) else f"{name} ({label_id})"


def look_alike(names: Mapping[str, Sequence[str]]) -> list[str]:
    """A sentence for every head in which names differ only by capitals, spaces or what is unseen.

    Args:
      names: of every head's classes.
    """
    told = []
    for head, known in names.items():
        groups: dict[str, list[str]] = {}
        for name in known:
            groups.setdefault(_seen(name), []).append(name)
        same = [group for group in groups.values() if len(group) > 1]
        if same:
            shown = "; ".join(" and ".join(map(repr, group)) for group in same[:_SHOWN])
            more = f" and {len(same) - _SHOWN} more" if len(same) > _SHOWN else ""
            told.append(
                f"classes of {head} that look alike: {shown}{more}. They are learnt as different "
                "ones; where they are not, give the clips one label"
            )
    return told


def _seen(name: str) -> str:
    """A name as a reader sees it: no letters without a form, single spaces, no capitals."""
    shown = "".join(letter for letter in name if unicodedata.category(letter) != "Cf")
    return " ".join(shown.casefold().split())
