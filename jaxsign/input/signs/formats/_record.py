"""A clip as one record of bytes: a header that describes itself, then the arrays.

    4 bytes   "JSC1"
    4 bytes   length of the header, little-endian
    header    JSON: place, frame_size, fps, source, arrays [[name, type, shape], ...]
    arrays    one after the other, each as byte planes: all first bytes of its numbers, then all
              second bytes, ...

`points` holds one bit for each of the 543 points: whether it occurs in the clip. `landmarks` are
[T, points that occur, 3], so that a clip of pose and hands does not store a face. Neighbouring
numbers share their leading bytes: as planes they take a fifth to a third less room when packed.
"""

import json
import struct

import numpy as np

from jaxsign import reading
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.clip import Clip

Array = np.ndarray
MAGIC = b"JSC1"
_LENGTH = struct.Struct("<I")


def encode(clip: Clip, dtype: str = "float32", place: str = "") -> bytes:
    """The record of a clip.

    Args:
        clip: T frames.
        dtype: of the stored landmarks: 'float32' keeps them as they are, 'float16' rounds them to
            about 0.0005 of the image at half the size.
        place: which record of which store it is.

    Raises:
        ValueError: a number that `dtype` cannot hold.
    """
    there = ~np.isnan(clip.landmarks).all(axis=(0, 2))
    with np.errstate(over="ignore"):
        landmarks = clip.landmarks[:, there].astype(np.dtype(dtype).newbyteorder("<"))
    if np.isinf(landmarks).any():
        raise ValueError(f"landmarks hold numbers beyond {dtype}")
    arrays = {
        "points": np.packbits(there),
        "landmarks": landmarks,
        "timestamps": clip.timestamps.astype("<f8"),
    }
    if clip.visibility is not None:
        arrays["visibility"] = clip.visibility.astype("<f4")
    about = {
        "place": place,
        "frame_size": clip.frame_size,
        "fps": clip.fps,
        "source": clip.source,
        "arrays": [[name, array.dtype.str, array.shape] for name, array in arrays.items()],
    }
    header = json.dumps(about).encode()
    planes = [_planes(array) for array in arrays.values()]
    return b"".join([MAGIC, _LENGTH.pack(len(header)), header, *planes])


def decode(record: bytes, place: str = "") -> Clip:
    """The clip of a record.

    Args:
        record: what `encode` made.
        place: that it must have; "" = any.

    Raises:
        ValueError: not such a record, one of another place, or cut short.
    """
    if record[:4] != MAGIC or len(record) < 8:
        raise ValueError("not a record of a clip")
    start = 8 + _LENGTH.unpack_from(record, 4)[0]
    try:
        about = reading.parse_json(record[8:start])
        if place and about["place"] != place:
            raise ValueError("it is a record of another store, or of another place in this one")
        arrays = {}
        for name, dtype, shape in about["arrays"]:
            size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
            arrays[name] = _numbers(record[start : start + size], np.dtype(dtype), shape)
            start += size
        there = np.unpackbits(arrays["points"], count=clips.POINTS).astype(bool)
        landmarks = np.full((len(arrays["landmarks"]), clips.POINTS, 3), np.nan, np.float32)
        landmarks[:, there] = arrays["landmarks"]
        return Clip(
            landmarks,
            arrays["timestamps"],
            frame_size=tuple(about["frame_size"]),
            fps=about["fps"],
            source=about["source"],
            visibility=arrays.get("visibility"),
        )
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"not a whole record of a clip ({error!r})") from error


def _planes(array: Array) -> bytes:
    width = array.dtype.itemsize
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8).reshape(-1, width)
    return np.ascontiguousarray(flat.T).tobytes()


def _numbers(data: bytes, dtype: np.dtype, shape: list[int]) -> Array:
    planes = np.frombuffer(data, np.uint8).reshape(dtype.itemsize, -1)
    return np.ascontiguousarray(planes.T).reshape(-1).view(dtype).reshape(shape)
