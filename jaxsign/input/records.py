"""Arrays as one record of bytes: a header that describes itself, then the arrays.

    4 bytes   what it is a record of
    4 bytes   length of the header, little-endian
    header    JSON: what is told of it, place, arrays [[name, type, shape], ...]
    arrays    one after the other, each as byte planes: all first bytes of its numbers, then all
              second bytes, ...

Neighbouring numbers share their leading bytes: as planes they take a fifth to a third less room
when packed.
"""

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxsign import reading

Array = np.ndarray
_LENGTH = struct.Struct("<I")


def encode(magic: bytes, about: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """The record.

    Args:
      magic: 4 bytes, what it is a record of.
      about: what JSON can tell; `place` says which record of which store it is.
      arrays: numbers in the order of bytes that their types say.
    """
    listed = [[name, array.dtype.str, array.shape] for name, array in arrays.items()]
    header = json.dumps({**about, "arrays": listed}).encode()
    planes = [_planes(array) for array in arrays.values()]
    return b"".join([magic, _LENGTH.pack(len(header)), header, *planes])


def decode(
    magic: bytes, record: bytes, what: str, place: str = ""
) -> tuple[dict[str, Any], dict[str, Array]]:
    """What `encode` was given.

    Args:
      magic: that it must begin with.
      record: the bytes.
      what: it is a record of, for messages.
      place: that it must have; '' = any.

    Raises:
      ValueError: not such a record, one of another place, or cut short.
    """
    if record[:4] != magic or len(record) < 8:
        raise ValueError(f"not a record of {what}")
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
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"not a whole record of {what} ({error!r})") from error
    return about, arrays


def _planes(array: Array) -> bytes:
    width = array.dtype.itemsize
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8).reshape(-1, width)
    return np.ascontiguousarray(flat.T).tobytes()


def _numbers(data: bytes, dtype: np.dtype, shape: list[int]) -> Array:
    planes = np.frombuffer(data, np.uint8).reshape(dtype.itemsize, -1)
    numbers = np.empty(planes.shape[::-1], np.uint8)
    for byte, plane in enumerate(planes):  # a third of the time of a transposed copy
        numbers[:, byte] = plane
    return numbers.reshape(-1).view(dtype).reshape(shape)
