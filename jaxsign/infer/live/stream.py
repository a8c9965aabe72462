"""A recogniser of single signs on a stream of landmarks: a window of frames, answered at intervals.

Source: google_asl_recognition's live program; its flaws are not kept: an absent part leaves NaN in
its own place, and the answer stays until the next one.
"""

import collections
import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs.clip import FACE, POINTS, Clip
from jaxsign.tasks.classes import metrics

Array = np.ndarray
_IN_FACE = (np.arange(POINTS) < FACE.stop)[:, None]


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a stream is cut and judged.

    Attributes:
      window: frames looked at: the last ones that show any landmark.
      target_frames: a window with more frames is thinned to so many; 0 = never. The original thins
        to 16, although it was trained on every frame.
      min_frames: fewer frames are not judged.
      every: seconds between two answers.
      threshold: probability from which an answer counts.
      smoothing: answers whose probabilities are averaged.
      top: candidates given.
      head: of the net; "" = the first.
      no_sign: class that stands for no sign; "" = there is none.
      face_only: pose and hands are left out.
    """

    window: int = 30
    target_frames: int = 0
    min_frames: int = 5
    every: float = 0.5
    threshold: float = 0.8
    smoothing: int = 1
    top: int = 3
    head: str = ""
    no_sign: str = ""
    face_only: bool = False

    def check(self) -> None:
        """Refuses settings that cannot work.

        Raises:
          UserError: names them.
        """
        problems = [
            f"{name}={getattr(self, name)}: expected at least {low}"
            for name, low in (
                ("window", 1), ("target_frames", 0), ("min_frames", 1), ("every", 0),
                ("smoothing", 1), ("top", 1),
            )
            if not low <= getattr(self, name) < np.inf  # also where it is not a number
        ]  # fmt: skip
        if not 0 <= self.threshold <= 1:
            problems.append(f"threshold={self.threshold}: expected 0 to 1")
        if self.min_frames > self.window:
            problems.append(f"min_frames={self.min_frames} is more than window={self.window}")
        if problems:
            raise UserError("live recognition: " + "; ".join(problems))


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the net says about a window.

    Attributes:
      time: seconds, of the window's last frame.
      start: seconds, of its first frame.
      frames: given to the net.
      candidates: (name, probability), best first.
      accepted: the best one reaches the threshold and is a sign.
      net_ms: time the net took.
    """

    time: float
    start: float
    frames: int
    candidates: tuple[tuple[str, float], ...]
    accepted: bool
    net_ms: float

    @property
    def title(self) -> str:
        """The best candidate."""
        return self.candidates[0][0]

    def text(self) -> str:
        """A line for the screen; a sure answer has a star."""
        named = "   ".join(f"{name} {p:.3f}" for name, p in self.candidates)
        return f"{self.time:7.2f} s {'*' if self.accepted else ' '} {named}"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        best, probability = self.candidates[0]
        return {
            "time": round(self.time, 3),
            "start": round(self.start, 3),
            "frames": self.frames,
            "sign": best if self.accepted else None,
            "probability": round(probability, 4),
            "candidates": [[name, round(p, 4)] for name, p in self.candidates],
            "net_ms": round(self.net_ms, 2),
        }


def thin(frames: int, target: int) -> Array:
    """int [min(frames, target)]: evenly spread frames, rounded down; all of them with target 0."""
    if not target or frames <= target:
        return np.arange(frames)
    return np.linspace(0, frames - 1, target).astype(np.int64)


class Recogniser:
    """Takes frame after frame; answers at intervals.

    Args:
      run: a loaded run (`jaxsign.infer.run.Run`) whose net takes landmarks.
      settings: see there.
      frame_size: (width, height) of the images, for views that need it.

    Raises:
      UserError: settings that cannot work, an unknown head, or a net that takes no landmarks.
    """

    def __init__(self, run: Any, settings: Settings, frame_size: tuple[int, int] = (0, 0)):
        settings.check()
        self.run, self.settings, self.frame_size = run, settings, frame_size
        self.head = settings.head or run.heads[0]
        if self.head not in run.heads:
            raise UserError(f"this run has no head {self.head!r}; it has {', '.join(run.heads)}")
        if run.view is None:
            raise UserError(
                f"{run.workdir}: its net takes stored features, not landmarks; live recognition "
                "needs a run with a view (config.view.name)"
            )
        if settings.no_sign and settings.no_sign not in (run.labels[self.head] or ()):
            raise UserError(f"{settings.no_sign!r} is no class of the head {self.head}")
        self.reset()

    def reset(self) -> None:
        """Forgets all frames and answers."""
        self._frames: collections.deque[tuple[Array, Array, float]] = collections.deque(
            maxlen=self.settings.window
        )
        self._probabilities: collections.deque[Array] = collections.deque(
            maxlen=self.settings.smoothing
        )
        self._last = -np.inf

    def __len__(self) -> int:
        return len(self._frames)

    def warm_up(self) -> float:
        """Compiles the net for the lengths that occur; returns the seconds that took."""
        begun = time.perf_counter()
        lengths = {}  # the net is compiled once a bucket
        for frames in range(self.settings.min_frames, self.settings.window + 1):
            kept = len(thin(frames, self.settings.target_frames))
            lengths[self.run.bucket(min(kept, self.run.max_length or kept))] = kept
        for kept in lengths.values():
            blank = np.full((kept, 543, 3), 0.5, np.float32)
            self._judge(blank, np.ones((kept, 33), np.float32), np.arange(kept) / 30)
        return time.perf_counter() - begun

    def add(
        self, landmarks: Array, seconds: float, visibility: Array | None = None
    ) -> Answer | None:
        """Takes a frame; an answer if one is due.

        Args:
          landmarks: float32 [543, 3], NaN where absent (`jaxsign.input.signs.clip.Clip`).
          seconds: of the frame; must not decrease.
          visibility: float32 [33] of the pose points; None = all are visible.
        """
        if self.settings.face_only:
            landmarks = np.where(_IN_FACE, landmarks, np.float32(np.nan))
        if not np.isnan(landmarks).all():
            seen = np.ones(33, np.float32) if visibility is None else visibility
            self._frames.append((landmarks, seen, seconds))
        due = seconds - self._last >= self.settings.every - 1e-9
        if not due or len(self._frames) < self.settings.min_frames:
            return None
        self._last = seconds
        return self._answer()

    def finish(self, seconds: float) -> None:
        """The stream is over; what was to be told has been."""

    @property
    def threshold(self) -> float | None:
        """Probability from which an answer counts."""
        return self.settings.threshold

    def _answer(self) -> Answer:
        kept = thin(len(self._frames), self.settings.target_frames)
        chosen = [self._frames[i] for i in kept]
        landmarks, visibility, times = (np.stack(part) for part in zip(*chosen, strict=True))
        begun = time.perf_counter()
        self._probabilities.append(self._judge(landmarks, visibility, times))
        took = 1000 * (time.perf_counter() - begun)
        probabilities = np.mean(self._probabilities, axis=0)
        best = np.argsort(-probabilities, kind="stable")[: self.settings.top]
        candidates = tuple((self._name(i), float(probabilities[i])) for i in best)
        accepted = candidates[0][1] >= self.settings.threshold
        accepted = accepted and candidates[0][0] != (self.settings.no_sign or None)
        return Answer(float(times[-1]), float(times[0]), len(kept), candidates, accepted, took)

    def _judge(self, landmarks: Array, visibility: Array, times: Array) -> Array:
        from jaxsign.infer import run as runs

        clip = Clip(landmarks, times - times[0], self.frame_size, visibility=visibility)
        x = self.run.cut(self.run.features(clip))
        scores = self.run.classify([runs.Clip(x, np.ones(len(x), bool))], 1)[self.head][0]
        return metrics.softmax(scores)

    def _name(self, index: int) -> str:
        names: Sequence[str] | None = self.run.labels[self.head]
        return names[index] if names else str(index)
