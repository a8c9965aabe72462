"""What a task hears in a stream that is still coming, window by window."""

import abc
import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from jaxsign.input.signs.windowing import Cutter, Window

# What a task's `outputs` gave of a batch, on the host: arrays [B, ...].
Outputs = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Emitted:
    """A sign of the stream. Its times are the stream's.

    Attributes:
      name: the gloss.
      number: its class.
      start, end: seconds of its first and last frame.
      confidence: mean probability over its frames, 0 to 1.
      emitted: seconds of the frame whose arrival made it certain.
      compute_ms: time that the hop took which told it; the same stream gives other ones.
    """

    name: str
    number: int
    start: float
    end: float
    confidence: float
    emitted: float
    compute_ms: float = dataclasses.field(default=0.0, compare=False)

    @property
    def latency(self) -> float:
        """Seconds from the sign's end until it was told, the computing included."""
        return self.emitted - self.end + self.compute_ms / 1000

    def to_json(self) -> dict[str, object]:
        """Plain values."""
        return {
            "gloss": self.name,
            "class": self.number,
            "start": round(self.start, 4),
            "end": round(self.end, 4),
            "confidence": round(self.confidence, 4),
            "emitted": round(self.emitted, 4),
            "latency": round(self.latency, 4),
            "compute_ms": round(self.compute_ms, 2),
        }


@dataclasses.dataclass(frozen=True)
class Heard:
    """What a window brought.

    Attributes:
      time: seconds of the stream.
      compute_ms: time that the window took.
      signs: that nothing later can change any more.
      tentative: names of the signs behind them that may still change.
      candidates: (name, probability) of the window itself, best first.
      start: seconds of the window's first frame, where it has candidates.
    """

    time: float
    compute_ms: float = 0.0
    signs: tuple[Emitted, ...] = ()
    tentative: tuple[str, ...] = ()
    candidates: tuple[tuple[str, float], ...] = ()
    start: float = 0.0

    @property
    def accepted(self) -> bool:
        """True if there is anything new."""
        return bool(self.signs)

    def text(self) -> str:
        """A line for the screen; '' without news."""
        told = ", ".join(f"{sign.name} {sign.confidence:.3f}" for sign in self.signs)
        return f"{self.time:7.2f} s   {told}" if told else ""

    def to_json(self) -> dict[str, object]:
        """Plain values."""
        return {
            "time": round(self.time, 3),
            "signs": [sign.to_json() for sign in self.signs],
            "tentative": list(self.tentative),
            "net_ms": round(self.compute_ms, 2),
        }


class Follower(abc.ABC):
    """Hears signs in the windows of a stream; a task makes it.

    Attributes:
      window: most rows of a window.
      rate: rows a second.
      fps: frames a second of frames that come without times; 0 = the view's rate.
      causal: rows come from the view's form for streams, if it has one; else windows go through
        the view whole.
      padded: all windows are padded to `window` rows, so that one program hears them; else each is
        padded as a clip is.
      threshold: probability from which a window counts; None = there is none.
    """

    window: int
    rate: float
    fps: float
    causal = True
    padded = False
    threshold: float | None = None

    @abc.abstractmethod
    def begin(self) -> Cutter:
        """Forgets the stream; what cuts the next one."""

    @abc.abstractmethod
    def take(self, window: Window, outputs: Outputs | None, compute_ms: float) -> Heard:
        """What a window brings.

        Args:
          window: the next one.
          outputs: the task's `outputs` [1, ...] of it; None = it was not asked about.
          compute_ms: time that the window took so far.
        """

    def asks(self, window: Window) -> bool:
        """Whether the net is asked about a window; default: always."""
        return True

    def finish(self, now: float) -> Heard:
        """The rest, when the stream is over at `now`; default: nothing."""
        return Heard(now)

    @property
    def lengths(self) -> Sequence[int]:
        """Rows of the windows that occur, to be ready for; default: full ones."""
        return (self.window,)

    @property
    @abc.abstractmethod
    def about(self) -> str:
        """How it hears, in a few words."""
