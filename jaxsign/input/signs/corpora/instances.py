"""A folder of annotations -> the signs in it, and what is wrong with the others."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from jaxsign.errors import UserError
from jaxsign.input.folders import finding
from jaxsign.input.signs.corpora import cleaning, elan
from jaxsign.input.signs.corpora.preset import Preset
from jaxsign.input.signs.corpora.rows import Instance
from jaxsign.input.signs.extract import video


@dataclasses.dataclass
class FoundSigns:
    """The signs of a corpus.

    Attributes:
      rows: those that are kept, in the order of files and of time.
      files: annotations that were looked at.
      signs: in them, before glosses were left out.
      problems: what is wrong with single annotations and files, a sentence each.
      counts: signs of each gloss that is none of those dropped, however few, by falling count.
    """

    rows: list[Instance]
    files: int
    signs: int
    problems: list[str]
    counts: list[tuple[str, int]]


@dataclasses.dataclass(frozen=True)
class _Source:
    """What a tier belongs to: its film below the folder of films, and who signs."""

    film: str
    participant: str


def find(
    eafs: Path, films: Path, preset: Preset, offsets: Mapping[str, int] | None = None
) -> FoundSigns:
    """The signs of all annotations below a folder.

    Args:
      eafs: folder of .eaf files.
      films: folder of the films.
      preset: of the corpus.
      offsets: milliseconds that are added to the times of an annotation, by its name without
        ending.

    Raises:
      UserError: no such folder, or none in it.
    """
    rows: list[Instance] = []
    problems: list[str] = []
    paths = [path for path in _paths(eafs, preset) if path.stem not in preset.leave_out]
    if not paths:
        raise UserError(f"{eafs}: holds no .eaf file. Expected a folder of ELAN's annotations")
    for path in paths:
        try:
            shift = (offsets or {}).get(path.stem, 0)
            rows += _of_file(path, eafs, films, preset, shift, problems)
        except UserError as error:
            problems.append(str(error))
    good = cleaning.frequent([row.gloss for row in rows], preset)
    kept = [row for row, is_good in zip(rows, good, strict=True) if is_good]
    counts = cleaning.counts(row.gloss for row in rows if cleaning.kept(row.gloss, preset))
    return FoundSigns(_named(kept, preset, problems), len(paths), len(rows), problems, counts)


def _paths(folder: Path, preset: Preset) -> list[Path]:
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder. Expected ELAN's annotations, .eaf files")
    found = finding.walk(folder, finding.ending(".eaf"), "annotations")
    return [path for path in found if preset.below or path.parent == folder]


def _of_file(
    path: Path, eafs: Path, films: Path, preset: Preset, shift: int, problems: list[str]
) -> list[Instance]:
    document = elan.read(path)
    media = _media(document, preset)
    rows = []
    for tier in _tiers(document, preset):
        source = _source(document, tier, media, films, preset)
        check = _Times(document, tier, films / source.film, preset, shift)
        signer = tier.name.rpartition(" ")[2]
        rows += [
            Instance(
                "",
                cleaning.clean(one.text, preset).strip(),
                start,
                end,
                source.participant,
                source.film,
                "",
                path.relative_to(eafs).as_posix(),
                signer,
                preset.sides.get(signer, ""),
            )
            for one, start, end in check.good(problems)
        ]
    return rows


def _tiers(document: elan.Document, preset: Preset) -> list[elan.Tier]:
    there = [name for name in preset.tiers if name in document.tiers]
    if preset.every_tier or not there:
        there = list(preset.tiers) if preset.every_tier else [preset.tiers[0]]
    if len(document.tiers) < preset.least_tiers:
        raise UserError(
            f"{document.path}: has {len(document.tiers)} tier(s), expected {preset.least_tiers}"
        )
    tiers = [document.tier(name) for name in there]
    return tiers[:1] if preset.first_tier_only else tiers


def _media(document: elan.Document, preset: Preset) -> list[dict[str, str]]:
    """The named groups of every film that counts."""
    if not preset.medium:
        return []
    found = []
    for medium in document.media:
        match = re.search(preset.medium, medium)
        if match:
            found.append(match.groupdict())
        elif not (preset.other_media and re.search(preset.other_media, medium)):
            raise UserError(f"{document.path}: its film {medium} does not fit {preset.medium!r}")
    if len(found) < preset.least_media:
        raise UserError(
            f"{document.path}: names {len(found)} film(s) that fit {preset.medium!r}, expected "
            f"{preset.least_media}; found {', '.join(document.media) or 'none'}"
        )
    return found


def _source(
    document: elan.Document,
    tier: elan.Tier,
    media: list[dict[str, str]],
    films: Path,
    preset: Preset,
) -> _Source:
    path = document.path
    words = {"stem": path.stem, "eaf": path.name, **_stem_groups(path.stem, preset)}
    words |= _medium(document, tier, media, preset)
    names = [_filled(template, words) for template in preset.films]
    film = next((name for name in names if (films / name).is_file()), None)
    if film is None:
        raise UserError(
            f"{path}: its film is not there: {films / names[0]}. Look at --videos, the folder "
            "of the films"
        )
    participant = _filled(preset.participant, words) if preset.participant else tier.participant
    if not participant:
        raise UserError(f"{path}: tier {tier.name!r} has no PARTICIPANT, which tells who signs")
    return _Source(film, participant)


def _filled(template: str, words: Mapping[str, str]) -> str:
    try:
        return template.format_map(words)
    except (KeyError, ValueError, IndexError) as error:
        raise UserError(f"template {template!r}: {error} is none of {', '.join(words)}") from error


def _stem_groups(stem: str, preset: Preset) -> dict[str, str]:
    matches = (re.search(pattern, stem) for pattern in preset.stem)
    return next((match.groupdict() for match in matches if match), {})


def _medium(
    document: elan.Document,
    tier: elan.Tier,
    media: list[dict[str, str]],
    preset: Preset,
) -> dict[str, str]:
    """The groups of the film that a tier belongs to."""
    if preset.medium_of_tier == "participant":
        media = [groups for groups in media if groups.get("who") == tier.participant]
        if not media:
            raise UserError(
                f"{document.path}: tier {tier.name!r} is of {tier.participant or 'nobody'}, of "
                f"whom it names no film; found {', '.join(document.media)}"
            )
    elif preset.medium_of_tier == "highest, lowest":
        media = sorted(media, key=_number, reverse=preset.tiers.index(tier.name) == 0)
    return media[0] if media else {}


def _number(groups: Mapping[str, str]) -> int:
    """Of a participant: i013 -> 13."""
    return int(re.sub(r"\D", "", groups.get("who", "")) or 0)


class _Times:
    """The annotations of a tier whose times make sense in its film."""

    def __init__(
        self, document: elan.Document, tier: elan.Tier, film: Path, preset: Preset, shift: int
    ):
        self._where = f"{document.path}: tier {tier.name!r}"
        self._tier, self._shift, self._within = tier, shift, preset.within
        self._end, self._rate = 0.0, 0.0
        if preset.within:
            with video.Video(film) as opened:
                self._end, self._rate = 1000 * opened.seconds, opened.rate

    def good(self, problems: list[str]) -> Iterator[tuple[elan.Annotation, int, int]]:
        """Those with start and end in milliseconds of the film; adds to the problems."""
        for one in self._tier.annotations:
            if one.start is None or one.end is None:
                problems.append(f"{self._where}, {one.text!r}: has no times")
                continue
            start, end = one.start + self._shift, one.end + self._shift
            problem = self._problem(start, end)
            if problem:
                problems.append(f"{self._where}, {one.text!r} from {start} to {end} ms: {problem}")
            else:
                yield one, start, end

    def _problem(self, start: int, end: int) -> str:
        if start >= end:
            return "its end does not come after its start"
        if start < 0:
            return "begins before its film"
        if self._within and end >= self._end:
            return f"does not end within its film of {self._end:.0f} ms"
        # Frame i stands at (i + 1) / rate, as in the original.
        if self._within == "frame" and int(end * self._rate / 1000) < max(
            1, -int(-start * self._rate // 1000)
        ):
            return f"no frame of its film at {self._rate:g} frames/s lies in it"
        return ""


def _named(rows: list[Instance], preset: Preset, problems: list[str]) -> list[Instance]:
    """The rows with numbers and names of their clips; what has the name of another is left out."""
    found: dict[str, Instance] = {}
    for row in rows:
        words = {
            "id": str(len(found)),
            "start": str(row.start),
            "end": str(row.end),
            "eaf": row.eaf.rpartition("/")[2],
            "stem": Path(row.eaf).stem,
            "film": Path(row.film).stem,
        }
        name = _filled(preset.sample, words)
        if name in found:
            problems.append(
                f"{row.eaf}: {row.gloss!r} at {row.start} ms: its clip would have the name of that "
                f"of {found[name].eaf}, {found[name].gloss!r}: {name}. Remove the one that is "
                "there twice, or tell them apart by {id} in the preset's 'sample'"
            )
            continue
        found[name] = dataclasses.replace(row, id=words["id"], sample=name)
    return list(found.values())
