"""One sign before a camera: the last frames are judged at intervals, as if they were a clip.

Source: google_asl_recognition's live program; its flaws are not kept: an absent part leaves NaN in
its own place, and the answer stays until the next one.
"""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import windows
from jaxsign.input.signs import rows, views
from jaxsign.input.signs.clip import FACE, POINTS
from jaxsign.input.signs.windowing import Window
from jaxsign.tasks import answering
from jaxsign.tasks.classes.following import Classes
from jaxsign.tasks.following import Follower, Heard

Array = np.ndarray
_IN_FACE = (np.arange(POINTS) < FACE.stop)[:, None]


@dataclasses.dataclass(frozen=True)
class Judged(Heard):
    """What the net says about a window; `time` is its last frame's.

    Attributes:
      frames: given to the net.
      sure: the best candidate reaches the threshold and is a sign.
    """

    frames: int = 0
    sure: bool = False

    @property
    def accepted(self) -> bool:
        return self.sure

    def text(self) -> str:
        """A line for the screen; a sure answer has a star."""
        named = "   ".join(f"{name} {p:.3f}" for name, p in self.candidates)
        return f"{self.time:7.2f} s {'*' if self.accepted else ' '} {named}"

    def to_json(self) -> dict[str, object]:
        best, probability = self.candidates[0]
        return {
            "time": round(self.time, 3),
            "start": round(self.start, 3),
            "frames": self.frames,
            "sign": best if self.accepted else None,
            "probability": round(probability, 4),
            "candidates": [[name, round(p, 4)] for name, p in self.candidates],
            "net_ms": round(self.compute_ms, 2),
        }


@dataclasses.dataclass
class Judge(Follower):
    """The follower of a run of one sign a clip, for one who signs before a camera.

    Attributes:
      run: that hears; its net takes landmarks.
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

    Raises:
      UserError: settings that cannot work, or an unknown head or class.
    """

    run: answering.Trained
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

    causal = False
    fps = 0.0
    rate = views.FRAMES_A_SECOND

    def __post_init__(self) -> None:
        problems = [
            f"{name}={value}: expected at least {low}"
            for name, value, low in (
                ("window", self.window, 1), ("target_frames", self.target_frames, 0),
                ("min_frames", self.min_frames, 1), ("every", self.every, 0),
                ("smoothing", self.smoothing, 1), ("top", self.top, 1),
            )
            if not low <= value < np.inf  # also where it is not a number
        ]  # fmt: skip
        if not 0 <= self.threshold <= 1:
            problems.append(f"threshold={self.threshold}: expected 0 to 1")
        if self.min_frames > self.window:
            problems.append(f"min_frames={self.min_frames} is more than window={self.window}")
        if problems:
            raise UserError("live recognition: " + "; ".join(problems))
        self._classes = Classes(self.run, self.head, self.no_sign)
        self.begin()

    def begin(self) -> "_Latest":
        self._probabilities: collections.deque[Array] = collections.deque(maxlen=self.smoothing)
        return _Latest(self)

    @property
    def lengths(self) -> Sequence[int]:
        every = range(self.min_frames, self.window + 1)
        return sorted({len(windows.thin(n, self.target_frames)) for n in every})

    def take(self, window: Window, outputs: answering.Outputs | None, compute_ms: float) -> Judged:
        assert outputs is not None
        self._probabilities.append(self._classes.probabilities(outputs))
        probabilities = np.mean(self._probabilities, axis=0)
        best = np.argsort(-probabilities, kind="stable")[: self.top]
        candidates = tuple((self._classes.name(i), float(probabilities[i])) for i in best)
        name, probability = candidates[0]
        times = window.rows.times
        return Judged(
            time=float(times[-1]),
            compute_ms=compute_ms,
            candidates=candidates,
            start=float(times[0]),
            frames=len(times),
            sure=probability >= self.threshold and name != (self.no_sign or None),
        )

    @property
    def about(self) -> str:
        return f"one sign: the last {self.window} frames every {self.every:g} s"


class _Latest:
    """Cuts out the last frames that show anything, at intervals."""

    def __init__(self, judge: Judge):
        self._judge = judge
        self._rows: collections.deque[rows.Rows] = collections.deque(maxlen=judge.window)
        self._last = -np.inf

    def __len__(self) -> int:
        return len(self._rows)

    def push(self, came: rows.Rows) -> list[Window]:
        """The windows that are due by these frames."""
        found = []
        for i in range(len(came)):
            frame = came[i : i + 1]
            if self._judge.face_only:
                frame = dataclasses.replace(frame, x=np.where(_IN_FACE, frame.x, np.nan))
            if not np.isnan(frame.x).all():
                self._rows.append(frame)
            seconds = float(frame.times[0])
            due = seconds - self._last >= self._judge.every - 1e-9
            if due and len(self._rows) >= self._judge.min_frames:
                self._last = seconds
                kept = windows.thin(len(self._rows), self._judge.target_frames)
                found.append(Window(0, 0, rows.join([self._rows[i] for i in kept])))
        return found

    def finish(self) -> list[Window]:
        """None: what was to be told has been."""
        return []
