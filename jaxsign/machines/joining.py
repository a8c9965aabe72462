"""Joins a process to those that it trains with, before JAX touches a device."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator

from jaxsign import machines
from jaxsign.errors import UserError
from jaxsign.machines import channel, roll_call
from jaxsign.machines.finding import Seat

_SHOW_CURSOR = "\x1b[?25h"  # a progress bar hides it


@contextlib.contextmanager
def joined(seat: Seat | None, wait: float) -> Iterator[machines.Machines]:
    """While entered, this process trains with the others; with None alone.

    Args:
      seat: of this process.
      wait: seconds for the others to come.

    Raises:
      UserError: some have not come, or one has failed meanwhile.
    """
    if seat is None:
        yield machines.ALONE
        return
    present = roll_call.call(seat, wait)
    talk = channel.Channel(present.names, seat.index, present.connections, _end)
    found = machines.Machines(seat.index, present.names, talk)
    try:
        with machines.standing(found), _warning_once(found):
            _start_jax(seat, present.service, wait)
            yield found
    except BaseException as error:
        cause = _cause(error, talk)
        _leave(found, talk, error)
        if cause:
            raise UserError(cause) from error
        if isinstance(error, UserError) and not found.first:
            raise UserError(f"{found.names[found.index]}: {error}") from error
        raise
    if not found.first:
        _stop_jax()
    talk.close()
    if found.first:
        _stop_jax()


@contextlib.contextmanager
def _warning_once(here: machines.Machines) -> Iterator[None]:
    """Warnings are those of the first process: the others have the same recipe and data."""
    log = logging.getLogger("jaxsign")
    before = log.level
    if not here.first:
        log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _cause(error: BaseException, talk: channel.Channel) -> str:
    """Why another process has failed, where that is what the error here comes from; else ''."""
    if not isinstance(error, Exception):
        return ""
    # What a device says when another process is missing comes before it is missed.
    return talk.failure(0 if isinstance(error, UserError) else channel.GRACE / 2)


def _leave(here: machines.Machines, talk: channel.Channel, error: BaseException) -> None:
    """Tells the others why this process ends; the first one leaves last."""
    if not here.first:
        _stop_jax()
    words = str(error) if isinstance(error, UserError) else repr(error)
    talk.fail("interrupted" if isinstance(error, KeyboardInterrupt) else words)
    if here.first:
        _stop_jax()


def _start_jax(seat: Seat, service: str, wait: float) -> None:
    import jax

    # Each process may then leave by itself: who is missing is seen here, and said in words.
    jax.config.update("jax_enable_recoverability", True)
    jax.config.update("jax_enable_preemption_service", False)  # SIGTERM is the run's own
    jax.distributed.initialize(
        service,
        seat.count,
        seat.index,
        seat.devices,
        cluster_detection_method="deactivate",
        initialization_timeout=max(int(wait), 1),
    )


def _stop_jax() -> None:
    import jax

    jax.distributed.shutdown()


def _end(reason: str) -> None:
    """Ends this process at once: it may be waiting for a device of one that is gone."""
    cursor = _SHOW_CURSOR if sys.stderr.isatty() else ""
    with contextlib.suppress(OSError):
        os.write(2, f"\n{cursor}error: {reason}\n".encode())
    os._exit(1)
