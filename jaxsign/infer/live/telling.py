"""What `jaxsign stream` says: a line a sign as it comes, a summary, and files."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from jaxsign import spreadsheet, whole
from jaxsign.infer.live.sentences import HeardSentence
from jaxsign.tasks.following import Emitted

_SIGN = ("gloss", "class", "start", "end", "confidence", "emitted", "latency", "compute_ms")
_SENTENCE = ("sentence", "glosses", "start", "end", "confidence", "emitted", "latency")
_SHOWN = 30


@dataclasses.dataclass(frozen=True)
class Played:
    """What was told of a stream.

    Attributes:
      name: of the stream.
      signs: all of them.
      sentences: that they make up; None where they were not asked for.
      cost: what it took, as of `Cost.to_json`.
    """

    name: str
    signs: Sequence[Emitted]
    sentences: Sequence[HeardSentence] | None
    cost: dict[str, float | None]

    def to_json(self) -> dict[str, object]:
        """Plain values."""
        found: dict[str, object] = {
            "input": self.name,
            "glosses": [sign.to_json() for sign in self.signs],
        }
        if self.sentences is not None:
            found["sentences"] = [one.to_json() for one in self.sentences]
        return {**found, "summary": self.cost}


def line(sign: Emitted, width: int) -> str:
    """One sign: when, what, how sure, how long after its end it was told."""
    return (
        f"{_clock(sign.start)} - {_clock(sign.end)}  {sign.name:<{width}}  "
        f"{sign.confidence:5.3f}  told {sign.latency:.2f} s later"
    )


def sentence_line(sentence: HeardSentence) -> str:
    """One sentence: when, what, how long after its end it was told."""
    return (
        f"{_clock(sentence.start)} - {_clock(sentence.end)}  {sentence.text}  "
        f"(told {sentence.latency:.2f} s later)"
    )


def _clock(seconds: float) -> str:
    """1:02:03.45, as short as it can be."""
    minutes, rest = divmod(round(seconds * 100), 6000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 100:05.2f}"
    return f"{hours}:{minutes:02d}:{text}" if hours else f"{minutes}:{text}"


def summary(played: Played) -> str:
    """The signs in a row, and what recognising them took."""
    cost, told = played.cost, played.cost["mean_latency"]
    after = "" if told is None else f", told {told:.2f} s after their ends on average"
    whole = played.sentences
    sentences = "" if whole is None else f" in {_number(len(whole), 'sentence')}"
    return (
        f"{_row(played)}\n"
        f"{_number(cost['glosses'], 'sign')}{sentences} in {cost['stream_seconds']:.2f} s{after}\n"
        f"{_number(cost['hops'], 'window')} of {cost['total_ms_a_hop']:.1f} ms each (net "
        f"{cost['net_ms_a_hop']:.1f}, longest {cost['longest_hop_ms']:.1f}), "
        f"{cost['real_time'] or 0:.1f} times real time"
    )


def _row(played: Played) -> str:
    """The first signs, with a line between sentences."""
    parts = [played.signs] if played.sentences is None else [one.signs for one in played.sentences]
    left, texts = _SHOWN, []
    for part in parts:
        if left > 0:
            texts.append(" ".join(sign.name for sign in part[:left]))
        left -= len(part)
    more = f" ... and {-left} more" if left < 0 else ""
    return (" | ".join(texts) or "no sign") + more


def _number(count: float | None, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def write_json(path: Path, streams: Sequence[Played], about: dict[str, object]) -> None:
    """Everything that was told, with what it took."""
    whole.write_json(path, {**about, "streams": [stream.to_json() for stream in streams]})


def write_csv(path: Path, streams: Sequence[Played]) -> None:
    """A row a sign; a row a sentence where these were asked for."""
    by_sentence = any(stream.sentences is not None for stream in streams)
    header = ["input", *(_SENTENCE if by_sentence else _SIGN)]
    rows_of = _sentence_rows if by_sentence else _sign_rows
    rows = ((stream.name, *row) for stream in streams for row in rows_of(stream))
    spreadsheet.write(path, header, rows)


def _sign_rows(stream: Played) -> Iterator[list[object]]:
    for sign in stream.signs:
        told = sign.to_json()
        yield [told[name] for name in _SIGN]


def _sentence_rows(stream: Played) -> Iterator[list[object]]:
    for number, sentence in enumerate(stream.sentences or (), 1):
        told = {**sentence.to_json(), "sentence": number, "glosses": sentence.text}
        yield [told[name] for name in _SENTENCE]
