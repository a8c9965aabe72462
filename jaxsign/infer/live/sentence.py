"""Sentences from a camera or a film, frame by frame: a line of glosses that grows."""

import collections
import dataclasses
from typing import Any

import numpy as np

from jaxsign.infer.live.continuous import Continuous
from jaxsign.infer.live.emitted import Emitted
from jaxsign.infer.live.rows import Chunk

Array = np.ndarray
_KEPT = 30


@dataclasses.dataclass(frozen=True)
class Line:
    """What a recogniser of sentences says after a window.

    Attributes:
      time: seconds of the stream.
      signs: told by this window.
      told: the last glosses, those of this window at the end.
      tentative: names of the glosses behind them that may still change.
      net_ms: time the net took.
    """

    time: float
    signs: tuple[Emitted, ...]
    told: tuple[Emitted, ...]
    tentative: tuple[str, ...]
    net_ms: float

    @property
    def accepted(self) -> bool:
        """True if there is anything new."""
        return bool(self.signs)

    @property
    def title(self) -> str:
        """The last gloss."""
        return self.told[-1].name if self.told else ""

    def text(self) -> str:
        """A line for the screen; '' without news."""
        told = ", ".join(f"{sign.name} {sign.confidence:.3f}" for sign in self.signs)
        return f"{self.time:7.2f} s   {told}" if told else ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "time": round(self.time, 3),
            "signs": [sign.to_json() for sign in self.signs],
            "tentative": list(self.tentative),
            "net_ms": round(self.net_ms, 2),
        }


class Sentence:
    """Takes frame after frame; a line after every window (see `stream.Recogniser`)."""

    threshold = None

    def __init__(self, recogniser: Continuous):
        self._recogniser = recogniser
        self._told: collections.deque[Emitted] = collections.deque(maxlen=_KEPT)
        self.frame_size = (0, 0)

    def __len__(self) -> int:
        return len(self._recogniser)

    def warm_up(self) -> float:
        """Compiles the net; returns the seconds that took."""
        return self._recogniser.warm_up()

    def reset(self) -> None:
        """Forgets the stream and the line."""
        self._recogniser.reset()
        self._told.clear()

    def add(self, landmarks: Array, seconds: float, visibility: Array | None = None) -> Line | None:
        """Takes a frame; a line if it completed a window.

        Args:
          landmarks: float32 [543, 3], NaN where absent.
          seconds: of the frame; must not decrease.
          visibility: float32 [33] of the pose points; None = unknown.
        """
        cost = self._recogniser.cost
        hops, net_s = cost.hops, cost.net_s
        seen = None if visibility is None else visibility[None]
        signs = self._recogniser.push(Chunk(landmarks[None], np.array([seconds]), seen))
        return self._line(seconds, signs, cost.net_s - net_s) if cost.hops > hops else None

    def finish(self, seconds: float) -> Line | None:
        """The rest, when the stream is over."""
        net_s = self._recogniser.cost.net_s
        signs = self._recogniser.finish()
        return self._line(seconds, signs, self._recogniser.cost.net_s - net_s) if signs else None

    def _line(self, seconds: float, signs: list[Emitted], net_s: float) -> Line:
        self._told.extend(signs)
        tentative = self._recogniser.tentative()
        return Line(seconds, tuple(signs), tuple(self._told), tentative, 1000 * net_s)
