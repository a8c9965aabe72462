"""A run's view on a stream: row by row where the view can, window by window elsewhere."""

import numpy as np

from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.input.signs import views
from jaxsign.input.signs.clip import POINTS, Clip
from jaxsign.input.signs.rows import Chunk, Rows, StreamClock

Array = np.ndarray


class StreamFeatures:
    """Chunks in, rows of the net's input out.

    Args:
      run: a loaded run.
      fps: frames a second of frames without times; 0 = the view's rate.
      causal: the view's form for streams, if it has one; else windows go through the view whole.

    Attributes:
      now: seconds of the last frame that came.
    """

    def __init__(self, run: runs.Run, fps: float = 0.0, *, causal: bool = True):
        self._run, self._fps, self._causal = run, fps, causal
        self._clock: StreamClock | None = None  # until the first frames come
        self._stage: views.StreamedView | None = None
        self.now = 0.0

    def push(self, chunk: Chunk) -> Rows:
        """The rows that these frames complete."""
        if self._clock is None:
            self._clock = self._begin(chunk)
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

    def _begin(self, chunk: Chunk) -> StreamClock:
        run, landmarks = self._run, chunk.landmarks
        if landmarks and run.view is None:
            raise UserError(
                f"{run.workdir}: its net takes stored features, not landmarks. Stream arrays "
                f"[T, {', '.join(map(str, run.frame_shape))}]"
            )
        if self._causal and run.view is not None:
            self._stage = run.view.streamed(stored=not landmarks, recorded_rate=self._fps)
        if self._stage is not None and not landmarks:
            self._expect(chunk.x.shape[1:])
        return StreamClock(self._fps if landmarks else views.frame_rate(run.config, self._fps))

    def prepare(self, rows: Rows, frame_size: tuple[int, int] = (0, 0)) -> Array:
        """float32 [n, ...], a window's rows as the net takes them.

        Args:
          rows: of the window.
          frame_size: (width, height) of the images, for views that need it.

        Raises:
          UserError: the view makes something else of them than the run takes.
        """
        x = rows.x if self._stage is not None else self._whole(rows, frame_size)
        if self._causal and len(x) != len(rows):
            raise UserError(
                f"the view {self._run.config.view.name} makes {len(x)} rows of {len(rows)} frames; "
                "a stream needs one of each. Stream stored features instead of landmarks."
            )
        return x

    def _whole(self, rows: Rows, frame_size: tuple[int, int]) -> Array:
        """A window through the view as if it were a recording."""
        value: Clip | Array = rows.x
        if rows.x.shape[1:] == (POINTS, 3):
            times = rows.times - rows.times[0]
            value = Clip(rows.x, times, frame_size, self._fps, visibility=rows.visibility)
        x = np.asarray(self._run.features(value), np.float32)
        self._expect(x.shape[1:])
        return x

    def _expect(self, shape: tuple[int, ...]) -> None:
        wanted = tuple(self._run.frame_shape)
        if shape != wanted:
            raise UserError(
                f"stream: frames of {list(shape)} numbers, but this run takes landmarks "
                f"[543, 3] or its view's features {list(wanted)}"
            )
