"""What processes that train together tell each other while they do.

All hold a connection to the first one, which passes on what each says. Who fails says why; who is
killed is missed; the others then end too, instead of waiting for it for ever.
"""

import collections
import threading
from collections.abc import Callable, Mapping, Sequence

from jaxsign.errors import UserError
from jaxsign.machines import links

GRACE = 10.0  # seconds in which a process may end by itself once another has failed
_PARTING = 2.0  # seconds in which the first one takes note that another leaves


class Channel:
    """One process's end of it.

    Args:
      names: of all processes, for messages.
      index: this one's number.
      connections: to the others; of all but the first one only that to the first.
      end: ends this process, which may be waiting for a device; takes the reason.
      grace: seconds before that.
    """

    def __init__(
        self,
        names: Sequence[str],
        index: int,
        connections: Mapping[int, links.Connection],
        end: Callable[[str], None],
        grace: float = GRACE,
    ):
        self._names, self._index, self._links = names, index, connections
        self._end, self._grace = end, grace
        self._news = threading.Condition()
        self._rounds = 0
        self._said = collections.defaultdict[int, dict[int, object]](dict)
        self._heard: dict[int, Sequence[object]] = {}
        self._failure = ""
        self._left: set[int] = set()
        self._parting = threading.Event()  # nobody is missed any more
        self._over = threading.Event()
        for other in connections:
            threading.Thread(target=self._listen, args=(other,), daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()

    def say(self, value: object) -> int:
        """Says a value in a round that all processes take part in."""
        number, self._rounds = self._rounds, self._rounds + 1
        if self._index == 0:
            self._collect(0, number, value)
        else:
            self._links[0].send({"say": number, "value": value})
        return number

    def hear(self, number: int) -> Sequence[object]:
        """What was said in a round, by the processes' numbers.

        Raises:
          UserError: another process has failed.
        """
        with self._news:
            self._news.wait_for(lambda: number in self._heard or self._failure)
            if number not in self._heard:
                raise UserError(self._failure)
            return self._heard.pop(number)

    def failure(self, patience: float) -> str:
        """Why another process has failed, if that is known within `patience` seconds; else ''."""
        with self._news:
            self._news.wait_for(lambda: self._failure, patience)
            return self._failure

    def fail(self, reason: str) -> None:
        """Ends it with a reason, which the others hear; the first one waits until they have left.

        They would break off where its services are gone.
        """
        self._parting.set()
        if not self._failure:
            for link in self._links.values():
                link.send({"failed": f"{self._names[self._index]} ended: {reason}"})
        self._close(_PARTING if self._index else 2 * self._grace)

    def close(self) -> None:
        """Ends it well; the first one waits for the others."""
        self._parting.set()
        if self._index:
            self._links[0].send({"bye": 0})
        self._close(_PARTING if self._index else None)

    def _close(self, patience: float | None) -> None:
        """Closes it once the others have left, or after `patience` seconds."""
        with self._news:
            self._news.wait_for(lambda: self._left >= set(self._links), patience)
        self._over.set()
        for link in self._links.values():
            link.close()

    def _beat(self) -> None:
        while not self._over.wait(links.BEAT):
            for link in self._links.values():
                link.send({"beat": 0})

    def _listen(self, other: int) -> None:
        """Reads what one of the others says, until it has left."""
        link, name = self._links[other], self._names[other]
        try:
            while (message := link.read()) is not None:
                self._take(other, message)
                if "bye" in message or "failed" in message:
                    if self._index == 0:
                        link.close()  # the other end waits for that, so that no word is lost
                    return
            lost = f"{name} is gone: it was killed, or its machine failed"
        except TimeoutError:
            silent = f"nothing was heard of {name} for {links.SILENCE:g} s"
            lost = f"{silent}: its machine or the network failed"
        except (OSError, ValueError) as error:
            lost = f"the connection to {name} broke ({error})"
        finally:
            with self._news:
                self._left.add(other)
                self._news.notify_all()
        if self._parting.is_set() or self._failure:
            return
        lost += ". Start all of them again: the run goes on from its last checkpoint"
        if other == 0:
            self._end(lost)  # at once: JAX's own service is gone too, and would break this off
        self._fail_on(lost)

    def _take(self, other: int, message: links.Message) -> None:
        if "say" in message:
            self._collect(other, int(message["say"]), message["value"])
        elif "all" in message:
            self._hear_all(int(message["all"]), list(message["values"]))
        elif "failed" in message:
            self._fail_on(str(message["failed"]))

    def _collect(self, who: int, number: int, value: object) -> None:
        """Of the first process: takes what one says, and tells all once it is complete."""
        with self._news:
            said = self._said[number]
            said[who] = value
            if len(said) < len(self._names):
                return
            values = [said[i] for i in range(len(self._names))]
            del self._said[number]
        for link in self._links.values():
            link.send({"all": number, "values": values})
        self._hear_all(number, values)

    def _hear_all(self, number: int, values: Sequence[object]) -> None:
        with self._news:
            self._heard[number] = values
            self._news.notify_all()

    def _fail_on(self, reason: str) -> None:
        """Tells all that one has failed; ends this process too if it does not do so itself."""
        with self._news:
            if self._failure or self._parting.is_set():
                return
            self._failure = reason
            self._news.notify_all()
        if self._index == 0:
            for link in self._links.values():
                link.send({"failed": reason})
        threading.Thread(target=self._end_late, daemon=True).start()

    def _end_late(self) -> None:
        if not self._parting.wait(self._grace):
            self._end(self._failure)
