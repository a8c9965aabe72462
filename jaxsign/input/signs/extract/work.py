"""What a worker process does with one video."""

import dataclasses
import functools
import time
from pathlib import Path

from jaxsign.errors import UserError
from jaxsign.input.folders import finding
from jaxsign.input.folders.work import Notes, Work
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.extract import recording, report, videos
from jaxsign.input.signs.extract.landmarkers import Factory, Landmarker
from jaxsign.input.signs.extract.settings import ExtractionSettings


@dataclasses.dataclass(frozen=True)
class ExtractionJob:
    """A video to make a clip of, or a clip to make the preview of.

    Attributes:
      video: the video.
      clip: the clip's name.
      needs_clip: whether the clip is still to be made.
    """

    video: finding.Listed
    clip: str
    needs_clip: bool = True


@dataclasses.dataclass(frozen=True)
class ExtractionPlan:
    """What is the same for all videos of a folder.

    Attributes:
      out: folder of the clips.
      factory: makes a landmarker.
      settings: which frames, and how they are shown.
      preview: '', 'sheet' or 'video'.
      keep_partial: take what can be decoded of damaged videos.
      threads: that decode, a process.
    """

    out: Path
    factory: Factory
    settings: ExtractionSettings
    preview: str = ""
    keep_partial: bool = False
    threads: int = 1


def start(plan: ExtractionPlan) -> Work[ExtractionJob, report.ExtractionRow]:
    """Makes a first landmarker, so that what is wrong with it shows before the first video."""
    return functools.partial(_work, plan, [plan.factory()])


def _work(
    plan: ExtractionPlan, spare: list[Landmarker], job: ExtractionJob, notes: Notes
) -> report.ExtractionRow:
    begun = time.monotonic()
    path = videos.clip_path(plan.out, job.clip)
    note = ""
    if job.needs_clip:
        landmarker = spare.pop() if spare else plan.factory()
        try:
            clip, note = recording.record(
                job.video.path,
                landmarker,
                plan.settings,
                source=job.video.name,
                threads=plan.threads,
                keep_partial=plan.keep_partial,
                progress=notes,
            )
        finally:
            landmarker.close()
        # A process whose parent was killed must not write: another run may be at work by now.
        notes(len(clip), 1.0, always=True)
        clip.save(path)
    else:
        clip = clips.load(path)
    if plan.preview:
        note = "; ".join(filter(None, (note, _preview(plan, job, clip))))
    return report.describe(
        clip,
        video=job.video.name,
        clip=path.relative_to(plan.out).as_posix(),
        bytes=job.video.bytes,
        took=round(time.monotonic() - begun, 2),
        reason=note,
    )


def _preview(plan: ExtractionPlan, job: ExtractionJob, clip: clips.Clip) -> str:
    """Draws the preview; returns why it could not, since the clip is good without it."""
    from jaxsign.input.signs.extract import preview  # matplotlib: most extractions do without

    path = videos.preview_path(plan.out, job.clip, plan.preview)
    try:
        preview.write(path, job.video.path, clip, plan.settings, plan.preview)
    except (UserError, OSError, ValueError) as error:
        return f"no preview: {error}"
    return ""
