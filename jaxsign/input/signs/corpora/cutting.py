"""A split -> clips of its signs, cut out of the films, and the tables to learn from."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

from jaxsign import locking, runtime
from jaxsign.errors import UserError
from jaxsign.input import labels, tables
from jaxsign.input.folders import pool, progress, walk
from jaxsign.input.folders.report import FolderReport
from jaxsign.input.folders.work import Done, Failed
from jaxsign.input.signs.corpora import rows as corpus
from jaxsign.input.signs.corpora import scissors
from jaxsign.input.signs.corpora.preset import Preset
from jaxsign.input.signs.extract import videos
from jaxsign.whole import write_text

CLIPS, REPORT = "clips", "cut.csv"
SAMPLES = "samples.csv"
_LOG = logging.getLogger("jaxsign")


@dataclasses.dataclass(frozen=True)
class Cut:
    """What became of a split.

    Attributes:
      rows: of the report, one a sign.
      made: clips that were cut now.
    """

    rows: list[scissors.CutRow]
    made: int

    @property
    def failed(self) -> list[scissors.CutRow]:
        """Signs without a clip."""
        return [row for row in self.rows if row.reason]


def cut(
    split: Path,
    glosses: Path,
    films: Path,
    out: Path,
    preset: Preset,
    *,
    workers: int = 0,
    display: progress.Display | None = None,
) -> Cut:
    """Cuts the clips that are not there yet, and writes the tables of all that are.

    Args:
      split: table of the signs with their subsets.
      glosses: table of the glosses; row numbers are labels.
      films: folder of the films.
      out: folder of the data set.
      preset: of the corpus.
      workers: processes; 0 = one a core.
      display: shows how it goes.

    Raises:
      UserError: tables that do not fit together, or no clip could be cut.
    """
    signs = corpus.read(split, ("subset",))
    numbers = _numbers(glosses, signs, split)
    display = display or progress.Display("film")
    with locking.alone(out, ".cut.lock", "--out", "cuts clips into this folder"):
        table = FolderReport(out / REPORT, scissors.CutRow)
        known = table.read()
        jobs = _jobs(signs, known, films, out, preset)
        made = _work_off(jobs, known, table, workers, display)
        done = [known[one.sample] for one in signs]
        table.write(done)
        good = {row.sample for row in done if not row.reason}
        write_tables(out, [one for one in signs if one.sample in good], numbers)
        write_text(out / corpus.GLOSSES, tables.read_text(glosses))
        _tell_others(out / CLIPS, {one.sample for one in signs})
    return Cut(done, made)


def _tell_others(clips: Path, samples: set[str]) -> None:
    others = [path for path in clips.glob("*") if videos.is_video(path.name)]
    others = sorted(path for path in others if path.name not in samples)
    if others:
        _LOG.warning(
            "%s: holds %d films that are no signs of this split, such as %s, and that an "
            "extraction would take. Move them away if they are of another split.",
            clips, len(others), others[0].name,
        )  # fmt: skip


def _numbers(glosses: Path, signs: Sequence[corpus.Instance], split: Path) -> dict[str, int]:
    """The label of every gloss."""
    rows = tables.read_rows(glosses, ("Gloss",))
    numbers = {row.cells["Gloss"]: i for i, row in enumerate(rows)}
    unknown = [one.gloss for one in signs if one.gloss not in numbers]
    if unknown:
        raise UserError(
            f"{split}: {len(unknown)} signs have glosses that {glosses} lacks, the first "
            f"{unknown[0]!r}. Give the glosses of this split"
        )
    return numbers


def _jobs(
    signs: Sequence[corpus.Instance],
    known: dict[str, scissors.CutRow],
    films: Path,
    out: Path,
    preset: Preset,
) -> list[scissors.FilmJob]:
    """One a film, with the signs whose clips are not there as they should be."""
    waiting: dict[str, list[scissors.CutRow]] = {}
    for one in signs:
        crop = "x".join(map(str, preset.crop)) if one.side else ""
        row = scissors.CutRow(one.sample, one.film, one.start, one.end, one.side, crop, preset.rate)
        before = known.get(one.sample)
        if before is None or before.reason or not _same(before, row, out):
            waiting.setdefault(one.film, []).append(row)
    return [
        scissors.FilmJob(films / name, sorted(rows, key=lambda row: row.start), out / CLIPS, preset)
        for name, rows in waiting.items()
    ]


def _same(before: scissors.CutRow, now: scissors.CutRow, out: Path) -> bool:
    """Whether a clip of these times, this part of the picture and this rate is there."""
    there = (out / CLIPS / before.sample).is_file()
    return there and dataclasses.replace(before, frames=0) == now


def _work_off(
    jobs: Sequence[scissors.FilmJob],
    known: dict[str, scissors.CutRow],
    table: FolderReport[scissors.CutRow],
    workers: int,
    display: progress.Display,
) -> int:
    """Cuts; `known` and the report on disk get a row for each sign. Returns how many were made."""
    made = 0

    def ended(event: Done[list[scissors.CutRow]] | Failed) -> progress.Outcome:
        nonlocal made
        job = jobs[event.job]
        found = event.result if isinstance(event, Done) else job.failed(event.told())
        for row in found:
            known[row.sample] = row
            table.append(row)
        good = sum(not row.reason for row in found)
        made += good
        return _outcome(job, found, good)

    table.write(known.values())
    workers = min(workers or runtime.available_cores(), max(1, len(jobs)))
    events = pool.run(scissors.start, jobs, workers)
    if jobs:
        walk.follow(events, [job.bytes for job in jobs], 0, ended, display)
    return made


def _outcome(
    job: scissors.FilmJob, found: Sequence[scissors.CutRow], good: int
) -> progress.Outcome:
    bad = [row for row in found if row.reason]
    reason = "; ".join(f"{row.sample}: {row.reason}" for row in bad[:3])
    more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
    frames = sum(row.frames for row in found)
    text = f"{good} clips, {frames} frames"
    return progress.Outcome(job.path.name, frames, text, reason + more, bool(bad))


def write_tables(out: Path, signs: Sequence[corpus.Instance], numbers: dict[str, int]) -> None:
    """`samples.csv` as the format signon has it, and labels.csv beside the clips."""
    samples = [
        {
            "Id": i,
            "Label": numbers[one.gloss],
            "Participant": one.participant,
            "Video": one.sample,
            "Subset": one.subset,
        }
        for i, one in enumerate(signs)
    ]
    beside = [
        {
            "file": one.sample,
            "glosses": labels.join_names((one.gloss,)),
            "signer": one.participant,
            "split": one.subset,
        }
        for one in signs
    ]
    for path, cells in ((out / SAMPLES, samples), (out / CLIPS / "labels.csv", beside)):
        if cells:
            tables.write(path, cells)
