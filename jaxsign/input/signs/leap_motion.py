"""Recordings of a Leap Motion sensor as the 42 joints with velocities of WhisperSign.

The sensor tells millimetres above itself. Forms: frames of its JSON stream, arrays of joints or of
bones, and CSV files with a column for every joint's axis. `upstream` repeats WhisperSign's own
adapter, which mistakes bones' ends for joints, takes frames without a hand for one at the origin,
and knows neither hands nor confidences in CSV files.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import hand_joints, leap_motion_files
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.leap_motion_files import FARTHEST, SIDES, Hands

Array = np.ndarray
_HANDS = (clips.LEFT_HAND, clips.RIGHT_HAND)
KINDS = ("joints_xyz", "flat", "bones")
_MALFORMED = (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError)


@dataclasses.dataclass
class LeapMotion:
    """Turns recordings into joints, and collects a live stream's frames.

    Attributes:
      normalise: millimetres to fractions of the sensor's range: x / range + 0.5, y / range,
        z / range + 0.5, clipped to [0, 1]. Without it millimetres stay.
      range_mm: the sensor's range.
      fps: frames a second of the recordings, where they do not tell.
      rate: frames a second of the result; 0 = as recorded.
      upstream: repeat the original; the result has the recording's frames.
    """

    normalise: bool = True
    range_mm: float = 500.0
    fps: float = 120.0
    rate: float = 60.0
    upstream: bool = False
    _stream: list[Mapping[str, Any]] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        if not (0 < self.range_mm < np.inf and 0 < self.fps < np.inf and 0 <= self.rate < np.inf):
            raise UserError(
                f"Leap Motion: range_mm={self.range_mm}, fps={self.fps} must be above 0, "
                f"rate={self.rate} 0 or more, and none of them infinite"
            )

    def load(self, path: str | Path, hand: str = "right") -> Array:
        """A recording: .json (frames), .csv, or .npy and .npz of `KINDS`.

        Args:
          path: the file.
          hand: whose joints these are, where the recording does not tell.

        Returns:
          float32 [T, 42, 7].

        Raises:
          UserError: unreadable or of another form.
        """
        path = Path(path)
        try:
            if path.suffix.lower() == ".csv":
                return self.csv(path, hand)
            if path.suffix.lower() in (".npy", ".npz"):
                return self.array(*leap_motion_files.read_array(path, KINDS), hand)
            return self.frames(leap_motion_files.read_frames(path))
        except UserError as error:
            if str(path) in str(error):
                raise
            raise UserError(f"{path}: {error}") from error

    def frames(self, frames: Sequence[Mapping[str, Any]]) -> Array:
        """Frames of the JSON stream: {"hands": [{"type", "palm_position", "fingers", ...}]}.

        Where a frame has two hands of one side, the one of higher confidence counts (`upstream`:
        the last).

        Returns:
          float32 [T, 42, 7].

        Raises:
          UserError: a frame of another form; names the first.
        """
        seen = Hands.nothing(len(frames))
        for i, frame in enumerate(frames):
            try:
                for hand in frame.get("hands") or ():
                    side, score = self._side(hand), _score(hand)
                    if self.upstream or score > seen.confidence[i, side].max():
                        seen.xyz[i, side] = found = self._hand(hand)
                        seen.confidence[i, side] = np.where(np.isnan(found).any(axis=-1), 0, score)
            except _MALFORMED as error:
                raise UserError(
                    f"frame {i}: no frame of a Leap Motion sensor ({error!r}). Expected "
                    '{"hands": [{"type", "palm_position", "fingers": [5 of {"bones": [4 of '
                    '{"prev_joint", "next_joint"}]}]}]}, positions as [x, y, z] in millimetres.'
                ) from error
        return self.joints(seen)

    def array(self, x: Array, kind: str = "joints_xyz", hand: str = "right") -> Array:
        """Joints or bones of one hand in every frame.

        Args:
          x: 'joints_xyz' [T, 21, 3]; 'flat' [T, 63]; 'bones' [T, 20, 6], start and end of each
            bone, finger by finger from the thumb on.
          kind: one of `KINDS`.
          hand: 'left' or 'right'.

        Returns:
          float32 [T, 42, 7].

        Raises:
          UserError: an unknown kind or hand, or another shape.
        """
        shapes = {"joints_xyz": (21, 3), "flat": (63,), "bones": (20, 6)}
        if kind not in shapes or hand not in SIDES:
            raise UserError(f"kind {kind!r} and hand {hand!r}: expected {KINDS} and {SIDES}")
        if np.shape(x)[1:] != shapes[kind] or not (np.abs(x) <= FARTHEST).all():
            raise UserError(
                f"{kind}: {list(np.shape(x))}, expected finite numbers {['T', *shapes[kind]]}"
            )
        seen = Hands.nothing(len(x))
        side = SIDES.index(hand)
        seen.confidence[:, side] = 1
        if kind == "bones":
            bones = np.reshape(x, (-1, 5, 4, 2, 3))
            seen.xyz[:, side, 1:] = self._joints_of_bones(bones)
            if self.upstream:
                seen.confidence[:, side, 0] = 0
            else:
                # The metacarpals start around the wrist, which is told nowhere.
                seen.xyz[:, side, 0] = bones[:, :, 0, 0].mean(axis=1)
        else:
            seen.xyz[:, side] = np.reshape(x, (-1, 21, 3))
        return self.joints(seen)

    def csv(self, path: str | Path, hand: str = "right") -> Array:
        """A CSV file of columns `wrist_x`, ..., `pinky_tip_z`; joints without columns stay absent.

        Used where they are there: `hand_type` (rows of one `frame_id` or `timestamp` are one
        frame), `confidence`, and `timestamp` in seconds, milliseconds or microseconds.

        Args:
          path: the file.
          hand: whose joints these are, where no `hand_type` tells.

        Returns:
          float32 [T, 42, 7].

        Raises:
          UserError: unreadable, cells that are no numbers, or a joint that lacks an axis.
        """
        return self.joints(leap_motion_files.read_table(Path(path), hand, plain=self.upstream))

    def add_frame(self, frame: Mapping[str, Any]) -> None:
        """Takes a frame of the live stream."""
        self._stream.append(frame)

    def get_sequence(self, clear_buffer: bool = True) -> Array:
        """The stream so far: float32 [T, 42, 7], T = 0 before the first frame."""
        frames = list(self._stream)
        if clear_buffer:
            self._stream.clear()
        return self.frames(frames)

    def _side(self, hand: Mapping[str, Any]) -> int:
        side = str(hand["type"]).lower()
        if side not in SIDES and not self.upstream:
            raise ValueError(f"type {hand['type']!r} is neither left nor right")
        return 0 if side == "left" else 1

    def _hand(self, hand: Mapping[str, Any]) -> Array:
        """float [21, 3] of a hand of the JSON stream; NaN for bones that it does not have."""
        bones = np.full((5, 4, 2, 3), np.nan)
        for i, finger in enumerate(hand["fingers"]):
            for j, bone in enumerate(finger["bones"]):
                for k, end in enumerate(("prev_joint", "next_joint")):
                    if bone.get(end) is not None:
                        bones[i, j, k] = np.reshape(np.asarray(bone[end], np.float64), 3)
        wrist = hand.get("wrist_position")
        wrist = np.asarray(hand["palm_position"] if wrist is None else wrist, np.float64)
        found = np.concatenate([wrist.reshape(1, 3), self._joints_of_bones(bones[None])[0]])
        if (np.abs(found) > FARTHEST).any():
            raise ValueError(f"a position is {np.nanmax(np.abs(found)):g} mm away")
        return found

    def _joints_of_bones(self, bones: Array) -> Array:
        """[T, 20, 3] of [T, 5 fingers, 4 bones, 2 ends, 3]; the first bones lie within the palm."""
        if self.upstream:
            four = [bones[:, :, 0, 0], bones[:, :, 1, 0], bones[:, :, 2, 0], bones[:, :, 3, 1]]
        else:
            four = [bones[:, :, 1, 0], bones[:, :, 2, 0], bones[:, :, 3, 0], bones[:, :, 3, 1]]
        return np.stack(four, axis=2).reshape(len(bones), 20, 3)

    def joints(self, seen: Hands) -> Array:
        """float32 [T, 42, 7] of what was seen."""
        frames = len(seen.xyz)
        if not frames:
            return np.zeros((0, hand_joints.JOINTS, hand_joints.NUMBERS), np.float32)
        xyz = np.nan_to_num(self._scaled(seen.xyz)).astype(np.float32)
        if self.upstream:
            xyz, confidence = xyz.reshape(frames, 42, 3), seen.confidence.reshape(frames, 42, 1)
            speed = hand_joints.velocity(xyz, 1 / self.fps)
            return np.concatenate([xyz, speed, confidence], axis=-1).astype(np.float32)
        times = np.arange(frames) / self.fps if seen.times is None else seen.times
        return self._resampled(xyz, seen.confidence, times - times[0])

    def _resampled(self, xyz: Array, confidence: Array, times: Array) -> Array:
        landmarks = np.full((len(xyz), clips.POINTS, 3), np.nan, np.float32)
        told = confidence > 0
        shows = np.asarray(told.any(axis=-1))
        xyz = _filled(xyz, told, shows, times)
        for hand, part in enumerate(_HANDS):
            shown = shows[:, hand]
            landmarks[shown, part] = xyz[shown, hand]
        made = hand_joints.joints(Clip(landmarks, times, source="Leap Motion"), rate=self.rate)
        # What the sensor says of a frame holds for the frames around it.
        new = np.linspace(times[0], times[-1], len(made))
        nearest = np.searchsorted((times[1:] + times[:-1]) / 2, new)
        scores = confidence.reshape(len(xyz), 42)[nearest]
        made = np.where((scores > 0)[..., None], made, 0)
        made[..., hand_joints.CONFIDENCE] = np.where(made[..., 6] > 0, scores, 0)
        return made.astype(np.float32)

    def _scaled(self, xyz: Array) -> Array:
        if not self.normalise:
            return xyz
        return np.clip(xyz / self.range_mm + np.array([0.5, 0.0, 0.5]), 0.0, 1.0)


def _score(hand: Mapping[str, Any]) -> float:
    score = float(hand.get("confidence", 1.0))
    if not 0 <= score <= 1:
        raise ValueError(f"confidence {score:g} is not between 0 and 1")
    return score


def _filled(xyz: Array, told: Array, shows: Array, times: Array) -> Array:
    """Joints that a frame of their hand does not tell, on the line between frames that tell them.

    Without it neighbours would be drawn towards 0 when they are resampled.

    Args:
      xyz: float32 [T, 2, 21, 3].
      told: bool [T, 2, 21], joints that are told.
      shows: bool [T, 2], frames that show the hand.
      times: float64 [T].
    """
    made = xyz.copy()
    gaps = shows[..., None] & ~told
    for hand, joint in np.argwhere(gaps.any(axis=0) & told.any(axis=0)):
        gap, known = gaps[:, hand, joint], told[:, hand, joint]
        for axis in range(3):
            line = np.interp(times[gap], times[known], xyz[known, hand, joint, axis])
            made[gap, hand, joint, axis] = line
    return made
