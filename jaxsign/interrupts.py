"""What is under way ends with Ctrl-C, whenever it comes, and with the process that began it."""

import _thread
import contextlib
import functools
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

STATUS = 130  # of a process that was interrupted
_Handler = Callable[[int, FrameType | None], None]
_unstoppable = set[int]()  # threads
# Of arrays that a full disk has kept from being written: why is told where the first one failed.
_LATE = "Event loop is closed"
_STARTER = "JAXSIGN_STARTED_BY"  # number of a process
_LOOK = 0.5  # seconds from one look after it to the next
_PAUSE = 0.01  # seconds, in which a destructor or a collection of garbage is over


@contextlib.contextmanager
def never_lost() -> Iterator[None]:
    """While entered, a Ctrl-C that comes where nothing can be raised comes once more.

    Python cannot end a destructor or a callback of the garbage collector (JAX has one): it prints
    "Exception ignored", and the program would go on as if nobody had asked it to stop. Native
    modules that are being loaded make an ImportError of it, or abort.
    """
    before, lost = sys.unraisablehook, False
    outside = sys._getframe()

    def handler(number: int, frame: FrameType | None) -> None:
        if _is_importing(frame, outside):
            _thread.start_new_thread(_again, ())
        else:
            signal.default_int_handler(number, frame)

    def hook(what: "sys.UnraisableHookArgs", /) -> None:
        nonlocal lost
        if issubclass(what.exc_type, KeyboardInterrupt):
            lost = True
            _thread.start_new_thread(_again, ())  # bare: the other ways take locks, even in here
        elif str(what.exc_value) != _LATE:
            before(what)

    sys.unraisablehook = hook
    replaced = _replace(signal.default_int_handler, handler)
    try:
        try:
            yield
        finally:
            if lost:
                time.sleep(2 * _PAUSE)  # for what comes again to come here
    finally:
        sys.unraisablehook = before
        if replaced:
            _replace(handler, signal.default_int_handler)


def _is_importing(frame: FrameType | None, outside: FrameType) -> bool:
    """Whether a module is being loaded between two frames."""
    while frame is not None and frame is not outside:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _replace(before: _Handler, now: _Handler) -> bool:
    """Whether `before` was what Ctrl-C calls; it is `now` then."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not before:
        return False
    signal.signal(signal.SIGINT, now)
    return True


def _again() -> None:
    time.sleep(_PAUSE)
    main = threading.main_thread().ident
    assert main is not None  # it runs
    signal.pthread_kill(main, signal.SIGINT)  # wakes it where it waits, too


def end_at_once() -> None:
    """From now on Ctrl-C ends the process: while it starts and ends there is nothing to lose."""
    _replace(signal.default_int_handler, _end)  # another one ignores it


@contextlib.contextmanager
def unstoppable() -> Iterator[None]:
    """Around long native work of a thread: `leave` does not wait for it."""
    thread = threading.get_ident()
    _unstoppable.add(thread)
    try:
        yield
    finally:
        _unstoppable.discard(thread)


def leave(status: int) -> int:
    """The status; where unstoppable work goes on, the process ends here with it.

    Python would wait for its threads, and those that it does not wait for abort in native code.
    """
    if _unstoppable:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)
    return status


def raise_again() -> None:
    """Ends what `end_at_once` began."""
    _replace(_end, signal.default_int_handler)


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, b"interrupted\n")
    os._exit(STATUS)


@contextlib.contextmanager
def no_orphan() -> Iterator[None]:
    """Ends this process if its parent ends inside, where nothing is sent that would tell of it."""
    over = threading.Event()
    threading.Thread(target=_watch, args=(over,), daemon=True).start()
    try:
        yield
    finally:
        over.set()


@functools.cache
def end_with_parent() -> None:
    """Ends a process that `multiprocessing` started as soon as its parent is gone, however."""
    if multiprocessing.parent_process() is not None:
        threading.Thread(target=_watch, args=(threading.Event(),), daemon=True).start()


def started_here() -> dict[str, str]:
    """The environment by which a process that is started here learns of it: `end_with_starter`."""
    return {_STARTER: str(os.getpid())}


def end_with_starter() -> None:
    """Tells this process to stop (SIGTERM) as soon as the one that started it is gone, however."""
    starter = os.environ.pop(_STARTER, "")
    if starter:
        threading.Thread(target=_watch_starter, args=(int(starter),), daemon=True).start()


def _watch_starter(starter: int) -> None:
    while os.getppid() == starter:
        time.sleep(_LOOK)
    os.kill(os.getpid(), signal.SIGTERM)


def _watch(over: threading.Event) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    if not over.is_set():
        os._exit(1)
