"""Which frames are kept, and the times that they are given."""


class Sampler:
    """Keeps each n-th frame, or about `target_fps` frames a second.

    With a target, a frame is kept when its time has reached the next tick, and the tick then moves
    on by 1 / target: the rule of the FSLR preprocessing. A video slower than the target keeps
    every frame.
    """

    def __init__(self, every_nth: int = 1, target_fps: float = 0.0):
        self._every, self._target = every_nth, target_fps
        self._seen = 0
        self._ticks = 0

    def keep(self, seconds: float) -> bool:
        """Whether the next frame, `seconds` after the first one, is kept."""
        if not self._target:
            self._seen += 1
            return (self._seen - 1) % self._every == 0
        # A billionth of a second for the rounding of fractions such as 1/30.
        if seconds + 1e-9 < self._ticks / self._target:
            return False
        self._ticks += 1
        return True


class Clock:
    """Seconds since the first frame, from the container's own times.

    A frame without a time, or one that jumps back (joined recordings), comes one ordinary frame
    after the frame before it, and those behind it keep their distances.
    """

    def __init__(self, spacing: float):
        self._spacing = spacing
        self._shift: float | None = None
        self._last = 0.0

    def read(self, stored: float | None) -> float:
        """The time of the next frame, whose container time is `stored`."""
        if self._shift is None:
            self._shift = -(stored or 0.0)
            return 0.0
        if stored is None:
            now = self._last + self._spacing
        else:
            now = stored + self._shift
            if now < self._last:
                now = self._last + self._spacing
                self._shift = now - stored
        self._last = now
        return now


class Milliseconds:
    """Whole milliseconds that always increase, as MediaPipe's tracking demands."""

    def __init__(self) -> None:
        self._last = -1

    def read(self, seconds: float) -> int:
        """`seconds` in ms; at least one more than before."""
        self._last = max(self._last + 1, round(seconds * 1000))
        return self._last
