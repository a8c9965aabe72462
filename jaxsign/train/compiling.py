"""Steps compile ahead of their need where there are cores for it; who waits is told for what.

XLA compiles outside of Python's lock, so that the buckets of an epoch are compiled in threads as
the first one trains. jax keeps what it lowered and compiled for arguments of a kind: the step that
comes finds its program there.
"""

import concurrent.futures
import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import psutil

from jaxsign import interrupts, runtime
from jaxsign.input.folders import progress
from jaxsign.train import log

_SLOW = 2.0  # seconds of a compile from which the next one is told before it begins
_LONG = 10.0  # and from which its time is told
_POLL = 0.1  # seconds between looks for a request to stop
_MEMORY = 1.5e9  # bytes that a large program's compilation takes
_Key = tuple[object, ...]


class Shaped(Protocol):
    """An array, or what stands for one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its lengths."""
        ...


@dataclasses.dataclass(frozen=True)
class Coming:
    """A program that will be needed.

    Attributes:
      what: `training`, `validation` or `look`.
      batch: arrays of its shapes, or what stands for them.
      compile: compiles it, for jax to find.
    """

    what: str
    batch: Mapping[str, Shaped]
    compile: Callable[[], object]

    @property
    def key(self) -> _Key:
        """By which it is known."""
        return _key(self.what, self.batch)


class Watch:
    """The compiles of a run: told as they are waited for, unless those before were short.

    Args:
      display: where it is told; its estimates leave out what is waited for here.
      clock: seconds.
      ahead: so many programs compile ahead of their need; None = as suits this machine.
    """

    def __init__(
        self,
        display: log.TrainingDisplay,
        clock: Callable[[], float] = time.monotonic,
        ahead: int | None = None,
    ) -> None:
        self._display, self._clock, self._most_ahead = display, clock, ahead
        self._known = set[_Key]()
        self._slow = True
        self._coming = dict[_Key, tuple[str, Coming]]()
        self._begun = dict[_Key, concurrent.futures.Future[float]]()
        self._threads: concurrent.futures.ThreadPoolExecutor | None = None

    def new_stage(self) -> None:
        """All steps will compile again."""
        self.close()
        self._known.clear()

    def close(self) -> None:
        """Begins no more compiles ahead; those under way end by themselves."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        self._threads = None
        self._begun.clear()
        self._coming.clear()

    def ahead(self, programs: Sequence[Coming]) -> None:
        """Takes note of what will be needed, in this order, and begins to compile it if that pays.

        What does not compile ahead begins when it is waited for.
        """
        new = {one.key: one for one in programs if one.key not in self._known | {*self._coming}}
        if not new:
            return
        for key, one in new.items():
            every = [each.key for each in programs if each.what == one.what]
            many = len(set(every)) > 1
            place = f"bucket {every.index(key) + 1} of {len(set(every))}: " if many else ""
            self._coming[key] = place + _words(one.what, one.batch), one
        most = self._most_ahead
        if most is None:
            memory = psutil.virtual_memory().available
            most = suitable(runtime.available_cores(), memory)
        if self._threads is None:
            self._threads = concurrent.futures.ThreadPoolExecutor(max(1, most), "compiling")
        for key in new if most else ():
            self._begin(key)

    def _begin(self, key: _Key) -> concurrent.futures.Future[float]:
        assert self._threads is not None  # it is there from the first program on
        _, one = self._coming[key]
        self._begun[key] = future = self._threads.submit(self._compile, one.compile)
        return future

    def _compile(self, compile_one: Callable[[], object]) -> float:
        begun = self._clock()
        with interrupts.unstoppable():
            compile_one()
        return self._clock() - begun

    @contextlib.contextmanager
    def told(self, what: str) -> Iterator[None]:
        """Around what compiles once in a run."""
        self._display.say(f"compiling {what} ...")
        yield from self._timed(what)

    def wait(
        self, what: str, batch: Mapping[str, Shaped], stopped: Callable[[], bool] = lambda: False
    ) -> bool:
        """Waits for the program of a step that `ahead` was told of; False if `stopped` before.

        It compiles now, in a thread, if it did not ahead of need.

        Raises:
          Exception: what its compilation raised.
        """
        key = _key(what, batch)
        if key in self._known or key not in self._coming:
            return True
        words, _ = self._coming[key]
        future = self._begun[key] if key in self._begun else self._begin(key)
        with self._display.waiting():
            if not self._slow:
                concurrent.futures.wait([future], _SLOW)
            if not future.done():
                self._display.say(f"compiling {words} ...")
            while not future.done():
                if stopped():
                    return False
                concurrent.futures.wait([future], _POLL)
        self._slow = False
        self._note(words, future.result())
        self._known.add(key)
        return True

    @contextlib.contextmanager
    def step(self, what: str, batch: Mapping[str, Shaped]) -> Iterator[None]:
        """Around a step, which itself compiles for a shape that `ahead` was not told of."""
        self.wait(what, batch)
        key = _key(what, batch)
        if key in self._known:
            yield
            return
        self._known.add(key)
        words = _words(what, batch)
        if self._slow:
            self._display.say(f"compiling {words} ...")
        self._slow = False
        yield from self._timed(words)

    def _timed(self, what: str) -> Iterator[None]:
        begun = self._clock()
        with self._display.waiting():
            yield
        self._note(what, self._clock() - begun)

    def _note(self, what: str, seconds: float) -> None:
        self._slow = self._slow or seconds >= _SLOW
        if seconds >= _LONG:
            self._display.say(f"compiled {what} in {progress.duration(seconds)}")


def suitable(cores: int, memory: float) -> int:
    """How many programs it pays to compile ahead: none on one core or two.

    A compile keeps more than one core busy by itself, and what trains meanwhile takes the rest: on
    two idle cores the ASL hybrid's first epoch ended after 34 s if every program was compiled when
    it was needed, after 42 s with one thread ahead and after 50 s with two.

    Args:
      cores: of this process.
      memory: free bytes.
    """
    return min((cores - 1) // 2, int(memory / _MEMORY))


def _key(what: str, batch: Mapping[str, Shaped]) -> _Key:
    return (what, *((name, tuple(batch[name].shape)) for name in sorted(batch)))


def _words(what: str, batch: Mapping[str, Shaped]) -> str:
    largest = max((tuple(array.shape) for array in batch.values()), key=len)
    return f"the {what} step for batches of {'x'.join(map(str, largest))}"
