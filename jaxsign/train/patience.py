"""Event loops that end what they have begun, for the library that keeps checkpoints."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from contextvars import Context
from typing import Any, TypeVarTuple

_Arguments = TypeVarTuple("_Arguments")


class _PatientLoop(asyncio.SelectorEventLoop):
    """Ends what it has begun before it closes."""

    def close(self) -> None:
        left = set() if self.is_closed() else asyncio.all_tasks(self)
        if left:
            self.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        super().close()

    def call_soon_threadsafe(
        self,
        callback: Callable[[*_Arguments], object],
        *args: *_Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Of what Ctrl-C has cancelled, nobody waits for the end: the library would print it."""
        try:
            return super().call_soon_threadsafe(callback, *args, context=context)
        except RuntimeError:
            if not self.is_closed():
                raise
            return asyncio.Handle(callback, args, self, context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Of several arrays that fail, the first one is raised where it is awaited."""


class _PatientPolicy(asyncio.AbstractEventLoopPolicy):
    """Another policy, with patient loops for the thread that made this one."""

    def __init__(self, before: asyncio.AbstractEventLoopPolicy):
        self._before, self._thread = before, threading.get_ident()

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        mine = threading.get_ident() == self._thread
        return _PatientLoop() if mine else self._before.new_event_loop()

    def get_event_loop(self) -> asyncio.AbstractEventLoop:
        return self._before.get_event_loop()

    def set_event_loop(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._before.set_event_loop(loop)

    def get_child_watcher(self) -> Any:
        return self._before.get_child_watcher()

    def set_child_watcher(self, watcher: Any) -> None:
        self._before.set_child_watcher(watcher)


# The policy is the process's: two threads would put back each other's.
_ONE_POLICY = threading.RLock()


@contextlib.contextmanager
def patient() -> Iterator[None]:
    """Where one array fails, the library leaves the others to themselves: here it waits for them.

    They would go on writing, and print a trace each when they come to an end.
    """
    with _ONE_POLICY:
        before = asyncio.get_event_loop_policy()
        asyncio.set_event_loop_policy(_PatientPolicy(before))
        try:
            yield
        finally:
            asyncio.set_event_loop_policy(before)
