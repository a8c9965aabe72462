"""How a class is called: by its name, or by its number where it has none."""

from collections.abc import Sequence


def class_name(names: Sequence[str] | None, label_id: int) -> str:
    """The label's name, or its id where there is no name."""
    return str(names[label_id]) if names and 0 <= label_id < len(names) else str(label_id)


def label(names: Sequence[str] | None, label_id: int) -> str:
    """`LABEL (id)`; only the id where the label has no name of its own."""
    name = class_name(names, label_id)
    return name if name == str(label_id) else f"{name} ({label_id})"
