"""Glosses of a stream that does not pause between them: a run trained with CTC over windows.

Windows overlap; the log-probabilities of the frames that they share are averaged, and CTC's
collapse runs over the stitched sequence. A gloss is told once no later window can change it, so
between (1 - overlap) and one window's length after it was signed.
"""

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.infer.live import features, stitching
from jaxsign.infer.live.emitted import Emitted
from jaxsign.infer.live.on_windows import OnWindows
from jaxsign.infer.live.windowing import Window, Windows
from jaxsign.input import windows

Array = np.ndarray
MERGES = ("average", "upstream")
# Seconds of a window; the whole of it goes through the net at once.
LONGEST = 600.0


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a stream is cut.

    Attributes:
      seconds: of a window.
      overlap: of neighbouring windows, as a share of one, 0 to below 1.
      merge: 'average' the log-probabilities; or as the original, 'upstream': each window is
        collapsed by itself, and of equal neighbours one is left.
      fps: frames a second of frames that come without times, and of recordings that a view takes
        as they are; 0 = the view's rate.
    """

    seconds: float = 3.0
    overlap: float = 0.5
    merge: str = "average"
    fps: float = 0.0


def of_run(run: Any, **given: Any) -> Settings:
    """The settings that a run's recipe names (input.windows), but for those `given` as not None."""
    stored = run.config.input.get("windows") or {}
    chosen: dict[str, Any] = {
        name: float(stored[name]) for name in ("seconds", "overlap") if name in stored
    }
    chosen |= {name: value for name, value in given.items() if value is not None}
    return Settings(**chosen)


class Continuous(OnWindows):
    """The recogniser; see `emitted.Recogniser`.

    Args:
      run: a loaded run (`jaxsign.infer.run.Run`) whose net gives `ctc_log_probs`.
      settings: see there.
      trace: called with every stretch of final log-probabilities (`merge='average'`), or with
        those of every window.

    Raises:
      UserError: settings that cannot work, or no rate is known.
    """

    def __init__(
        self,
        run: Any,
        settings: Settings,
        trace: Callable[[stitching.Stitched], None] | None = None,
    ):
        if settings.merge not in MERGES:
            raise UserError(f"--merge {settings.merge}: expected one of {', '.join(MERGES)}")
        self.run, self.settings, self._trace = run, settings, trace
        self.rate = features.rate(run, settings.fps)
        self._patch = run.net.frames_per_output
        self._averaged = settings.merge == "average"
        self.window, self.hop = self._sizes()
        self.reset()

    def _sizes(self) -> tuple[int, int]:
        settings = self.settings
        if not 0 <= settings.overlap < 1:
            raise UserError(f"--overlap {settings.overlap}: expected 0 to below 1")
        if not 0 < settings.seconds <= LONGEST:
            raise UserError(
                f"--window {settings.seconds:g}: expected seconds above 0, at most {LONGEST:g}"
            )
        window, hop = windows.sizes(settings.seconds, settings.overlap, self.rate)
        if not self._averaged:
            return window, hop
        if hop < self._patch:
            raise UserError(
                f"--overlap {settings.overlap}: windows of {window} frames would lie {hop} apart, "
                f"less than the {self._patch} frames that the net takes together. Overlap less."
            )
        # Whole output frames, so that those of all windows lie on each other.
        return -(-window // self._patch) * self._patch, hop

    def __len__(self) -> int:
        """Rows that are held for the next window."""
        return len(self._windows)

    def _begin(self) -> None:
        self._windows = Windows(self.window, self.hop, self._patch if self._averaged else 1)
        self._features = features.Features(self.run, self.settings.fps)
        self._stitcher, self._collapser = stitching.Stitcher(), stitching.Collapser()
        self._merger = stitching.Merger()

    def warm_up(self) -> float:
        """Compiles the net; returns the seconds that took."""
        begun = time.perf_counter()
        self._log_probs(np.zeros((self.window, *self.run.frame_shape), np.float32))
        return time.perf_counter() - begun

    def finish(self) -> list[Emitted]:
        """The stream is over: the rest of its glosses."""
        begun = time.perf_counter()
        rows = self._features.finish()
        self.cost.rows += len(rows)
        left = self._windows.push(rows) + self._windows.finish(to_the_end=not self._averaged)
        told = [sign for window in left for sign in self._hop(window)]
        if self._averaged:
            rest = self._stitcher.take()
            self._traced(rest)
            runs = self._collapser.push(rest) + self._collapser.finish()
            told += self._told(runs, self._features.now, 0.0)
        self.cost.total_s += time.perf_counter() - begun
        self._begin()
        return told

    def tentative(self) -> tuple[str, ...]:
        """Glosses at the stream's end that a later window may change."""
        runs = self._collapser.tentative(self._stitcher.peek())
        return tuple(self._features.name(run.id - 1) for run in runs)

    def _hop(self, window: Window) -> list[Emitted]:
        begun = time.perf_counter()
        found = self._log_probs(self._features.prepare(window.rows))
        took = time.perf_counter() - begun
        places = np.arange(len(found)) * self._patch
        times = window.rows.times
        last = times[np.minimum(places + self._patch, len(times)) - 1]
        if self._averaged:
            self._stitcher.add(window.start // self._patch, found, times[places], last)
            done = self._stitcher.take(window.following // self._patch)
            self._traced(done)
            runs = self._collapser.push(done)
        else:
            own = stitching.Stitched(found.astype(np.float64), times[places], last)
            self._traced(own)
            runs = self._merger.push([run for run in stitching.runs(own) if run.id])
        cost, whole = self.cost, time.perf_counter() - begun
        cost.hops += 1
        cost.net_s += took
        cost.longest_s = max(cost.longest_s, whole)
        return self._told(runs, float(window.rows.ready[-1]), 1000 * whole)

    def _log_probs(self, x: Array) -> Array:
        """float32 [ceil(n / patch), V] of [n, ...] rows: padded to a window, computed at once."""
        padded = windows.fit_length(x, self.window)[None]
        valid = windows.fit_length(np.ones(len(x), bool), self.window)[None]
        # Full float32 products, so that an answer does not depend on the device.
        with jax.default_matmul_precision("highest"):
            found = _log_probs(self.run.net, self.run.variables, padded, valid)
        said = np.asarray(found, np.float32)[0, : -(-len(x) // self._patch)]
        if np.isnan(said).any():
            raise UserError(f"{self.run.workdir}: the net answers NaN; its weights are no good")
        return said

    def _traced(self, stitched: stitching.Stitched) -> None:
        if self._trace is not None and len(stitched):
            self._trace(stitched)

    def _told(self, runs: Sequence[stitching.Run], now: float, took: float) -> list[Emitted]:
        told = []
        for run in runs:
            number = run.id - 1
            name = self._features.name(number)
            sign = Emitted(name, number, run.start, run.end, run.confidence, now, took)
            self.cost.glosses += 1
            self.cost.latency_s += sign.latency
            told.append(sign)
        return told


@functools.partial(jax.jit, static_argnums=0)
def _log_probs(net: nets.Net, variables: Any, x: Array, valid: Array) -> jax.Array:
    return nets.call(net, variables, {"x": x, "valid": valid})["ctc_log_probs"]
