"""The signs of a stream as sentences, which pauses of the hands part."""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence

from jaxsign.errors import UserError
from jaxsign.infer.live.recogniser import Recogniser
from jaxsign.input.signs.pauses import PauseCutter
from jaxsign.input.signs.rows import Chunk, Rows, StreamClock
from jaxsign.tasks.following import Emitted, Heard


@dataclasses.dataclass(frozen=True)
class HeardSentence:
    """Signs without a pause between them.

    Attributes:
      signs: at least one.
      emitted: seconds of the frame that ended it.
    """

    signs: tuple[Emitted, ...]
    emitted: float

    @property
    def start(self) -> float:
        """Seconds of its first sign's start."""
        return self.signs[0].start

    @property
    def end(self) -> float:
        """Seconds of its last sign's end."""
        return self.signs[-1].end

    @property
    def text(self) -> str:
        """Its glosses in a row."""
        return " ".join(sign.name for sign in self.signs)

    @property
    def confidence(self) -> float:
        """The mean of its signs'."""
        return sum(sign.confidence for sign in self.signs) / len(self.signs)

    @property
    def latency(self) -> float:
        """Seconds of the stream from its end until it was told."""
        return self.emitted - self.end

    def to_json(self) -> dict[str, object]:
        """Plain values."""
        return {
            "glosses": [sign.name for sign in self.signs],
            "start": round(self.start, 4),
            "end": round(self.end, 4),
            "confidence": round(self.confidence, 4),
            "emitted": round(self.emitted, 4),
            "latency": round(self.latency, 4),
        }


@dataclasses.dataclass(frozen=True)
class StreamNews:
    """What frames brought: signs, and the sentence that ends with them, if one does."""

    signs: tuple[Emitted, ...]
    sentence: HeardSentence | None = None


class SentenceListener:
    """A recogniser for which every sentence is a stream of its own; pauses it does not see.

    Args:
      recogniser: at a stream's begin.
      cutter: finds the pauses; None = the signs come without sentences.
    """

    def __init__(self, recogniser: Recogniser, cutter: PauseCutter | None = None):
        self._recogniser, self._cutter = recogniser, cutter
        self._signs = list[Emitted]()
        self._now = 0.0

    def push(self, chunk: Chunk) -> list[StreamNews]:
        """Takes frames; with a cutter those of `landmarks`."""
        if self._cutter is None:
            return [StreamNews(_signs(self._recogniser.push(chunk)))]
        assert chunk.times is not None
        self._now = float(chunk.times[-1]) if len(chunk) else self._now
        found = []
        for part in self._cutter.push(Rows(chunk.x, chunk.times, chunk.times, chunk.visibility)):
            rows = part.rows
            heard = self._recogniser.push(Chunk(rows.x, rows.times, rows.visibility))
            if part.ended:
                found += [self._told(heard), self._ended(part.known)]
            else:
                found.append(self._told(heard, part.known))
        return found

    def finish(self) -> list[StreamNews]:
        """The stream is over."""
        if self._cutter is None:
            return [StreamNews(_signs([self._recogniser.finish()]))]
        return [self._ended(self._now)] if self._cutter.open else []

    def _told(self, heard: Sequence[Heard], known: float = -math.inf) -> StreamNews:
        """Signs are certain no earlier than it is `known` that their frames are a sentence's."""
        signs = tuple(
            dataclasses.replace(sign, emitted=max(sign.emitted, known)) for sign in _signs(heard)
        )
        self._signs += signs
        return StreamNews(signs)

    def _ended(self, now: float) -> StreamNews:
        rest = self._told([self._recogniser.finish()], now).signs
        signs, self._signs = tuple(self._signs), []
        return StreamNews(rest, HeardSentence(signs, now) if signs else None)


def _signs(heard: Iterable[Heard]) -> tuple[Emitted, ...]:
    return tuple(sign for one in heard for sign in one.signs)


def landmarks(chunks: Iterable[Chunk], rate: float) -> Iterator[Chunk]:
    """Chunks of landmarks whose frames all have times.

    Args:
      chunks: of one stream.
      rate: frames a second of those without times; 0 = unknown.

    Raises:
      UserError: no landmarks; or as `StreamClock`.
    """
    clock = StreamClock(rate)
    for chunk in chunks:
        if not chunk.landmarks:
            raise UserError(
                "--sentences: cuts where the hands rest, which stored features do not tell. Stream "
                "landmarks, or leave it out"
            )
        rows = clock.rows(chunk)
        yield Chunk(rows.x, rows.times, rows.visibility)
