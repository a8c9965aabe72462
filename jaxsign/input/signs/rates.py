"""Frames a second: those that no recording of signs has, and the true ones in their place."""

import dataclasses
import logging
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.clip import Clip

# Between these lie the cameras and sensors that people record signs with.
SLOWEST, FASTEST = 5.0, 240.0
USUAL = f"{SLOWEST:g} to {FASTEST:g}"
# How people give the true rate, as the verbs and as recipes take it.
OPTION, KEY = "--source-fps N", "--config.data.source_fps=N"
_LOG = logging.getLogger("jaxsign")


def strange(rate: float) -> bool:
    """Whether a known rate is none that signs are recorded at; 0 = unknown."""
    return rate > 0 and not SLOWEST <= rate <= FASTEST


def of_clip(clip: Clip) -> float:
    """Frames a second by a clip's times; what it says itself where it has one frame."""
    span = float(clip.timestamps[-1] - clip.timestamps[0])
    return (len(clip) - 1) / span if span > 0 else clip.fps


def timed(clip: Clip, fps: float) -> Clip:
    """The same frames at another rate; 0 leaves the clip as it is."""
    return (
        dataclasses.replace(clip, timestamps=np.arange(len(clip)) / fps, fps=fps) if fps else clip
    )


@dataclasses.dataclass(frozen=True)
class Timed:
    """A reader whose clips have another rate; unlike a closure it can be pickled."""

    read: Callable[[int], Clip]
    fps: float

    def __call__(self, index: int) -> Clip:
        return timed(self.read(index), self.fps)


def warn(name: str, found: Iterable[tuple[str, float]], how: str) -> None:
    """One warning for all clips with a strange rate.

    Args:
      name: of the collection.
      found: names and rates of the clips that were looked at.
      how: the true rate is given: `OPTION` or `KEY`.
    """
    rates = list(found)
    odd = [(clip, rate) for clip, rate in rates if strange(rate)]
    if odd:
        _LOG.warning("%s: %s. %s", name, told(odd, len(rates)), advice(how))


def told(odd: Sequence[tuple[str, float]], count: int) -> str:
    """'4 of 4 clips looked at say impossible frame rates (a: 1000 a second; expected 5 to 240)'."""
    (clip, rate), *_ = odd
    return (
        f"{len(odd)} of {count} clips looked at say an impossible frame rate ({clip}: {rate:.4g} a "
        f"second; expected {USUAL})"
    )


def advice(how: str) -> str:
    """What is to be done about it."""
    return f"Lengths and speeds are wrong with it; {how} gives the true one"


def sampled(
    names: Sequence[str], read: Callable[[int], object], most: int
) -> list[tuple[str, float]]:
    """Names and rates of at most `most` clips, evenly spread; what cannot be read is left out."""
    chosen = np.unique(np.linspace(0, len(names) - 1, min(most, len(names))).round().astype(int))
    found = []
    for i in chosen.tolist():
        try:
            clip = read(i)
        except UserError:  # told where it is used
            continue
        if isinstance(clip, clips.Clip):
            found.append((names[i], of_clip(clip)))
    return found
