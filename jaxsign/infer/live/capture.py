"""Recording one clip from a camera or a film, thinned and written as people need it.

Source: google_asl_recognition's capture tool, but with every part in its own place and NaN where it
is absent.
"""

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.infer.live.frames import Frame
from jaxsign.input import windows
from jaxsign.input.signs.clip import FACE, Clip
from jaxsign.input.signs.extract.landmarkers import Detection, Landmarker
from jaxsign.input.signs.extract.sampling import Milliseconds

# Called with every kept frame; True ends the recording.
Watch = Callable[[np.ndarray, Detection, int], bool]


@dataclasses.dataclass(frozen=True)
class CaptureSettings:
    """What is kept.

    Attributes:
      max_frames: the recording ends with so many.
      fps: at most so many frames a second are taken; 0 = all.
      target_frames: a longer recording is thinned to so many, evenly; 0 = never.
      face_only: other parts are left absent.
    """

    max_frames: int = 100
    fps: float = 30.0
    target_frames: int = 0
    face_only: bool = False

    def check(self) -> None:
        """Refuses settings that record nothing.

        Raises:
          UserError: names them.
        """
        if self.max_frames < 1 or self.fps < 0 or self.target_frames < 0:
            raise UserError(
                f"capture: max_frames={self.max_frames}, fps={self.fps:g} and target_frames="
                f"{self.target_frames}: expected at least 1, 0 and 0"
            )


def capture(
    images: Iterable[Frame],
    landmarker: Landmarker,
    settings: CaptureSettings,
    *,
    source: str = "",
    watch: Watch = lambda image, detection, count: False,
) -> Clip:
    """The recording.

    Raises:
      UserError: settings that record nothing, or no frame came.
    """
    settings.check()
    clock, due = Milliseconds(), -np.inf
    step = 1 / settings.fps if settings.fps else 0.0
    rows: list[Detection] = []
    times: list[float] = []
    size = (0, 0)
    for seconds, image in images:
        if seconds < due - 1e-6:
            continue
        due = due if rows else seconds
        # From when it was due, not from when it came: a camera's jitter costs no frames.
        due = max(due + step, seconds + step / 2)
        detection = landmarker.detect(image, clock.read(seconds))
        rows.append(detection)
        times.append(seconds)
        size = (image.shape[1], image.shape[0])
        if watch(image, detection, len(rows)) or len(rows) >= settings.max_frames:
            break
    if not rows:
        raise UserError(f"{source or 'capture'}: no frame came")
    kept = windows.thin(len(rows), settings.target_frames)
    landmarks = np.stack([rows[i].points for i in kept])
    if settings.face_only:
        landmarks[:, FACE.stop :] = np.nan
    moments = np.asarray(times)[kept]
    return Clip(
        landmarks=landmarks,
        timestamps=moments - moments[0],
        frame_size=size,
        fps=_rate(moments),
        source=source,
        visibility=np.stack([rows[i].visibility for i in kept]),
    )


def _rate(times: np.ndarray) -> float:
    span = times[-1] - times[0]
    return round((len(times) - 1) / span, 3) if span > 0 else 0.0


def to_json(clip: Clip, settings: CaptureSettings) -> dict[str, object]:
    """The original's file: an absent coordinate is null."""
    points = clip.landmarks.astype(np.float64).round(6).astype(object)
    points[np.isnan(clip.landmarks)] = None
    return {
        "frames": len(clip),
        "landmarks_per_frame": clip.landmarks.shape[1],
        "timestamps": clip.timestamps.round(4).tolist(),
        "landmarks": points.tolist(),
        "dataset_format": True,
        "target_frames": settings.target_frames,
        "use_only_face": settings.face_only,
    }


def place(out: Path) -> Path:
    """Checks where a recording is to go, before anything is recorded.

    Raises:
      UserError: another ending than .clip.npz or .json, or the file exists.
    """
    if not out.name.endswith((".clip.npz", ".json")):
        raise UserError(f"--out {out}: the name must end with .clip.npz or .json")
    if out.exists():
        raise UserError(f"--out {out}: exists already. Choose another name, or remove it.")
    return out
