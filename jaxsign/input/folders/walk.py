"""The walk over a folder's jobs: events as they come, shown and kept; a stop loses nothing."""

import contextlib
from collections.abc import Callable, Generator, Sequence
from typing import Any

from jaxsign.input.folders import pool, progress


def follow(
    events: Generator[pool.Event, Any, None],
    sizes: Sequence[int],
    ready: int,
    ended: Callable[[pool.Event], progress.Outcome],
    display: progress.Display,
) -> None:
    """Shows how jobs go on, until all have ended.

    Args:
      events: of the jobs: a note is (frames so far, share done). Closed at the end, whatever it is.
      sizes: bytes of every job's file.
      ready: files that are done already.
      ended: keeps what became of a job, and says what is to be shown of it.
      display: shows it.

    Raises:
      KeyboardInterrupt: after it is said how to go on.
    """
    display.start(sizes, ready)
    try:
        with contextlib.closing(events):
            for event in events:
                if event.kind == pool.NOTE:
                    display.advance(event.job, *event.value)
                else:
                    display.finish(event.job, ended(event))
    except KeyboardInterrupt:
        display.close()
        display.say("stopped; the same command goes on from here")
        raise
    finally:
        display.close()
