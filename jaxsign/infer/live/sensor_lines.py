"""Frames as lines of JSON, one each: what a sensor or another program pipes into a stream.

    {"time": 0.033, "left_hand": [[x, y, z], ... 21], "right_hand": null, "pose": [... 33]}
    {"time": 0.033, "landmarks": [[x, y, z], null, ... 543]}
    {"time": 0.033, "hands": [...]}            a frame of the Leap Motion service
    {"time": 0.033, "features": [[...], ...]}  a frame of the view's own features

`time` is in seconds and may be left out of all lines where the frames come at a fixed rate. Parts
that are null or missing were not seen. `visibility` [33] of the pose may be told too.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from jaxsign import reading
from jaxsign.errors import UserError, did_you_mean
from jaxsign.input.signs import leap_motion
from jaxsign.input.signs.clip import LEFT_HAND, PARTS, POINTS, RIGHT_HAND
from jaxsign.input.signs.rows import Chunk

Array = np.ndarray
_KEYS = ("time", "visibility", "landmarks", "hands", "features", *PARTS)
_LEAP = leap_motion.LeapMotion(rate=0.0)
_POSE_POINTS = PARTS["pose"].stop - PARTS["pose"].start


def read(lines: Iterable[str], name: str = "-") -> Iterator[Chunk]:
    """A chunk of one frame for every line; empty lines are left out.

    Raises:
      UserError: names the line that is no frame, and what is wrong with it.
    """
    number = 0
    try:
        for line in lines:
            number += 1
            if line.strip():
                yield _frame(line)
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: bytes that are no text behind line {number} ({error})") from error
    except (UserError, ValueError, TypeError) as error:
        raise UserError(f"{name}, line {number}: {error}") from error


def _frame(line: str) -> Chunk:
    try:
        told = reading.parse_json(line.removeprefix("\ufeff"))
    except ValueError as error:
        raise UserError(f"no JSON ({error}). Expected one frame a line, as --help shows") from error
    if not isinstance(told, Mapping):
        raise UserError("expected an object such as {'time': 0.0, 'left_hand': [...]}")
    unknown = [key for key in told if key not in _KEYS]
    kinds = [key for key in ("landmarks", "hands", "features") if key in told]
    parts = [key for key in PARTS if key in told]
    if (unknown and "hands" not in told) or len(kinds) + bool(parts) != 1:
        near = did_you_mean(unknown[0], _KEYS) if unknown else ""
        raise UserError(
            f"a frame with the keys {', '.join(told) or '(none)'}.{near} Expected landmarks, "
            f"hands, features or any of {', '.join(PARTS)}"
        )
    time = told.get("time")
    return Chunk(
        _points(told, kinds, parts)[None],
        None if time is None else np.array([float(time)]),
        None if told.get("visibility") is None else _visibility(told["visibility"])[None],
    )


def _points(told: Mapping[str, Any], kinds: list[str], parts: list[str]) -> Array:
    if kinds == ["features"]:
        return np.asarray(told["features"], np.float32)
    if kinds == ["hands"]:
        return _of_leap(told)
    if kinds == ["landmarks"]:
        return _part(told["landmarks"], POINTS, "landmarks")
    points = np.full((POINTS, 3), np.nan, np.float32)
    for name in parts:
        rows = PARTS[name]
        if told[name] is not None:
            points[rows] = _part(told[name], rows.stop - rows.start, name)
    return points


def _part(values: Any, count: int, name: str) -> Array:
    """float32 [count, 3]; null and two numbers where the depth is not known are fine."""
    if not isinstance(values, list) or len(values) != count:
        found = f"{len(values)} points" if isinstance(values, list) else type(values).__name__
        raise UserError(f"{name} has {found}, expected {count} points")
    if not all(point is None or isinstance(point, list) for point in values):
        raise UserError(f"{name}: expected [x, y, z] or null for each of its {count} points")
    rows = [[*(point or ()), np.nan, np.nan, np.nan][:3] for point in values]
    return np.array(rows, np.float32)


def _of_leap(told: Mapping[str, Any]) -> Array:
    joints = _LEAP.frames([told])[0]
    points = np.full((POINTS, 3), np.nan, np.float32)
    for rows, hand in ((LEFT_HAND, joints[:21]), (RIGHT_HAND, joints[21:])):
        if (hand[:, 6] > 0).any():
            points[rows] = hand[:, :3]
    return points


def _visibility(values: Any) -> Array:
    found = np.asarray(values, np.float32)
    if found.shape != (_POSE_POINTS,):
        raise UserError(f"visibility {list(found.shape)}, expected [{_POSE_POINTS}]")
    return found
