"""Values of JSON that a person wrote: each is what it should be, or a ValueError says why."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxsign import reading
from jaxsign.errors import did_you_mean


def keys(value: Any, what: str, needed: Sequence[str], others: Sequence[str]) -> Mapping[str, Any]:
    """An object with the needed keys, and of others these alone."""
    if not isinstance(value, dict):
        raise ValueError(f"is {told(value)}, expected {what}: an object with {', '.join(needed)}")
    known = *needed, *others
    if absent := [key for key in needed if key not in value]:
        raise ValueError(f"has no {', '.join(map(repr, absent))}; {what} has {', '.join(needed)}")
    if odd := [key for key in value if key not in known]:
        raise ValueError(
            f"{odd[0]!r} is no key of {what}.{did_you_mean(odd[0], known)} Known: "
            f"{', '.join(known)}"
        )
    return value


def items(row: Mapping[str, Any], key: str) -> Sequence[Any]:
    """A list; one that is left out is empty."""
    value = row.get(key, [])
    if not isinstance(value, list):
        raise ValueError(f"{key} is {told(value)}, expected a list")
    return value


def text(row: Mapping[str, Any], key: str) -> str:
    """A text that is not empty."""
    value = row[key]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} is {told(value)}, expected a text")
    return value


def side(row: Mapping[str, Any], video: Mapping[str, Any], key: str) -> int:
    """A frame's width or height, its own or that of all the video's frames."""
    value = whole(row.get(key, video.get(key)))
    if not isinstance(value, int) or not 1 <= value < 1 << 24:
        raise ValueError(
            f"{key} is {told(value)}, expected the picture's in pixels, in the frame or, for all "
            "frames, in the video"
        )
    return value


def whole(value: Any) -> Any:
    """640 for 640.0, as other programs write whole numbers; what is none stays, True is None."""
    if isinstance(value, bool):
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value


def number(value: Any, key: str) -> float:
    """A number that is one, in single precision too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key} holds {told(value)}, expected a number")
    if abs(value) > float(np.finfo(np.float32).max) or not math.isfinite(value):
        raise ValueError(f"{key} holds {value}, expected a finite number")
    return float(value)


def known(value: Any, names: tuple[str, ...], what: str) -> str:
    """One of the names."""
    if isinstance(value, str) and value in names:
        return value
    near = did_you_mean(value, names) if isinstance(value, str) else ""
    raise ValueError(f"{what} {told(value)} is unknown.{near} Known are the names in classes.json")


def told(value: Any) -> str:
    """A value for a message, cut where it is long."""
    return "missing" if value is None else reading.quoted(json.dumps(value, ensure_ascii=False), 60)
