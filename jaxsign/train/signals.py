"""Stopping a run without losing anything: Ctrl-C and SIGTERM end it after the step at hand."""

import contextlib
import os
import signal
import threading
from types import FrameType
from typing import Any


class StopRequest:
    """While entered, the first Ctrl-C or SIGTERM sets `requested`; a second one stops at once.

    So does the step that makes `after_steps`, where that is not None.
    """

    def __init__(self, after_steps: int | None = None) -> None:
        self.requested = False
        self._steps_left = after_steps
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopRequest":
        # Handlers can only be set in the main thread; elsewhere the caller keeps control.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def count_step(self) -> None:
        """To be called after every step."""
        if self._steps_left is not None:
            self._steps_left -= 1
            self.requested |= self._steps_left <= 0

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        # Straight to stderr: the signal may have come in the middle of another line's print.
        with contextlib.suppress(OSError):
            os.write(2, b"\nstopping after this step; once more = now\n")
