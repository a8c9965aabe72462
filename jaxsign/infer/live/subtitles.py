"""What was told of a stream as subtitles, which video players show with its film."""

import html
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from jaxsign import whole
from jaxsign.errors import UserError
from jaxsign.infer.live.telling import Played

ENDINGS = (".srt", ".vtt")
_LEAST = 1.0  # seconds that a text is shown: a sign may be told of one frame alone


def check(path: Path) -> None:
    """Refuses a file that is called like no subtitles.

    Raises:
      UserError: it is.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UserError(f"--subtitles {path}: expected a name that ends in .srt or .vtt")


def write(path: Path, stream: Played) -> None:
    """Writes a subtitle a sentence, or a sign where no sentences were asked for.

    Args:
      path: SubRip (.srt) or WebVTT (.vtt).
      stream: its times are those of the film.
    """
    if stream.sentences is None:
        told = [(sign.start, sign.end, sign.name) for sign in stream.signs]
    else:
        told = [(one.start, one.end, one.text) for one in stream.sentences]
    web = path.suffix.lower() == ".vtt"
    mark = "." if web else ","
    cues = [
        f"{number}\n{_clock(start, mark)} --> {_clock(end, mark)}\n{_text(text, web)}\n"
        for number, (start, end, text) in enumerate(_readable(told), 1)
    ]
    whole.write_text(path, "\n".join(["WEBVTT\n", *cues] if web else cues))


def _readable(told: Sequence[tuple[float, float, str]]) -> Iterator[tuple[float, float, str]]:
    """The same, shown for long enough to be read, as far as the next one lets them."""
    following = [start for start, *_ in told[1:]] + [math.inf]
    for (start, end, text), until in zip(told, following, strict=False):
        yield start, max(end, min(start + _LEAST, until)), text


def _text(text: str, web: bool) -> str:
    line = " ".join(text.split())
    return html.escape(line, quote=False) if web else line


def _clock(seconds: float, mark: str) -> str:
    """01:02:03,450"""
    minutes, milliseconds = divmod(round(max(seconds, 0.0) * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}{mark}{milliseconds % 1000:03d}"
