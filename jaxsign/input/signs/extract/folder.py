"""A folder of videos -> a folder of clips, resumable; or one video."""

import dataclasses
import functools
import os
import zipfile
from collections.abc import Container, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxsign import runtime
from jaxsign.errors import UserError, listing
from jaxsign.input.folders import cluster, finding, pool, progress, shards, walk
from jaxsign.input.folders.work import Done, Event, Failed
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.extract import labels, report, settings, videos, work


@dataclasses.dataclass(frozen=True)
class Extraction:
    """What an extraction led to.

    Attributes:
      rows: the report, of all videos asked for.
      made: clips that were made now.
    """

    rows: list[report.ExtractionRow]
    made: int

    @property
    def failed(self) -> list[report.ExtractionRow]:
        """Videos without a clip."""
        return [row for row in self.rows if row.status == report.FAILED]


def extract(
    target: Path,
    plan: work.ExtractionPlan,
    *,
    models: Mapping[str, Any] | None = None,
    workers: int = 0,
    overwrite: bool = False,
    only: Container[str] | None = None,
    by_folder: bool = False,
    shard: shards.Shard = shards.WHOLE,
    machines: cluster.Cluster | None = None,
    display: progress.Display | None = None,
) -> Extraction:
    """Makes the clips that are not there yet, and the report.

    Args:
      target: a video, or a folder that is searched with all below it.
      plan: where to, with which landmarker, how.
      models: what identifies the landmarker's models, by option, for the record.
      workers: processes; 0 = one for each core, at most one for each video.
      overwrite: make all clips anew, whatever the folder holds.
      only: names of the videos to extract, by their paths below the folder; None = all.
      by_folder: a video's sign is the name of the folder that it lies in.
      shard: the part of the videos that is made; the part that ends last writes the labels.
      machines: where the videos are worked on, in place of processes here.
      display: shows how it goes.

    Raises:
      UserError: no videos, folders that do not tell signs, an out folder that does not fit, or no
        landmarker.
    """
    listed = [v for v in videos.find(target, plan.out) if only is None or v.name in only]
    mine = shard.of(listed)
    if by_folder:
        labels.check_folders(target, [video.name for video in listed])
    videos.tell_rate([video.path for video in mine], plan.settings.source_fps)
    display = display or progress.Display("video")
    shared = shards.SharedFolder(plan.out, report.STEM, "extracts into this folder", shard)
    record = plan.settings.as_dict() | dict(models or {})
    with shared.alone():
        table = shards.SharedReport(shared, report.ExtractionRow)
        with shared.door():
            names, known = _take_up(plan, table, record, listed, shard, overwrite)
        with table.kept(known):
            jobs = _jobs(plan, mine, names, known)
            ready = len(mine) - sum(job.needs_clip for job in jobs)
            events = _events(plan, jobs, workers, machines, display)
            _work_off(plan, jobs, events, known, table, ready, display)
        if target.is_dir() and only is None:
            with shared.door():
                told = _label(target, plan, table, listed, overwrite=overwrite, by_folder=by_folder)
            for line in told:
                display.say(line)
    rows = [known[video.name] for video in mine]
    fresh = {job.video.name for job in jobs if job.needs_clip}
    return Extraction(rows, sum(r.status == report.DONE and r.video in fresh for r in rows))


def _take_up(
    plan: work.ExtractionPlan,
    table: shards.SharedReport[report.ExtractionRow],
    record: Mapping[str, Any],
    listed: Sequence[finding.Listed],
    shard: shards.Shard,
    overwrite: bool,
) -> tuple[dict[str, str], dict[str, report.ExtractionRow]]:
    """The names of a part's clips by video, and what the report tells of these videos.

    Of the whole it tells of videos that are gone, too. From now on the part is at work.

    Raises:
      UserError: clips of different options or of different videos lie there.
    """
    known = table.take_up()
    every = videos.names(listed, _known_names(known))
    mine = shard.of(listed)
    names = {video.name: every[video.name] for video in mine}
    if not shard.whole:
        known = {name: row for name, row in known.items() if name in names}
    _remove_drafts(plan.out, None if shard.whole else {*names.values()})
    leaving = {videos.clip_path(plan.out, name) for name in names.values()} if overwrite else set()
    there = plan.out.rglob(f"*{clips.SUFFIX}")
    if table.others_work() or any(path not in leaving for path in there):
        settings.agree(plan.out, record, overwrite)
    if overwrite:
        _remove(plan.out, names.values())
        known = {name: row for name, row in known.items() if name not in names}
    _same_videos(mine, known, plan.out)
    settings.write(plan.out, record)
    table.begin(known)
    return names, known


def _label(
    target: Path,
    plan: work.ExtractionPlan,
    table: shards.SharedReport[report.ExtractionRow],
    listed: Sequence[finding.Listed],
    *,
    overwrite: bool,
    by_folder: bool,
) -> list[str]:
    """Carries the videos' labels over, if no other part has clips to make; what is to be said."""
    rows = table.take_up()
    left = [video for video in listed if video.name not in rows]
    if left or table.others_work():
        return [
            f"{len(left)} of {len(listed)} videos are left to other parts; the one that ends last "
            f"writes {labels.NAME}, if the videos have labels"
        ]
    return labels.carry_over(
        target,
        plan.out,
        videos.names(listed, _known_names(rows)),
        overwrite=overwrite,
        thinned=plan.settings.thins,
        by_folder=by_folder,
    )


def _known_names(known: Mapping[str, report.ExtractionRow]) -> dict[str, str]:
    return {row.video: row.clip.removesuffix(clips.SUFFIX) for row in known.values() if row.clip}


def _work_off(
    plan: work.ExtractionPlan,
    jobs: list[work.ExtractionJob],
    events: Generator[Event[report.ExtractionRow], None, None],
    known: dict[str, report.ExtractionRow],
    table: shards.SharedReport[report.ExtractionRow],
    ready: int,
    display: progress.Display,
) -> None:
    """Follows the jobs; `known` and the report on disk get a row for each."""

    def ended(event: Done[report.ExtractionRow] | Failed) -> progress.Outcome:
        job = jobs[event.job]
        row = event.result if isinstance(event, Done) else _failure(job, event)
        if job.needs_clip or row.status == report.DONE:
            known[row.video] = row
            table.append(row)
        return row.outcome()

    try:
        walk.follow(events, [job.video.bytes for job in jobs], ready, ended, display)
    finally:
        _remove_drafts(plan.out, {job.clip for job in jobs})


def _events(
    plan: work.ExtractionPlan,
    jobs: Sequence[work.ExtractionJob],
    workers: int,
    machines: cluster.Cluster | None,
    display: progress.Display,
) -> Generator[Event[report.ExtractionRow], None, None]:
    """Runs the jobs, here or on other machines."""
    if machines is not None:
        names = [job.video.name for job in jobs]
        return machines.run(functools.partial(work.start, plan), jobs, names, display.say)
    cores = runtime.available_cores()
    workers = min(workers or cores, max(1, len(jobs)))
    plan = dataclasses.replace(plan, threads=max(1, cores // workers))
    return pool.run(functools.partial(work.start, plan), jobs, workers)


def _failure(job: work.ExtractionJob, failed: Failed) -> report.ExtractionRow:
    return report.ExtractionRow(
        job.video.name,
        status=report.FAILED,
        bytes=job.video.bytes,
        reason=failed.told(job.video.path),
    )


def _jobs(
    plan: work.ExtractionPlan,
    listed: list[finding.Listed],
    names: Mapping[str, str],
    known: dict[str, report.ExtractionRow],
) -> list[work.ExtractionJob]:
    """What is still to do; clips that no report tells of yet are added to `known`."""
    jobs = []
    for video in listed:
        path = videos.clip_path(plan.out, names[video.name])
        finished = zipfile.is_zipfile(path)
        row = known.get(video.name)
        if finished and (row is None or row.status == report.FAILED):
            adopted = _adopt(plan.out, path, video)
            finished = adopted is not None
            if adopted is not None:
                known[video.name] = adopted
        preview = plan.preview and not os.path.exists(  # False, too, where a name is too long
            videos.preview_path(plan.out, names[video.name], plan.preview)
        )
        if not finished:
            known.pop(video.name, None)
        if not finished or preview:
            jobs.append(work.ExtractionJob(video, names[video.name], needs_clip=not finished))
    return jobs


def _adopt(out: Path, path: Path, video: finding.Listed) -> report.ExtractionRow | None:
    """The row of a clip whose process was killed before it could report; None if it is no clip."""
    try:
        clip = clips.load(path)
    except UserError:
        return None
    if clip.source != video.name:
        raise UserError(
            f"{path}: is a clip of {clip.source!r}, not of {video.name!r}. Choose another --out, "
            "or give --overwrite."
        )
    name = path.relative_to(out).as_posix()
    return report.describe(clip, video=video.name, clip=name, bytes=video.bytes)


def _same_videos(
    listed: Sequence[finding.Listed], known: Mapping[str, report.ExtractionRow], out: Path
) -> None:
    """Refuses to take a clip for one of another video that has the same name."""
    changed = [
        f"{video.path}: {video.bytes} bytes, but its clip was made of a video of "
        f"{known[video.name].bytes} bytes"
        for video in listed
        if video.name in known
        and known[video.name].status == report.DONE
        and known[video.name].bytes != video.bytes
        and (out / known[video.name].clip).exists()
    ]
    if changed:
        raise UserError(
            f"{out} holds clips of other videos of the same names, or videos have changed:\n"
            f"{listing(changed)}\nChoose another --out, or give --overwrite to make all clips of "
            "these videos anew."
        )


def _remove(out: Path, names: Any) -> None:
    for name in names:
        kinds = [videos.preview_path(out, name, kind) for kind in ("sheet", "video")]
        for path in (videos.clip_path(out, name), *kinds):
            if os.path.lexists(path):
                path.unlink()


def _remove_drafts(out: Path, names: Container[str] | None) -> None:
    """What killed processes left half-written of clips of these names; None = of all there."""
    drafts = {f".*{clips.SUFFIX}.*.tmp": clips.SUFFIX, ".*.preview.*.tmp.*": ".preview."}
    for pattern, ending in drafts.items():
        for path in out.rglob(pattern):
            made = path.with_name(path.name[1:].rpartition(ending)[0])
            if names is None or made.relative_to(out).as_posix() in names:
                path.unlink(missing_ok=True)
    if names is None:
        for path in out.glob(f".{report.STEM}.*.tmp"):
            path.unlink(missing_ok=True)
