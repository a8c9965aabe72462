"""A clip as one record of bytes (see `jaxsign.input.records`): place, frame_size, fps, source.

`points` holds one bit for each of the 543 points: whether it occurs in the clip. `landmarks` are
[T, points that occur, 3], so that a clip of pose and hands does not store a face.
"""

import numpy as np

from jaxsign.input import records
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.clip import Clip

MAGIC = b"JSC1"


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
    }
    return records.encode(MAGIC, about, arrays)


def decode(record: bytes, place: str = "") -> Clip:
    """The clip of a record.

    Args:
        record: what `encode` made.
        place: that it must have; "" = any.

    Raises:
        ValueError: not such a record, one of another place, or cut short.
    """
    about, arrays = records.decode(MAGIC, record, "a clip", place)
    try:
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
