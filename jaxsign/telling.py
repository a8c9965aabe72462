"""Warnings that are told once, however often what they are about is met."""

import logging

_LOG = logging.getLogger("jaxsign")
_told: set[tuple[object, ...]] = set()


def once(text: str, *values: object) -> None:
    """Warns as `Logger.warning` does, unless this command has told just this already."""
    key = (text, *map(str, values))
    if key not in _told:
        _told.add(key)
        _LOG.warning(text, *values)


def anew() -> None:
    """Another command begins: everything is told again."""
    _told.clear()
