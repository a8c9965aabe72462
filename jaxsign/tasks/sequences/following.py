"""Glosses of a stream that does not pause between them: windows through CTC.

Windows overlap; the log-probabilities of the frames that they share are averaged, and CTC's
collapse runs over the stitched sequence. A gloss is told once no later window can change it, so
between (1 - overlap) and one window's length after it was signed.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import windows
from jaxsign.input.signs import views
from jaxsign.input.signs.windowing import Window, Windows
from jaxsign.tasks import answering, naming
from jaxsign.tasks.following import Emitted, Follower, Heard
from jaxsign.tasks.sequences import stitching

MERGES = ("average", "upstream")
# Seconds of a window; the whole of it goes through the net at once.
LONGEST = 600.0


@dataclasses.dataclass
class Sentences(Follower):
    """The follower of a run that gives sequences.

    Attributes:
      run: that hears.
      seconds: of a window.
      overlap: of neighbouring windows, as a share of one, 0 to below 1.
      merge: 'average' the log-probabilities; or as the original, 'upstream': each window is
        collapsed by itself, and of equal neighbours one is left.
      fps: frames a second of frames that come without times, and of recordings that a view takes
        as they are; 0 = the view's rate.
      trace: called with every stretch of final log-probabilities (`merge='average'`), or with
        those of every window.

    Raises:
      UserError: settings that cannot work.
    """

    run: answering.Trained
    seconds: float = 3.0
    overlap: float = 0.5
    merge: str = "average"
    fps: float = 0.0
    trace: Callable[[stitching.Stitched], None] = lambda stitched: None

    padded = True

    def __post_init__(self) -> None:
        if self.merge not in MERGES:
            raise UserError(f"--merge {self.merge}: expected one of {', '.join(MERGES)}")
        if not 0 <= self.fps < np.inf:
            raise UserError(f"--fps {self.fps}: expected frames a second, above 0")
        self.rate = views.frame_rate(self.run.config, self.fps)
        self._patch = self.run.net.frames_per_output
        self._averaged = self.merge == "average"
        self.window, self.hop = self._sizes()
        self.begin()

    def _sizes(self) -> tuple[int, int]:
        if not 0 <= self.overlap < 1:
            raise UserError(f"--overlap {self.overlap}: expected 0 to below 1")
        if not 0 < self.seconds <= LONGEST:
            raise UserError(
                f"--window {self.seconds:g}: expected seconds above 0, at most {LONGEST:g}"
            )
        window, hop = windows.sizes(self.seconds, self.overlap, self.rate)
        if not self._averaged:
            return window, hop
        if hop < self._patch:
            raise UserError(
                f"--overlap {self.overlap}: windows of {window} frames would lie {hop} apart, "
                f"less than the {self._patch} frames that the net takes together. Overlap less."
            )
        # Whole output frames, so that those of all windows lie on each other.
        return -(-window // self._patch) * self._patch, hop

    def begin(self) -> Windows:
        self._stitcher, self._collapser = stitching.Stitcher(), stitching.Collapser()
        self._merger = stitching.Merger()
        align = self._patch if self._averaged else 1
        return Windows(self.window, self.hop, align, to_the_end=not self._averaged)

    def take(self, window: Window, outputs: answering.Outputs | None, compute_ms: float) -> Heard:
        assert outputs is not None
        rows = window.rows
        found = outputs["log_probs"][0, : -(-len(rows) // self._patch)]
        if np.isnan(found).any():
            raise UserError(f"{self.run.workdir}: the net answers NaN; its weights are no good")
        places = np.arange(len(found)) * self._patch
        times = rows.times
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
        return self._heard(runs, float(rows.ready[-1]), compute_ms)

    def finish(self, now: float) -> Heard:
        if not self._averaged:
            return Heard(now)
        rest = self._stitcher.take()
        self._traced(rest)
        return self._heard(self._collapser.push(rest) + self._collapser.finish(), now, 0.0)

    @property
    def about(self) -> str:
        return (
            f"sentences: windows of {self.window} frames every {self.hop}, {self.rate:g} frames/s, "
            f"merge {self.merge}"
        )

    def _traced(self, stitched: stitching.Stitched) -> None:
        if len(stitched):
            self.trace(stitched)

    def _heard(self, runs: Sequence[stitching.GlossRun], now: float, took: float) -> Heard:
        signs = tuple(
            Emitted(self._name(run), run.id - 1, run.start, run.end, run.confidence, now, took)
            for run in runs
        )
        rest = self._collapser.tentative(self._stitcher.peek())
        return Heard(now, took, signs, tuple(map(self._name, rest)))

    def _name(self, run: stitching.GlossRun) -> str:
        return naming.class_name(self.run.labels["gloss"], run.id - 1)
