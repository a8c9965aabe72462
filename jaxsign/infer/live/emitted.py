"""What a recogniser tells about a stream, and what that cost."""

import dataclasses
import math
from typing import Any, Protocol

from jaxsign.infer.live.rows import Chunk


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

    def to_json(self) -> dict[str, Any]:
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


@dataclasses.dataclass
class Cost:
    """Sums over a stream.

    Attributes:
      rows: of features so far.
      hops: windows that went through the net.
      net_s, total_s: seconds in the net, and in the recogniser as a whole.
      longest_s: seconds of the longest hop.
      glosses: told so far.
      latency_s: their latencies, summed.
    """

    rows: int = 0
    hops: int = 0
    net_s: float = 0.0
    total_s: float = 0.0
    longest_s: float = 0.0
    glosses: int = 0
    latency_s: float = 0.0

    def to_json(self, seconds: float) -> dict[str, Any]:
        """Plain values, for a stream of so many seconds; `real_time` above 1 keeps up."""
        hops = max(self.hops, 1)
        speed = seconds / self.total_s if self.total_s else math.nan
        latency = self.latency_s / self.glosses if self.glosses else math.nan
        return {
            "stream_seconds": round(seconds, 3),
            "glosses": self.glosses,
            "hops": self.hops,
            "net_ms_a_hop": round(1000 * self.net_s / hops, 2),
            "total_ms_a_hop": round(1000 * self.total_s / hops, 2),
            "longest_hop_ms": round(1000 * self.longest_s, 2),
            "real_time": None if math.isnan(speed) else round(speed, 2),
            "mean_latency": None if math.isnan(latency) else round(latency, 3),
        }


class Recogniser(Protocol):
    """Takes a stream in chunks of any size. What it tells does not depend on how it was cut."""

    cost: Cost

    def push(self, chunk: Chunk) -> list[Emitted]:
        """Takes frames; the signs that they made certain."""

    def finish(self) -> list[Emitted]:
        """The stream is over: the rest of its signs. The next frames begin another one."""

    def reset(self) -> None:
        """Forgets the stream."""

    def warm_up(self) -> float:
        """Compiles the net; returns the seconds that took."""

    def tentative(self) -> tuple[str, ...]:
        """Names of signs that are not certain yet."""
