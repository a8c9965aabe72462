"""The start of processes that train together: all have come, or it is said who has not."""

import contextlib
import dataclasses
import socket
import time
from collections.abc import Iterator

from jaxsign.errors import UserError
from jaxsign.machines import links
from jaxsign.machines.finding import Seat

_PAUSE = 0.3  # seconds between two tries to reach the first process
_HELLO = 10.0  # seconds that one who has connected may take to say who it is


@dataclasses.dataclass(frozen=True)
class Present:
    """Those who have come.

    Attributes:
      connections: to the others, by their numbers; of all but the first one only that to the first.
      names: of all, for messages.
      service: HOST:PORT at which the first one starts JAX's own service.
    """

    connections: dict[int, links.Connection]
    names: tuple[str, ...]
    service: str


def call(seat: Seat, wait: float) -> Present:
    """Waits until all processes are there.

    Args:
      seat: of this one.
      wait: seconds.

    Raises:
      UserError: some have not come, or do not belong together.
    """
    return (_receive if seat.index == 0 else _come)(seat, wait)


def _name(index: int, host: str) -> str:
    return f"process {index} ({host})"


def _receive(seat: Seat, wait: float) -> Present:
    """Of the first process: the others come to it."""
    came: dict[int, tuple[links.Connection, str]] = {}
    try:
        server = links.listening(seat.host, seat.port)
    except OSError as error:
        raise UserError(
            f"process 0 cannot listen at {seat.host}:{seat.port} ({error.strerror or error}). "
            "Expected a free port of this machine: --coordinator HOST:PORT, with the machine of "
            "process 0 as HOST"
        ) from error
    with server, _told(came):
        end = time.monotonic() + wait
        while len(came) < seat.count - 1:
            left = end - time.monotonic()
            server.settimeout(max(left, 0.001))
            try:
                link = links.Connection(server.accept()[0])
            except TimeoutError as error:
                raise UserError(_missing(seat, wait, came)) from error
            _greet(link, seat, came)
    names = (_name(0, socket.gethostname()), *(came[i][1] for i in range(1, seat.count)))
    host = f"[{seat.host}]" if ":" in seat.host else seat.host
    service = f"{host}:{links.free_port(seat.host)}"
    for link, _ in came.values():
        link.send({"names": names, "service": service})
    return Present({i: link for i, (link, _) in came.items()}, names, service)


@contextlib.contextmanager
def _told(came: dict[int, tuple[links.Connection, str]]) -> Iterator[None]:
    """Those who came hear why it ends."""
    try:
        yield
    except UserError as error:
        for link, _ in came.values():
            link.send({"failed": str(error)})
            link.close()
        raise


def _missing(seat: Seat, wait: float, came: dict[int, tuple[links.Connection, str]]) -> str:
    absent = [str(i) for i in range(1, seat.count) if i not in came]
    which = f"process{'es' if len(absent) > 1 else ''} {', '.join(absent)} of {seat.count}"
    here = ", ".join(["process 0", *(name for _, name in came.values())])
    return (
        f"{which} did not come to {seat.host}:{seat.port} within {wait:g} s; here are {here}. "
        "Start all of them at about the same time, see what the others say, or wait longer: "
        "--wait SECONDS"
    )


def _greet(
    link: links.Connection, seat: Seat, came: dict[int, tuple[links.Connection, str]]
) -> None:
    """Takes one who has come, unless it is somebody else."""
    try:
        hello = link.read(_HELLO)
        index, count = (int((hello or {})[key]) for key in ("process", "processes"))
        name = _name(index, str((hello or {})["host"]))
    except (OSError, ValueError, KeyError, TypeError):
        link.close()  # a stranger
        return
    problem = ""
    if count != seat.count:
        problem = f"{name} is told that there are {count} processes, process 0 that {seat.count}"
    elif index in came and not came[index][0].is_closed():
        problem = f"two processes say that they are process {index}: {came[index][1]} and {name}"
    elif not 0 < index < count:
        problem = f"{name} comes to process 0, which has that number itself or knows of none such"
    if problem:
        problem += ". Each needs the same --processes and a --process-id of its own, from 0"
        link.send({"failed": problem})
        link.close()
        raise UserError(problem)
    came[index] = link, name


def _come(seat: Seat, wait: float) -> Present:
    """Of the others: they come to the first one."""
    end = time.monotonic() + wait
    where = f"{seat.host}:{seat.port}"
    hello = {"process": seat.index, "processes": seat.count, "host": socket.gethostname()}
    told, problem = None, "it does not answer"
    while told is None:
        if time.monotonic() > end:
            raise UserError(
                f"process {seat.index} of {seat.count} did not reach process 0 at {where} within "
                f"{wait:g} s ({problem}). Is it running there, and is its port open to this "
                "machine? --wait SECONDS waits longer"
            )
        try:
            link = links.Connection(socket.create_connection((seat.host, seat.port), _HELLO))
        except OSError as error:
            problem = str(error.strerror or error)
            time.sleep(_PAUSE)
            continue
        link.send(hello)
        # The first one's clock runs by itself, and ends with a word.
        with contextlib.suppress(OSError, ValueError):
            told = link.read(wait + _HELLO)
        if told is None:  # it went away, and may come again
            link.close()
            time.sleep(_PAUSE)
    if "failed" in told:
        raise UserError(str(told["failed"]))
    return Present({0: link}, tuple(told["names"]), str(told["service"]))
