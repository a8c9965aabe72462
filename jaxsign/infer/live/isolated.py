"""Single signs, one after the other in a stream: windows that vote, by a recogniser of one sign.

Every window is judged as if it were a clip and speaks for its middle. A sign is there where it has
more than half of the votes of the windows around; what changes makes the list of signs.
"""

import dataclasses
import time
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.infer.live import features
from jaxsign.infer.live.emitted import Emitted
from jaxsign.infer.live.majority import Majority, Span, Vote
from jaxsign.infer.live.on_windows import OnWindows
from jaxsign.infer.live.rows import Rows
from jaxsign.infer.live.windowing import Window, Windows
from jaxsign.input import windows
from jaxsign.tasks.classes import metrics

Array = np.ndarray


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a stream is cut and judged.

    Attributes:
      seconds: of a window.
      overlap: of neighbouring windows, as a share of one.
      vote: windows that decide together.
      threshold: probability from which a window has a vote.
      no_sign: class that stands for no sign; "" = there is none.
      head: of the net; "" = the first.
      min_frames: a window in which fewer frames show anything has no vote.
      fps: frames a second of the recording; 0 = 30.
    """

    seconds: float = 1.0
    overlap: float = 0.75
    vote: int = 5
    threshold: float = 0.5
    no_sign: str = ""
    head: str = ""
    min_frames: int = 5
    fps: float = 0.0

    def check(self) -> None:
        """Refuses settings that cannot work.

        Raises:
          UserError: names them.
        """
        good = {
            f"--window {self.seconds}: expected seconds above 0": 0 < self.seconds < np.inf,
            f"--overlap {self.overlap}: expected 0 to below 1": 0 <= self.overlap < 1,
            f"--vote {self.vote}: expected at least 1": self.vote >= 1,
            f"--threshold {self.threshold}: expected 0 to 1": 0 <= self.threshold <= 1,
        }
        problems = [text for text, fine in good.items() if not fine]
        if problems:
            raise UserError("; ".join(problems))


class Isolated(OnWindows):
    """The recogniser; see `emitted.Recogniser`.

    Args:
      run: a loaded run of one sign a clip (`jaxsign.infer.run.Run`).
      settings: see there.
      frame_size: (width, height) of the images, for views that need it.

    Raises:
      UserError: settings that cannot work, or an unknown head or class.
    """

    def __init__(self, run: Any, settings: Settings, frame_size: tuple[int, int] = (0, 0)):
        settings.check()
        self.run, self.settings, self.frame_size = run, settings, frame_size
        self.head = settings.head or run.heads[0]
        if self.head not in run.heads:
            raise UserError(f"this run has no head {self.head!r}; it has {', '.join(run.heads)}")
        if settings.no_sign and settings.no_sign not in (run.labels[self.head] or ()):
            raise UserError(f"{settings.no_sign!r} is no class of the head {self.head}")
        rate = settings.fps or features.USUAL_RATE
        self.window, self.hop = windows.sizes(settings.seconds, settings.overlap, rate)
        self.reset()

    def _begin(self) -> None:
        self._windows = Windows(self.window, self.hop)
        fps = self.settings.fps or features.USUAL_RATE
        self._features = features.Features(self.run, fps, self.frame_size, causal=False)
        self._majority = Majority(self.settings.vote)

    def warm_up(self) -> float:
        """Compiles the net for whole windows; returns the seconds that took."""
        begun = time.perf_counter()
        self._scores(np.zeros((self.window, *self.run.frame_shape), np.float32))
        return time.perf_counter() - begun

    def finish(self) -> list[Emitted]:
        """The stream is over: the rest of its signs."""
        begun = time.perf_counter()
        told = [sign for window in self._windows.finish() for sign in self._hop(window)]
        told += self._told(self._majority.finish(), self._features.now, 0.0)
        self.cost.total_s += time.perf_counter() - begun
        self._begin()
        return told

    def tentative(self) -> tuple[str, ...]:
        """The sign that is going on."""
        number = self._majority.going
        return () if number is None else (self._name(number),)

    def _hop(self, window: Window) -> list[Emitted]:
        begun = time.perf_counter()
        spans = self._majority.push(self._vote(window.rows))
        took = time.perf_counter() - begun
        self.cost.hops += 1
        self.cost.longest_s = max(self.cost.longest_s, took)
        return self._told(spans, float(window.rows.ready[-1]), 1000 * took)

    def _vote(self, rows: Rows) -> Vote:
        first = max((len(rows) - self.hop) // 2, 0)
        last = min(first + self.hop, len(rows)) - 1
        times = float(rows.times[first]), float(rows.times[last])
        shown = ~np.isnan(rows.x).reshape(len(rows), -1).all(axis=1)
        if shown.sum() < min(self.settings.min_frames, self.window):
            return Vote(None, 0.0, *times)
        probabilities = metrics.softmax(self._scores(self._features.whole(rows)))
        best = int(metrics.ranking(probabilities)[0])
        probability = float(probabilities[best])
        nothing = self._name(best) == self.settings.no_sign and self.settings.no_sign
        sure = probability >= self.settings.threshold and not nothing
        return Vote(best if sure else None, probability, *times)

    def _scores(self, x: Array) -> Array:
        from jaxsign.infer import run as runs

        begun = time.perf_counter()
        x = self.run.cut(x)
        scores = self.run.classify([runs.Clip(x, np.ones(len(x), bool))], 1)[self.head][0]
        self.cost.net_s += time.perf_counter() - begun
        return scores

    def _name(self, number: int) -> str:
        return metrics.class_name(self.run.labels[self.head], number)

    def _told(self, spans: list[Span], now: float, took: float) -> list[Emitted]:
        told = []
        for span in spans:
            sure = float(np.mean(span.sure)) if span.sure else 0.0
            sign = Emitted(
                self._name(span.number), span.number, span.start, span.end, sure, now, took
            )
            self.cost.glosses += 1
            self.cost.latency_s += sign.latency
            told.append(sign)
        return told
