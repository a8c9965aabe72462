"""A run's view on a stream: row by row where the view can, window by window elsewhere."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.infer.live.hands import Hands
from jaxsign.infer.live.rows import Chunk, Clock, Rows
from jaxsign.input.signs.clip import POINTS, Clip
from jaxsign.tasks.classes import metrics

Array = np.ndarray
# Views that have a form for streams.
CAUSAL: Mapping[str, type[Hands]] = {"whisper_sign": Hands}
# Frames a second of a camera that does not say.
USUAL_RATE = 30.0


def rate(run: Any, fps: float) -> float:
    """Rows a second: the view's rate, else that of the frames.

    Raises:
      UserError: `fps` is no rate.
    """
    if not 0 <= fps < np.inf:
        raise UserError(f"--fps {fps}: expected frames a second, above 0")
    return float(run.config.view.get("rate", 0.0) or fps or USUAL_RATE)


class Features:
    """Chunks in, rows of the net's input out.

    Args:
      run: a loaded run.
      fps: frames a second of frames without times; 0 = the view's rate.
      frame_size: (width, height) of the images, for views that need it.
      causal: the view's form for streams, if it has one; else windows go through the view whole.

    Attributes:
      now: seconds of the last frame that came.
    """

    def __init__(
        self,
        run: Any,
        fps: float = 0.0,
        frame_size: tuple[int, int] = (0, 0),
        *,
        causal: bool = True,
    ):
        self._run, self._fps, self.frame_size = run, fps, frame_size
        self._clock = Clock(0.0)
        self._started, self._causal = False, causal
        self._stage: Hands | None = None
        self.now = 0.0

    def push(self, chunk: Chunk) -> Rows:
        """The rows that these frames complete."""
        if not self._started:
            self._begin(chunk)
        rows = self._clock.rows(chunk)
        if not chunk.landmarks and not self._run.takes_nan and np.isnan(rows.x).any():
            raise UserError("stream: a frame of features holds NaN; a point that is absent is 0")
        if len(rows):
            self.now = float(rows.times[-1])
        return self._stage.push(rows) if self._stage is not None else rows

    def finish(self) -> Rows:
        """The rows that waited for frames that will not come."""
        if self._stage is not None:
            return self._stage.finish()
        shape = (0, *self._run.frame_shape)
        return Rows(np.zeros(shape, np.float32), np.zeros(0), np.zeros(0))

    def _begin(self, chunk: Chunk) -> None:
        view, run = self._run.config.view, self._run
        landmarks = chunk.landmarks
        if landmarks and run.view is None:
            raise UserError(
                f"{run.workdir}: its net takes stored features, not landmarks. Stream arrays "
                f"[T, {', '.join(map(str, run.frame_shape))}]"
            )
        self._clock = Clock(self._fps if landmarks else rate(run, self._fps))
        if self._causal and view.name in CAUSAL:
            if not landmarks:
                self._expect(chunk.x.shape[1:])
            options = {key: value for key, value in view.to_dict().items() if key != "name"}
            self._stage = CAUSAL[view.name](
                stored=not landmarks, recorded_rate=self._fps, **options
            )
        self._started = True

    def prepare(self, rows: Rows) -> Array:
        """float32 [n, ...], a window's rows as the net takes them.

        Raises:
          UserError: the view makes another number of rows of them.
        """
        x = rows.x if self._stage is not None else self.whole(rows)
        if len(x) != len(rows):
            raise UserError(
                f"the view {self._run.config.view.name} makes {len(x)} rows of {len(rows)} frames; "
                "a stream needs one of each. Stream stored features instead of landmarks."
            )
        return x

    def whole(self, rows: Rows) -> Array:
        """float32 [m, ...], a window through the view as if it were a recording.

        Raises:
          UserError: frames that are not what the run takes.
        """
        run = self._run
        value: Any = rows.x
        if rows.x.shape[1:] == (POINTS, 3):
            value = Clip(
                rows.x, rows.times - rows.times[0], self.frame_size, self._fps,
                visibility=rows.visibility,
            )  # fmt: skip
        x = np.asarray(run.features(value), np.float32)
        self._expect(x.shape[1:])
        return x

    def _expect(self, shape: tuple[int, ...]) -> None:
        wanted = tuple(self._run.frame_shape)
        if shape != wanted:
            raise UserError(
                f"stream: frames of {list(shape)} numbers, but this run takes landmarks "
                f"[543, 3] or its view's features {list(wanted)}"
            )

    def name(self, number: int) -> str:
        """The name of a class."""
        return metrics.class_name(self._run.labels[self._run.heads[0]], number)
