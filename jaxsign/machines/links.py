"""A connection between two processes: lines of JSON both ways."""

import contextlib
import json
import select
import socket
import threading
from collections.abc import Mapping
from typing import Any

SILENCE = 60.0  # seconds without a word, also of its beats, after which a process counts as gone
BEAT = 5.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LONGEST = 1 << 26  # bytes of a line

Message = Mapping[str, Any]  # as JSON has it


class Connection:
    """One end of a connection; any thread may send, one reads."""

    def __init__(self, connection: socket.socket):
        connection.settimeout(SILENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket, self._lines = connection, connection.makefile("rb")
        self._sending = threading.Lock()

    def send(self, message: Message) -> None:
        """Sends a message; one that cannot be sent is missed by who reads at the other end."""
        line = json.dumps(message).encode() + b"\n"
        with self._sending, contextlib.suppress(OSError):
            self._socket.sendall(line)

    def read(self, patience: float = SILENCE) -> Message | None:
        """The next message; None where the other end is closed or gone.

        Raises:
          TimeoutError: nothing has come for `patience` seconds.
          OSError: the connection broke.
          ValueError: what came is no message.
        """
        self._socket.settimeout(patience)
        try:
            line = self._lines.readline(_LONGEST)
        except ConnectionError:  # a process that is killed before it has read all resets it
            return None
        if not line:
            return None
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError("no message")
        return message

    def is_closed(self) -> bool:
        """Whether the other end is, before anything was read."""
        readable, _, _ = select.select([self._socket], [], [], 0)
        try:
            return bool(readable) and not self._socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def close(self) -> None:
        """Closes it; who reads at either end comes to the end."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def listening(host: str, port: int) -> socket.socket:
    """A socket at which others come, from anywhere unless `host` is this machine alone.

    Raises:
      OSError: it cannot listen there.
    """
    if host in _LOOPBACK:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))


def free_port(host: str) -> int:
    """A port that nobody listens at."""
    with listening(host, 0) as found:
        port: int = found.getsockname()[1]
    return port
