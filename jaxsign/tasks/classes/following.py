"""Single signs, one after the other in a stream: windows that vote, by a recogniser of one sign.

Every window is judged as if it were a clip and speaks for its middle. A sign is there where it has
more than half of the votes of the windows around; what changes makes the list of signs.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import windows
from jaxsign.input.signs import views
from jaxsign.input.signs.windowing import Window, Windows
from jaxsign.tasks import answering, naming
from jaxsign.tasks.classes import metrics
from jaxsign.tasks.classes.majority import Majority, Span, Vote
from jaxsign.tasks.following import Emitted, Follower, Heard

_SHOWN = 3  # candidates of a window


@dataclasses.dataclass
class Classes:
    """The classes of one head of a run; `no_sign` is the one that stands for no sign, '' = none.

    Raises:
      UserError: an unknown head or class.
    """

    run: answering.Trained
    head: str = ""
    no_sign: str = ""

    def __post_init__(self) -> None:
        heads = tuple(self.run.config.task.heads)
        self.head = self.head or heads[0]
        if self.head not in heads:
            raise UserError(f"this run has no head {self.head!r}; it has {', '.join(heads)}")
        self._names = self.run.labels[self.head]
        if self.no_sign and self.no_sign not in (self._names or ()):
            raise UserError(f"{self.no_sign!r} is no class of the head {self.head}")

    def name(self, number: int) -> str:
        """The name of a class."""
        return naming.class_name(self._names, number)

    def probabilities(self, outputs: answering.Outputs) -> np.ndarray:
        """float32 [K] of the head, of what the net gave [1, ...]."""
        return metrics.softmax(outputs[self.head][0])


@dataclasses.dataclass
class Votes(Follower):
    """The follower of a run of one sign a clip.

    Attributes:
      run: that hears.
      seconds: of a window.
      overlap: of neighbouring windows, as a share of one.
      vote: windows that decide together.
      threshold: probability from which a window has a vote.
      no_sign: class that stands for no sign; "" = there is none.
      head: of the net; "" = the first.
      min_frames: a window in which fewer frames show anything has no vote.
      fps: frames a second of the recording; 0 = 30.

    Raises:
      UserError: settings that cannot work, or an unknown head or class.
    """

    run: answering.Trained
    seconds: float = 1.0
    overlap: float = 0.75
    vote: int = 5
    threshold: float = 0.5
    no_sign: str = ""
    head: str = ""
    min_frames: int = 5
    fps: float = 0.0

    causal = False

    def __post_init__(self) -> None:
        good = {
            f"--window {self.seconds}: expected seconds above 0": 0 < self.seconds < np.inf,
            f"--overlap {self.overlap}: expected 0 to below 1": 0 <= self.overlap < 1,
            f"--vote {self.vote}: expected at least 1": self.vote >= 1,
            f"--threshold {self.threshold}: expected 0 to 1": 0 <= self.threshold <= 1,
        }
        problems = [text for text, fine in good.items() if not fine]
        if problems:
            raise UserError("; ".join(problems))
        self._classes = Classes(self.run, self.head, self.no_sign)
        self.fps = self.rate = self.fps or views.FRAMES_A_SECOND
        self.window, self.hop = windows.sizes(self.seconds, self.overlap, self.rate)
        self.begin()

    def begin(self) -> Windows:
        self._majority = Majority(self.vote)
        return Windows(self.window, self.hop)

    def asks(self, window: Window) -> bool:
        """Whether enough frames show anything."""
        shown = ~np.isnan(window.rows.x).reshape(len(window.rows), -1).all(axis=1)
        return bool(shown.sum() >= min(self.min_frames, self.window))

    def take(self, window: Window, outputs: answering.Outputs | None, compute_ms: float) -> Heard:
        rows = window.rows
        first = max((len(rows) - self.hop) // 2, 0)
        last = min(first + self.hop, len(rows)) - 1
        times = float(rows.times[first]), float(rows.times[last])
        vote = Vote(None, 0.0, *times)
        candidates: tuple[tuple[str, float], ...] = ()
        if outputs is not None:
            probabilities = self._classes.probabilities(outputs)
            ranking = metrics.ranking(probabilities)
            best = int(ranking[0])
            candidates = tuple(
                (self._classes.name(int(i)), float(probabilities[i])) for i in ranking[:_SHOWN]
            )
            nothing = bool(self.no_sign) and self._classes.name(best) == self.no_sign
            sure = float(probabilities[best]) >= self.threshold and not nothing
            vote = Vote(best if sure else None, float(probabilities[best]), *times)
        heard = self._heard(self._majority.push(vote), float(rows.ready[-1]), compute_ms)
        return dataclasses.replace(heard, candidates=candidates, start=float(rows.times[0]))

    def finish(self, now: float) -> Heard:
        return self._heard(self._majority.finish(), now, 0.0)

    @property
    def about(self) -> str:
        return (
            f"single signs: windows of {self.window} frames every {self.hop}, the majority of "
            f"{self.vote}"
        )

    def _heard(self, spans: Sequence[Span], now: float, took: float) -> Heard:
        signs = tuple(
            Emitted(
                self._classes.name(span.number),
                span.number,
                span.start,
                span.end,
                float(np.mean(span.sure)) if span.sure else 0.0,
                now,
                took,
            )
            for span in spans
        )
        going = self._majority.going
        return Heard(now, took, signs, () if going is None else (self._classes.name(going),))
