"""Warnings that are told once, however often what they are about is met."""

import contextlib
import contextvars
import logging
from collections.abc import Iterator

_LOG = logging.getLogger("jaxsign")
_told: set[tuple[object, ...]] = set()
_heard: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("heard", default=None)


def once(text: str, *values: object) -> None:
    """Warns as `Logger.warning` does, unless this command has told just this already."""
    key = (text, *map(str, values))
    heard = _heard.get()
    if heard is not None and (line := text % values if values else text) not in heard:
        heard.append(line)
    if key not in _told:
        _told.add(key)
        _LOG.warning(text, *values)


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """Gives the list of what this thread tells inside, also what was told before it."""
    found = list[str]()
    token = _heard.set(found)
    try:
        yield found
    finally:
        _heard.reset(token)


def anew() -> None:
    """Another command begins: everything is told again."""
    _told.clear()
