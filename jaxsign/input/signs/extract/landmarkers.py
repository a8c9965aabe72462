"""An image -> 543 landmarks: MediaPipe's holistic landmarker, or hand, pose and face together."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.extract import libraries, sides
from jaxsign.input.signs.extract.models import OPTIONS
from jaxsign.input.signs.extract.settings import ExtractionSettings


@dataclasses.dataclass
class Detection:
    """What was found in one image.

    Attributes:
      points: float32 [543, 3] in the order of a clip, NaN where a part was not found.
      visibility: float32 [33] of the pose points, 0 where no pose was found.
    """

    points: np.ndarray
    visibility: np.ndarray

    @classmethod
    def nothing(cls) -> "Detection":
        """No part found."""
        points = np.full((clips.POINTS, 3), np.nan, np.float32)
        return cls(points, np.zeros(33, np.float32))

    def set_pose(self, landmarks: Any) -> None:
        """Takes MediaPipe's pose over, if there is one."""
        if landmarks:
            self.points[clips.POSE] = _points(landmarks)
            self.visibility[:] = [point.visibility or 0.0 for point in landmarks]

    def set_part(self, part: slice, landmarks: Any) -> None:
        """Takes MediaPipe's face or hand over, if there is one."""
        if landmarks:
            self.points[part] = _points(landmarks[: part.stop - part.start])


class Landmarker(Protocol):
    """Finds landmarks in the frames of one video, in order."""

    def detect(self, image: np.ndarray, milliseconds: int) -> Detection:
        """Landmarks of `image`, uint8 [H, W, 3], contiguous; the times must increase."""

    def close(self) -> None:
        """Frees what the landmarker holds."""


# A new landmarker for every video: what it tracked in one must not leak into the next.
Factory = Callable[[], Landmarker]


def _points(landmarks: Any) -> np.ndarray:
    return np.array([(point.x, point.y, point.z) for point in landmarks], np.float32)


class _MediaPipe:
    """Tasks of MediaPipe, run on the same images."""

    def __init__(self, models: Mapping[str, Path], settings: ExtractionSettings):
        self._mediapipe, self._vision = libraries.mediapipe()
        modes = self._vision.RunningMode
        self._static = settings.static
        self._mode = modes.IMAGE if settings.static else modes.VIDEO
        self._tasks: dict[str, Any] = {}
        try:
            for kind, path in models.items():
                self._tasks[kind] = libraries.guarded(
                    functools.partial(self._create, kind, path, settings.confidence),
                    f"{OPTIONS[kind]} {path}: cannot be loaded as a {kind} landmarker",
                )
        except BaseException:
            self.close()
            raise

    def _create(self, kind: str, path: Path, confidence: float) -> Any:
        name = f"{kind.capitalize()}Landmarker"
        options = getattr(self._vision, f"{name}Options")
        counts = {"hand": {"num_hands": 2}}.get(kind, {})
        # All that the task has: detection, presence, tracking, landmarks.
        least = {
            field.name: confidence
            for field in dataclasses.fields(options)
            if field.name.startswith("min_") and field.name.endswith("_confidence")
        }
        base = self._mediapipe.tasks.BaseOptions(model_asset_path=str(path))
        given = options(base_options=base, running_mode=self._mode, **counts, **least)
        return getattr(self._vision, name).create_from_options(given)

    def _run(self, image: np.ndarray, milliseconds: int) -> dict[str, Any]:
        # MediaPipe reads the memory as if rows were not padded.
        if not image.flags.c_contiguous:
            raise ValueError("the image is not contiguous")
        shown = self._mediapipe.Image(self._mediapipe.ImageFormat.SRGB, image)
        if self._static:
            return {kind: task.detect(shown) for kind, task in self._tasks.items()}
        return {k: task.detect_for_video(shown, milliseconds) for k, task in self._tasks.items()}

    def close(self) -> None:
        """Frees the tasks."""
        while self._tasks:
            self._tasks.popitem()[1].close()


class Holistic(_MediaPipe):
    """HolisticLandmarker: it finds the hands by the pose, so their sides are certain."""

    def detect(self, image: np.ndarray, milliseconds: int) -> Detection:
        """See `Landmarker`."""
        result = self._run(image, milliseconds)["holistic"]
        found = Detection.nothing()
        found.set_pose(result.pose_landmarks)
        found.set_part(clips.FACE, result.face_landmarks)
        found.set_part(clips.LEFT_HAND, result.left_hand_landmarks)
        found.set_part(clips.RIGHT_HAND, result.right_hand_landmarks)
        return found


class Separate(_MediaPipe):
    """Any of HandLandmarker, PoseLandmarker and FaceLandmarker, put together."""

    def detect(self, image: np.ndarray, milliseconds: int) -> Detection:
        """See `Landmarker`."""
        results = self._run(image, milliseconds)
        found = Detection.nothing()
        if "pose" in results:
            found.set_pose(next(iter(results["pose"].pose_landmarks), None))
        if "face" in results:
            found.set_part(clips.FACE, next(iter(results["face"].face_landmarks), None))
        if "hand" in results:
            self._set_hands(found, results["hand"], image.shape[1] / image.shape[0])
        return found

    def _set_hands(self, found: Detection, result: Any, aspect: float) -> None:
        hands = [
            sides.Hand(_points(points), label[0].category_name.lower(), label[0].score)
            for points, label in zip(result.hand_landmarks, result.handedness, strict=True)
        ]
        pose = found.points[clips.POSE]
        assigned = sides.assign(hands, None if np.isnan(pose).any() else pose, aspect)
        for side, part in zip(sides.SIDES, (clips.LEFT_HAND, clips.RIGHT_HAND), strict=True):
            if side in assigned:
                found.points[part] = assigned[side]


def create(models: Mapping[str, Path], settings: ExtractionSettings) -> Landmarker:
    """A landmarker of the given model files, see `models.check`.

    Raises:
      UserError: MediaPipe cannot be used on this system, or not with these files.
    """
    kind = Holistic if "holistic" in models else Separate
    return kind(models, settings)
