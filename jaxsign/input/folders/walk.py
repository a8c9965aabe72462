"""The walk over a folder's jobs: events as they come, shown and kept; a stop loses nothing."""

import contextlib
from collections.abc import Callable, Generator, Sequence

from jaxsign.input.folders import progress
from jaxsign.input.folders.work import Done, Event, Failed, Note, Result


def follow(
    events: Generator[Event[Result], None, None],
    sizes: Sequence[int],
    ready: int,
    ended: Callable[[Done[Result] | Failed], progress.Outcome],
    display: progress.Display,
) -> None:
    """Shows how jobs go on, until all have ended.

    Args:
      events: of the jobs. Closed at the end, whatever it is.
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
                if isinstance(event, Note):
                    display.advance(event.job, event.frames, event.share)
                else:
                    display.finish(event.job, ended(event))
    except KeyboardInterrupt:
        display.close()
        display.say("stopped; the same command goes on from here")
        raise
    finally:
        display.close()
