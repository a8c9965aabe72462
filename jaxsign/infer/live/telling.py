"""What `jaxsign stream` says: a line a sign as it comes, a summary, and files."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from jaxsign import spreadsheet, whole
from jaxsign.tasks.following import Emitted

_COLUMNS = ("gloss", "class", "start", "end", "confidence", "emitted", "latency", "compute_ms")
_SHOWN = 30


class Played(TypedDict):
    """What was told of a stream, as plain values.

    Attributes:
      input: its name.
      glosses: the signs, as of `Emitted.to_json`.
      summary: what it took, as of `Cost.to_json`.
    """

    input: str
    glosses: list[dict[str, object]]
    summary: dict[str, float | None]


def line(sign: Emitted, width: int) -> str:
    """One sign: when, what, how sure, how long after its end it was told."""
    return (
        f"{_clock(sign.start)} - {_clock(sign.end)}  {sign.name:<{width}}  "
        f"{sign.confidence:5.3f}  told {sign.latency:.2f} s later"
    )


def _clock(seconds: float) -> str:
    """1:02:03.45, as short as it can be."""
    minutes, rest = divmod(round(seconds * 100), 6000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 100:05.2f}"
    return f"{hours}:{minutes:02d}:{text}" if hours else f"{minutes}:{text}"


def summary(signs: Sequence[Emitted], cost: dict[str, float | None]) -> str:
    """The signs in a row, and what recognising them took."""
    words = " ".join(sign.name for sign in signs[:_SHOWN]) or "no sign"
    more = f" ... and {len(signs) - _SHOWN} more" if len(signs) > _SHOWN else ""
    told = cost["mean_latency"]
    after = "" if told is None else f", told {told:.2f} s after their ends on average"
    return (
        f"{words}{more}\n"
        f"{_number(cost['glosses'], 'sign')} in {cost['stream_seconds']:.2f} s{after}\n"
        f"{_number(cost['hops'], 'window')} of {cost['total_ms_a_hop']:.1f} ms each (net "
        f"{cost['net_ms_a_hop']:.1f}, longest {cost['longest_hop_ms']:.1f}), "
        f"{cost['real_time'] or 0:.1f} times real time"
    )


def _number(count: float | None, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def write_json(path: Path, streams: Sequence[Played], about: dict[str, object]) -> None:
    """Everything that was told, with what it took."""
    whole.write_json(path, {**about, "streams": list(streams)})


def write_csv(path: Path, streams: Sequence[Played]) -> None:
    """A row a sign."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["input", *_COLUMNS])
    for stream in streams:
        for sign in stream["glosses"]:
            cells = [stream["input"], *(sign[name] for name in _COLUMNS)]
            table.writerow([spreadsheet.guarded(cell) for cell in cells])
    whole.write_text(path, file.getvalue())
