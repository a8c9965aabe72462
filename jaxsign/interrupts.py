"""Ctrl-C ends what is under way, whenever it comes."""

import _thread
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

STATUS = 130  # of a process that was interrupted
_PAUSE = 0.01  # seconds, in which a destructor or a collection of garbage is over


@contextlib.contextmanager
def never_lost() -> Iterator[None]:
    """While entered, a Ctrl-C that comes where nothing can be raised comes once more.

    Python cannot end a destructor or a callback of the garbage collector (JAX has one): it prints
    "Exception ignored", and the program would go on as if nobody had asked it to stop.
    """
    before, lost = sys.unraisablehook, False

    def hook(what: "sys.UnraisableHookArgs", /) -> None:
        nonlocal lost
        if issubclass(what.exc_type, KeyboardInterrupt):
            lost = True
            _thread.start_new_thread(_again, ())  # bare: the other ways take locks, even in here
        else:
            before(what)

    sys.unraisablehook = hook
    try:
        try:
            yield
        finally:
            if lost:
                time.sleep(2 * _PAUSE)  # for what comes again to come here
    finally:
        sys.unraisablehook = before


def _again() -> None:
    time.sleep(_PAUSE)
    main = threading.main_thread().ident
    assert main is not None  # it runs
    signal.pthread_kill(main, signal.SIGINT)  # wakes it where it waits, too


def behind(error: BaseException | None) -> bool:
    """Whether an error is a Ctrl-C, or was made of one: as native modules do that are loading."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__
    return error is not None


def end_at_once() -> None:
    """From now on Ctrl-C ends the process: while it starts and ends there is nothing to lose."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else it is ignored
        signal.signal(signal.SIGINT, _end)


def raise_again() -> None:
    """Ends what `end_at_once` began."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, b"interrupted\n")
    os._exit(STATUS)
