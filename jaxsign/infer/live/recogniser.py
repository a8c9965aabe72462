"""Recognises signs in a stream as it comes: frames, rows of features, windows, what is heard."""

import dataclasses
import math
import time
from collections.abc import Iterable, Sequence

import numpy as np

from jaxsign.infer import asking
from jaxsign.infer import run as runs
from jaxsign.infer.live.features import StreamFeatures
from jaxsign.input.signs.clip import POINTS
from jaxsign.input.signs.rows import Chunk, Rows
from jaxsign.input.signs.seen import Seen
from jaxsign.input.signs.windowing import Window
from jaxsign.tasks import answering
from jaxsign.tasks.following import Follower, Heard


@dataclasses.dataclass
class Cost:
    """Sums over a stream.

    Attributes:
      rows: of features so far.
      hops: windows that were heard.
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

    def to_json(self, seconds: float) -> dict[str, float | None]:
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


class Recogniser:
    """Takes a stream in chunks of any size. What it tells does not depend on how it was cut.

    Args:
      run: a loaded run.
      follower: of its task.
      frame_size: (width, height) of the images, for views that need it.
      asker: of the run; None = one of its own.
      others: runs that answer together with it; for followers that take whole windows (`causal` is
        False).

    Attributes:
      cost: of the stream so far.
      seen: what its frames have shown.
    """

    def __init__(
        self,
        run: runs.Run,
        follower: Follower,
        frame_size: tuple[int, int] = (0, 0),
        asker: asking.Asker | None = None,
        others: Sequence[runs.Run] = (),
    ):
        self._run, self.follower, self.frame_size = run, follower, frame_size
        self._asker = asker or asking.Asker(run)
        self._others = [
            (one, asking.Asker(one), StreamFeatures(one, follower.fps, causal=False))
            for one in others
        ]
        self.reset()

    def __len__(self) -> int:
        """Rows that are held for the next window."""
        return len(self._cutter)

    def reset(self) -> None:
        """Forgets the stream."""
        self.cost, self.seen = Cost(), Seen(self._run.config)
        self._begin()

    def _begin(self) -> None:
        self._cutter = self.follower.begin()
        follower = self.follower
        self._features = StreamFeatures(self._run, follower.fps, causal=follower.causal)
        self.tentative: tuple[str, ...] = ()

    def warm_up(self) -> float:
        """Compiles the net for the windows that occur; returns the seconds that took."""
        begun = time.perf_counter()
        blank: dict[int, np.ndarray] = {}  # the net is compiled once a bucket
        for length in self.follower.lengths:
            x = self._blank(length)
            blank.setdefault(self._length or self._asker.bucket(len(x)), x)
        for x in blank.values():
            self._asker.one(x, self._length)
        self._warm_others()
        return time.perf_counter() - begun

    def _warm_others(self) -> None:
        for run, asker, features in self._others:
            done = set()
            for length in self.follower.lengths if run.view is not None else ():
                x = run.cut(features.prepare(_nobody(length)))
                if (bucket := asker.bucket(len(x))) not in done:
                    done.add(bucket)
                    asker.one(x)

    def _blank(self, length: int) -> np.ndarray:
        """A window's features, of nobody in particular."""
        if self.follower.causal or self._run.view is None:
            return self._cut(np.zeros((length, *self._run.frame_shape), np.float32))
        return self._cut(self._features.prepare(_nobody(length)))

    def push(self, chunk: Chunk) -> list[Heard]:
        """Takes frames; what the windows bring that they complete."""
        begun = time.perf_counter()
        rows = self._features.push(chunk)
        self.seen.add(chunk)
        self.cost.rows += len(rows)
        heard = self._hear(self._cutter.push(rows))
        self.cost.total_s += time.perf_counter() - begun
        return heard

    def finish(self) -> Heard:
        """The stream is over: the rest of its signs. The next frames begin another one."""
        heard = self.finish_in_parts()
        return Heard(
            heard[-1].time,
            sum(one.compute_ms for one in heard),
            tuple(sign for one in heard for sign in one.signs),
        )

    def finish_in_parts(self) -> list[Heard]:
        """As `finish`: what the last windows bring, then what the follower still held."""
        begun = time.perf_counter()
        rows = self._features.finish()
        self.cost.rows += len(rows)
        heard = self._hear(self._cutter.push(rows) + self._cutter.finish())
        heard.append(self._counted(self.follower.finish(self._features.now)))
        self.cost.total_s += time.perf_counter() - begun
        self.seen.part()
        self._begin()
        return heard

    def _hear(self, windows: Iterable[Window]) -> list[Heard]:
        found = []
        for window in windows:
            begun = time.perf_counter()
            outputs = self._outputs(window) if self.follower.asks(window) else None
            took = time.perf_counter() - begun
            found.append(self._counted(self.follower.take(window, outputs, 1000 * took)))
            self.cost.hops += 1
            self.cost.longest_s = max(self.cost.longest_s, took)
        return found

    def _outputs(self, window: Window) -> answering.Outputs:
        x = self._cut(self._features.prepare(window.rows, self.frame_size))
        begun = time.perf_counter()
        outputs = self._asker.one(x, self._length)
        if self._others:
            said = [outputs]
            for run, asker, features in self._others:
                said.append(asker.one(run.cut(features.prepare(window.rows, self.frame_size))))
            outputs = self._run.task.averaged(said)
        self.cost.net_s += time.perf_counter() - begun
        return outputs

    @property
    def _length(self) -> int | None:
        """What windows are padded to; None = their buckets."""
        return self.follower.window if self.follower.padded else None

    def _cut(self, x: np.ndarray) -> np.ndarray:
        return x if self.follower.padded else self._run.cut(x)

    def _counted(self, heard: Heard) -> Heard:
        self.cost.glosses += len(heard.signs)
        self.cost.latency_s += sum(sign.latency for sign in heard.signs)
        self.tentative = heard.tentative
        return heard


def _nobody(frames: int) -> Rows:
    times, points = np.arange(frames) / 30, np.full((frames, POINTS, 3), 0.5, np.float32)
    return Rows(points, times, times, np.ones((frames, 33), np.float32))
