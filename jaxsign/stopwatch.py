"""Where the seconds of a program go: `--timing`."""

import time

# XLA's own; what the cache gives back counts too, as it is waited for like a compilation.
_COMPILING = "/jax/core/compile/"


class Stopwatch:
    """Laps since the process began; what is compiled in a lap is told apart.

    Attributes:
      laps: seconds by name, in the order in which they were told first.
    """

    def __init__(self) -> None:
        import psutil  # late: few ask
        from jax import monitoring  # late: its import takes a second, which is a lap's

        self.laps: dict[str, float] = {}
        self._compiled = 0.0
        self._began = self._last = psutil.Process().create_time()
        monitoring.register_event_duration_secs_listener(self._heard)

    def _heard(self, event: str, duration_secs: float, **kwargs: str | int) -> None:
        if event.startswith(_COMPILING):
            self._compiled += duration_secs

    def lap(self, name: str) -> None:
        """Ends a lap; those of one name are added up."""
        now = time.time()
        compiled, self._compiled = self._compiled, 0.0
        # Threads may compile side by side for longer than the lap was.
        compiled = min(compiled, now - self._last)
        for part, seconds in ((name, now - self._last - compiled), ("compile", compiled)):
            self.laps[part] = self.laps.get(part, 0.0) + seconds
        self._last = now

    def line(self) -> str:
        """Such as 'seconds: 0.9 import, 0.6 load, 0.4 compile, 0.1 run: 2.0 in all'."""
        parts = ", ".join(f"{seconds:.2f} {name}" for name, seconds in self.laps.items())
        return f"seconds: {parts}: {self._last - self._began:.2f} in all"
