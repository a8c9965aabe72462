"""Videos -> a folder of scenes, one file a video; resumable."""

import collections
import dataclasses
import functools
import os
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from jaxsign.errors import UserError, listing
from jaxsign.infer.detect import disk
from jaxsign.input.folders import cluster, progress, shards, walk
from jaxsign.input.folders.work import Done, Event, Failed, Note, Notes, Work
from jaxsign.input.scenes import boxes_of_others, detect_table, scene, videos
from jaxsign.input.scenes.detect_table import DetectRow
from jaxsign.input.scenes.scene import Scene
from jaxsign.input.signs.extract import settings
from jaxsign.tasks.scenes import making, of_videos
from jaxsign.whole import is_full


@dataclasses.dataclass(frozen=True)
class DetectPlan:
    """What is done with every video.

    Attributes:
      out: folder of the scenes.
      maker: makes them.
      record: what they depend on, kept beside them.
      others: boxes of another detector; None = there are none.
    """

    out: Path
    maker: making.SceneMaker
    record: dict[str, Any]
    others: boxes_of_others.OthersBoxes | None = None


@dataclasses.dataclass(frozen=True)
class OtherMachines:
    """Where videos are looked at, if not here.

    Attributes:
      cluster: it.
      plan: makes the plan anew in each process there; picklable.
    """

    cluster: cluster.Cluster
    plan: Callable[[], DetectPlan]

    def events(
        self, todo: Sequence[videos.SceneVideo], display: progress.Display
    ) -> Generator[Event[DetectRow], None, None]:
        """As those of the work here."""
        names = [_file(video) for video in todo]
        begin = functools.partial(start, self.plan)
        return self.cluster.run(begin, todo, names, display.say)


def start(
    plan: Callable[[], DetectPlan],
) -> Work[videos.SceneVideo, DetectRow]:
    """What a worker on another machine does with videos, one at a time."""
    made = plan()

    def work(video: videos.SceneVideo, notes: Notes) -> DetectRow:
        *_, last = _work_off(made, [video])
        if isinstance(last, Failed):
            raise UserError(last.reason)
        assert isinstance(last, Done)
        return last.result

    return work


def detect(
    plan: DetectPlan,
    found: Sequence[videos.SceneVideo],
    *,
    shard: shards.Shard = shards.WHOLE,
    overwrite: bool = False,
    machines: OtherMachines | None = None,
    display: progress.Display | None = None,
) -> int:
    """Makes the scenes that are not there yet, and says how it goes.

    Args:
      plan: where to and how.
      found: the videos.
      shard: the part of these that is made; what was made by parts of another number is not made
        again.
      overwrite: make all anew.
      machines: where scenes are made; None = here.
      display: shows it.

    Returns:
      The number of these videos that have no scene.

    Raises:
      UserError: two videos of one name, scenes of other settings in the folder, another process
        that makes parts of another number there, too little disk, or none left.
    """
    _check_names(found)
    mine = shard.of(found)
    display = display or progress.Display("video")
    shared = shards.SharedFolder(plan.out, detect_table.STEM, "makes scenes in this folder", shard)
    with disk.full_told(plan.out), shared.alone():
        table = shards.SharedReport(shared, DetectRow)
        with shared.door():
            rows = _taken_up(plan, table, {_file(video) for video in mine}, shard, overwrite)
            todo = _left_to_do(plan, mine, rows)
            table.begin(rows)
        with table.kept(rows):
            disk.check(plan.out, plan.maker, todo, display)

            def ended(event: Done[DetectRow] | Failed) -> progress.Outcome:
                row = event.result if isinstance(event, Done) else _failed(todo[event.job], event)
                rows[row.file] = row
                table.append(row)
                text = f"{row.frames} frames, {row.boxes} boxes, {row.pairs} pairs"
                failed = row.status == detect_table.FAILED
                return progress.Outcome(row.file, row.frames, text, row.reason, failed=failed)

            sizes = [video.bytes for video in todo]
            events = machines.events(todo, display) if machines else _work_off(plan, todo)
            walk.follow(events, sizes, len(mine) - len(todo), ended, display)
    there = [rows[_file(video)] for video in mine if _file(video) in rows]
    failed = sum(row.status == detect_table.FAILED for row in there)
    display.say(_last_line(plan, todo, rows, display))
    return failed


def _taken_up(
    plan: DetectPlan,
    table: shards.SharedReport[DetectRow],
    wanted: set[str],
    shard: shards.Shard,
    overwrite: bool,
) -> dict[str, DetectRow]:
    """The rows of a part that stay; the folder's record is from now on the plan's.

    Of the whole there are rows of other videos, too.

    Raises:
      UserError: scenes of other settings lie there, and stay.
    """
    known = table.take_up()
    leaving = wanted if overwrite else set[str]()
    there = plan.out.glob(f"*{scene.SUFFIX}")
    if table.others_work() or any(path.name not in leaving for path in there):
        settings.agree(plan.out, plan.record, overwrite, name=detect_table.RECORD, what="scenes")
    for name in leaving:  # also of a run that is stopped, or fails at one, none stays
        (plan.out / name).unlink(missing_ok=True)
    settings.write(plan.out, plan.record, detect_table.RECORD)
    return {
        name: row
        for name, row in known.items()
        if name not in leaving and (name in wanted or (shard.whole and not _is_gone(row)))
    }


def _last_line(
    plan: DetectPlan,
    todo: Sequence[videos.SceneVideo],
    rows: dict[str, DetectRow],
    display: progress.Display,
) -> str:
    made = [rows[_file(video)] for video in todo if _file(video) in rows]
    failed = sum(row.status == detect_table.FAILED for row in made)
    shapes = len(plan.maker.detector.shapes)
    text = f"{plan.out}: {len(made) - failed} written, {failed} failed"
    if display.frames:
        text += f"; {display.frames:,} frames, {display.milliseconds_a_frame:.0f} ms each"
    if shapes:  # none where other machines look
        text += f"; compiled for {shapes} shape{'s' * (shapes != 1)} of images"
    return text


def _file(video: videos.SceneVideo) -> str:
    return f"{video.name}{scene.SUFFIX}"


def _is_gone(row: DetectRow) -> bool:
    """Whether a row tells of a failed video that is no more there."""
    return row.status == detect_table.FAILED and not Path(row.source).exists()


def _check_names(found: Sequence[videos.SceneVideo]) -> None:
    counts = collections.Counter(video.name.casefold() for video in found)
    shared = [
        f"{video.source}: {video.name}" for video in found if counts[video.name.casefold()] > 1
    ]
    if shared:
        raise UserError(f"videos whose scenes would be one file:\n{listing(shared)}\nRename them")


def _left_to_do(
    plan: DetectPlan, mine: Sequence[videos.SceneVideo], rows: dict[str, DetectRow]
) -> list[videos.SceneVideo]:
    """The videos without a whole scene; their rows are taken away.

    Raises:
      UserError: a scene of another video has a name.
    """
    todo, others = [], []
    for video in mine:
        row = rows.get(_file(video))
        whole = row is not None and row.status == detect_table.DONE
        if row is None or not whole or not (plan.out / row.file).is_file():
            rows.pop(_file(video), None)
            todo.append(video)
        elif (os.path.abspath(row.source), row.bytes) != (video.source, video.bytes):
            others.append(f"{row.file}: of {row.source} ({row.bytes}), not of {video.source}")
    if others:
        raise UserError(
            f"{plan.out} holds scenes of other videos of the same names, or videos have changed:\n"
            f"{listing(others)}\nChoose another --out, or give --overwrite to make all anew."
        )
    return todo


def _work_off(
    plan: DetectPlan, todo: Sequence[videos.SceneVideo]
) -> Generator[Event[DetectRow], None, None]:
    """Makes scenes and writes them; a video that cannot be read fails, the others go on."""
    for number, video in enumerate(todo):
        row = _row(video)
        try:
            reasons, remarks = list[str](), list[str]()
            made = None
            scenes = of_videos.scene(
                plan.maker, video, reasons, remarks, others=plan.others, shelf=plan.out
            )
            for made in scenes:
                if isinstance(made, tuple):
                    yield Note(number, *made)
            assert isinstance(made, Scene)
            made.save(plan.out / row.file)
        except UserError as error:
            yield Failed(number, str(error))
        except OSError as error:
            if is_full(error):
                raise
            reason = f"{plan.out / row.file}: cannot be written ({error.strerror or error})"
            yield Failed(number, reason)
        else:
            row = dataclasses.replace(
                row,
                frames=len(made),
                boxes=len(made.boxes),
                pairs=len(made.pairs),
                reason="; ".join(filter(None, (of_videos.left_out(reasons), *remarks))),
            )
            yield Done(number, row)


def _row(video: videos.SceneVideo) -> DetectRow:
    return DetectRow(_file(video), video.source, video.bytes, video.split, detect_table.DONE)


def _failed(video: videos.SceneVideo, failed: Failed) -> DetectRow:
    return dataclasses.replace(_row(video), status=detect_table.FAILED, reason=failed.told())
