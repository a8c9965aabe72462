"""The canonical clip: all 543 landmarks of one recorded sign or sentence, and its file."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jaxsign.errors import UserError
from jaxsign.input import files
from jaxsign.input.files import read_npz as read_npz
from jaxsign.input.files import write_npz as write_npz

# Rows of `landmarks`, the order of MediaPipe Holistic and of the public Google ISLR files.
FACE = slice(0, 468)
LEFT_HAND = slice(468, 489)
POSE = slice(489, 522)
RIGHT_HAND = slice(522, 543)
POINTS = 543
PARTS = {"face": FACE, "left_hand": LEFT_HAND, "pose": POSE, "right_hand": RIGHT_HAND}
SUFFIX = ".clip.npz"
_ARRAYS = ("landmarks", "timestamps", "frame_size", "fps", "source", "visibility")
# What no recording exceeds: frames a second, pixels a side, seconds (as whole milliseconds).
_FASTEST, _WIDEST, _LATEST = 1_000_000, 65_535, 1e15


def _numbers(name: str, value: npt.ArrayLike, dtype: npt.DTypeLike) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":  # numpy would make numbers of dates, words and truth values
        raise ValueError(f"{name} are {array.dtype}, expected numbers")
    with np.errstate(over="ignore"):  # what is too large becomes infinite, which is refused
        return array.astype(dtype, copy=False)


@dataclasses.dataclass(frozen=True, eq=False)
class Clip:
    """One recorded sign or sentence.

    Attributes:
        landmarks: float32 [T, 543, 3]; x, y as fractions of the image's width and height, origin
            top left, z as MediaPipe gives it; NaN where a part was not detected.
        timestamps: float64 [T], seconds, not decreasing.
        frame_size: (width, height) in pixels, (0, 0) where unknown.
        fps: frames a second, 0 where unknown.
        source: where the clip comes from, for messages.
        visibility: float32 [T, 33], MediaPipe's visibility of each pose point; None where unknown.

    Raises:
        ValueError: an array has another shape or impossible values.
    """

    landmarks: np.ndarray
    timestamps: np.ndarray
    frame_size: tuple[int, int] = (0, 0)
    fps: float = 0.0
    source: str = ""
    visibility: np.ndarray | None = None

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        set_field(self, "landmarks", _numbers("landmarks", self.landmarks, np.float32))
        set_field(self, "timestamps", _numbers("timestamps", self.timestamps, np.float64))
        set_field(self, "frame_size", (int(self.frame_size[0]), int(self.frame_size[1])))
        if self.visibility is not None:
            set_field(self, "visibility", _numbers("visibility", self.visibility, np.float32))
        self._check()

    def _check(self) -> None:
        frames = len(self.landmarks)
        if self.landmarks.shape[1:] != (POINTS, 3) or frames == 0:
            raise ValueError(f"landmarks {self.landmarks.shape}, expected [T >= 1, {POINTS}, 3]")
        if np.isinf(self.landmarks).any():
            raise ValueError("landmarks hold infinite values; an absent point is NaN")
        if self.timestamps.shape != (frames,):
            raise ValueError(f"timestamps {self.timestamps.shape}, expected [{frames}]")
        if not np.isfinite(self.timestamps).all() or (np.diff(self.timestamps) < 0).any():
            raise ValueError("timestamps must be finite and must not decrease")
        if np.abs(self.timestamps).max() > _LATEST:
            raise ValueError("timestamps are no seconds: they lie beyond what whole numbers tell")
        if not 0 <= self.fps <= _FASTEST:
            raise ValueError(f"fps is {self.fps:g}, expected 0 (unknown) to {_FASTEST:,}")
        if min(self.frame_size) < 0 or max(self.frame_size) > _WIDEST:
            raise ValueError(f"frame_size is {self.frame_size}, expected 0 to {_WIDEST:,} pixels")
        if self.visibility is not None and self.visibility.shape != (frames, 33):
            raise ValueError(f"visibility {self.visibility.shape}, expected [{frames}, 33]")

    def __len__(self) -> int:
        return len(self.landmarks)

    def __repr__(self) -> str:
        seconds = self.timestamps[-1] - self.timestamps[0]
        width, height = self.frame_size
        return (
            f"Clip({len(self)} frames, {seconds:.2f} s, {self.fps:g} fps, {width} x {height}, "
            f"source={self.source!r})"
        )

    @property
    def presence(self) -> dict[str, np.ndarray]:
        """bool [T] for each of `PARTS`: frames in which any of its points was detected."""
        return shown(self.landmarks)

    def save(self, path: str | os.PathLike) -> Path:
        """Writes the clip; the name must end with `.clip.npz`. A file is whole or absent."""
        if not str(path).endswith(SUFFIX):
            raise UserError(f"{path}: a clip file's name must end with {SUFFIX}")
        arrays: dict[str, npt.ArrayLike] = {
            "landmarks": self.landmarks,
            "timestamps": self.timestamps,
            "frame_size": np.asarray(self.frame_size, np.int64),
            "fps": np.float64(self.fps),
            "source": np.asarray(self.source),
            # For readers elsewhere; it follows from the landmarks.
            "presence": np.stack(list(self.presence.values()), axis=1),
        }
        if self.visibility is not None:
            arrays["visibility"] = self.visibility
        return files.write_npz(path, arrays)


def shown(landmarks: np.ndarray) -> dict[str, np.ndarray]:
    """bool [T] for each of `PARTS` of float [T, 543, 3]: frames in which any point was detected."""
    seen = ~np.isnan(landmarks[..., :2]).any(-1)
    return {name: seen[:, rows].any(1) for name, rows in PARTS.items()}


def load(path: str | os.PathLike) -> Clip:
    """Reads a file that `Clip.save` wrote.

    Raises:
        UserError: the file is absent, damaged, or does not hold a clip.
    """
    arrays = files.read_npz(path, _ARRAYS)
    try:
        return Clip(
            landmarks=arrays["landmarks"],
            timestamps=arrays["timestamps"],
            frame_size=tuple(arrays["frame_size"].tolist()),
            fps=float(arrays["fps"]),
            source=str(arrays["source"]),
            visibility=arrays.get("visibility"),
        )
    except KeyError as error:
        raise UserError(
            f"{path}: is no clip file: array {error} is missing (found {files.held(path)})"
        ) from error
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise UserError(f"{path}: is no good clip file: {error}") from error
