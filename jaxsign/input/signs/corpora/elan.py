"""ELAN's annotations: tiers of signs with their times, and the films that they belong to."""

import dataclasses
from pathlib import Path
from typing import Any
from urllib import parse

from jaxsign import reading
from jaxsign.errors import UserError, did_you_mean


@dataclasses.dataclass(frozen=True)
class Annotation:
    """A sign: begin and end in milliseconds, None where the file has none; and what is written."""

    start: int | None
    end: int | None
    text: str


@dataclasses.dataclass(frozen=True)
class Tier:
    """A row of annotations.

    Attributes:
      name: of the tier.
      participant: who signs, as the tier says; "" = it does not.
      annotations: in order of time.
    """

    name: str
    participant: str
    annotations: list[Annotation]


@dataclasses.dataclass(frozen=True)
class Document:
    """An .eaf file.

    Attributes:
      path: of the file.
      media: its films, as paths with forward slashes wherever the annotators had them.
      tiers: by name.
    """

    path: Path
    media: list[str]
    tiers: dict[str, Tier]

    def tier(self, name: str) -> Tier:
        """The tier of a name; raises UserError where there is none."""
        if name not in self.tiers:
            near = did_you_mean(name, self.tiers)
            raise UserError(
                f"{self.path}: has no tier {name!r}; found {', '.join(self.tiers) or 'none'}.{near}"
            )
        return self.tiers[name]


def read(path: Path) -> Document:
    """The content of an .eaf file.

    Raises:
      UserError: pympi is not installed; no file, no annotation of ELAN, or a damaged one.
    """
    library = _library(path)
    reading.read_bytes(path)  # there, and of a size that fits
    try:
        found = library.Eaf(str(path), suppress_version_warning=True)
        media = [_path(medium["MEDIA_URL"]) for medium in found.media_descriptors]
        tiers = {name: _tier(name, found) for name in found.tiers}
    except Exception as error:  # the library raises whatever the file makes it do
        raise UserError(
            f"{path}: is no annotation of ELAN ({_reason(path, error)}). Expected an .eaf file "
            "as ELAN saves it"
        ) from error
    return Document(path, media, tiers)


def _library(path: Path) -> Any:
    try:
        from pympi import Elan
    except ImportError as error:
        raise UserError(
            f"{path}: reading it needs the library pympi-ling. Install it, in the project's "
            "folder: pip install -c constraints.txt -e '.[corpus]'"
        ) from error
    return Elan


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it lacks {reading.quoted(str(error))}"
    return "it is no XML" if "parse" in str(error) else reading.told(path, "a text file", error)


def _path(url: str) -> str:
    """file:///D:/a%20b/c.mp4 -> /D:/a b/c.mp4"""
    return parse.unquote(url.partition("://")[2] or url).replace("\\", "/")


def _tier(name: str, found: Any) -> Tier:
    aligned, _, attributes, _ = found.tiers[name]
    annotations = [
        Annotation(found.timeslots[start], found.timeslots[end], text)
        for start, end, text, _ in aligned.values()
    ]
    annotations.sort(key=lambda one: (one.start or 0, one.end or 0))
    return Tier(name, attributes.get("PARTICIPANT", ""), annotations)
