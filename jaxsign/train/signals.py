"""Stopping a run without losing anything: Ctrl-C and SIGTERM end it after the step at hand."""

import contextlib
import os
import signal
import socket
import threading
from types import FrameType
from typing import Any

from jaxsign import interrupts, machines

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """While entered, the first Ctrl-C or SIGTERM sets `requested`; a second one stops at once.

    So does the step that makes `after_steps`, where that is not None. A signal is answered when it
    comes, also while the main thread compiles and can run no handler; there the second one ends
    the process after `grace` seconds.

    Where several processes train, a signal of any of them stops all, after the same step, which is
    one of the next few.
    """

    def __init__(
        self,
        after_steps: int | None = None,
        grace: float = 5.0,
        here: machines.Machines = machines.ALONE,
    ) -> None:
        self.requested = False
        self._asked, self._together = False, here.several
        self._ballot = machines.Ballot(here)
        self._steps_left = after_steps
        self._grace = grace
        self._before: dict[int, Any] = {}  # handlers, as `signal` has them
        self._left = threading.Event()

    def __enter__(self) -> "StopRequest":
        # Handlers can only be set in the main thread; elsewhere the caller keeps control.
        if threading.current_thread() is threading.main_thread():
            for number in _NUMBERS:
                self._before[number] = signal.signal(number, self._handle)
            ear, self._mouth = socket.socketpair()
            self._mouth.setblocking(False)
            self._fd = signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
            threading.Thread(target=self._answer, args=(ear,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        if self._before:
            signal.set_wakeup_fd(self._fd)
            self._mouth.close()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def count_step(self) -> None:
        """To be called after every step."""
        if self._steps_left is not None:
            self._steps_left -= 1
            self.requested |= self._steps_left <= 0
        self.requested |= self._ballot.ask(self._asked)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        self.requested |= not self._together

    def _answer(self, ear: socket.socket) -> None:
        """Answers signals in a thread of its own, until the other end is closed."""
        asked = self.requested
        with ear:
            while heard := ear.recv(1):
                if heard[0] not in _NUMBERS:
                    continue
                if asked and not self._left.wait(self._grace):
                    os._exit(interrupts.STATUS)
                if not asked:
                    # Straight to stderr: the main thread may be in the middle of a line's print.
                    with contextlib.suppress(OSError):
                        os.write(2, b"\nstopping after this step; once more = now\n")
                asked = True
