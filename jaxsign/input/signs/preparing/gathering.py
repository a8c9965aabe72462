"""What `jaxsign prepare` reads, by its source: a labelled collection."""

import argparse
import collections
import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxsign import arguments
from jaxsign.errors import UserError, listing
from jaxsign.input import traits
from jaxsign.input.folders import progress
from jaxsign.input.signs import formats, leap_motion, rates
from jaxsign.input.signs.formats import Collection
from jaxsign.input.signs.preparing import (
    label_table,
    labelled_videos,
    preparation,
    recordings,
    samples,
)
from jaxsign.screen import Console

_LEAP_FPS = 120.0


def gather(words: argparse.Namespace, console: Console) -> Collection:
    """The collection that the command line asks for.

    Raises:
      UserError: everything that is wrong with what is there.
    """
    data = Path(words.data)
    if not data.exists():
        raise UserError(f"--data {data}: no such file or folder")
    found = _GATHER[words.source](words, data, console)
    if words.source in ("kaggle", "video", "clips"):
        if words.split != "original":
            with progress.Bar("opening", len(found)) as bar:
                found = preparation.usable(found, bar.step)
        rates.warn(found.name, _sampled_rates(found), rates.OPTION)
    if not len(found):
        problems = f":\n{listing(found.problems)}" if found.problems else ""
        raise UserError(f"{data}: no clip can be used{problems}")
    return found


def _sampled_rates(collection: Collection) -> list[tuple[str, float]]:
    names = [entry.name for entry in collection.entries]
    return rates.sampled(names, collection.reader, traits.SAMPLE)


def record(words: argparse.Namespace) -> dict[str, Any]:
    """How the folder is made, for prepared.json."""
    names = ("source", "split", "val_share", "test_share", "seed", "missing", "separator")
    return {"made_of": str(words.data), **arguments.given(words, names)}


def _table(words: argparse.Namespace) -> label_table.LabelTable | None:
    """The table that is given, without problems unless these are to be skipped."""
    if not words.labels:
        return None
    table = _read_table(words, Path(words.labels))
    _refuse(table.problems, table, words.skip)
    return table


def _refuse(problems: list[str], table: label_table.LabelTable, skip: bool) -> None:
    if problems and not skip:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise UserError(
            f"{table.path}: {count} found before anything was made:\n{listing(problems)}\n"
            "Mend these and start again, or leave these rows out with --skip."
        )


def _videos(words: argparse.Namespace, data: Path, console: Console) -> Collection:
    table = _videos_table(words, data)
    console.print(
        f"{table.path}: {len(table.rows)} rows; videos in column {table.columns[0]!r}, labels in "
        f"{table.columns[1]!r}{_cut(table)}",
        markup=False, soft_wrap=True,
    )  # fmt: skip
    clips = Path(words.clips) if words.clips else Path(f"{words.out}_clips")
    places, missing = labelled_videos.located(table, data, clips)
    _refuse([*table.problems, *missing], table, words.skip)
    if not places:
        raise UserError(f"{table.path}: none of its videos is there:\n{listing(missing)}")
    made = _extract(words, data, clips, set(places.values()), console)
    read = {file: made[name] for file, name in places.items()}
    found = labelled_videos.collection(table, read)
    return dataclasses.replace(found, problems=table.problems)


def _cut(table: label_table.LabelTable) -> str:
    """How many rows are parts of films, and by what."""
    units = collections.Counter(row.segment.unit for row in table.rows if row.segment)
    names = {"s": "seconds", "frames": "frames"}
    return "".join(f"; {n} cut by {names[unit]}" for unit, n in units.items())


def _videos_table(words: argparse.Namespace, data: Path) -> label_table.LabelTable:
    if words.labels:
        return _read_table(words, Path(words.labels))
    if words.source == "video":
        raise UserError("--labels CSV is missing: the videos' names and labels")
    path = labelled_videos.table_of(data)
    return _read_table(words, path, named=True)


def _read_table(
    words: argparse.Namespace, path: Path, named: bool = False
) -> label_table.LabelTable:
    columns = {"file": words.file_column, "label": words.label_column}
    return label_table.read(
        path, separator=words.separator, named=named, segmented=not words.whole, **columns
    )


def _extract(
    words: argparse.Namespace, data: Path, out: Path, only: set[str], console: Console
) -> dict[str, labelled_videos.Extracted]:
    """The clips of some videos below a folder, by the videos' names."""
    from jaxsign.input.signs.extract import folder, report

    plan, models = extraction(words, out)
    result = folder.extract(
        data,
        plan,
        models=models,
        workers=words.workers,
        only=only,
        display=progress.Display("video", console),
    )
    return {
        row.video: labelled_videos.Extracted(
            out / row.clip, row.reason if row.status == report.FAILED else ""
        )
        for row in result.rows
    }


def extraction(words: argparse.Namespace, out: Path) -> tuple[Any, dict[str, Any]]:
    """How videos are extracted, and what identifies the models."""
    from jaxsign.input.signs.extract import commands, landmarkers, models, work
    from jaxsign.input.signs.extract.settings import ExtractionSettings

    settings = ExtractionSettings(confidence=words.confidence, source_fps=words.source_fps)
    files = commands.model_files(words)
    factory = functools.partial(landmarkers.create, files, settings)
    return work.ExtractionPlan(out, factory, settings), dict(models.fingerprints(files))


def rate(words: argparse.Namespace) -> float:
    """Frames a second of the samples."""
    as_recorded = words.source == "leap" and words.upstream
    return (words.source_fps or _LEAP_FPS) if as_recorded else words.fps


def _samples(words: argparse.Namespace, data: Path, console: Console) -> Collection:
    fps = words.source_fps or words.fps
    return _collected(words, data, samples.keypoints(data, fps=fps, upstream=words.upstream))


def _recordings(words: argparse.Namespace, data: Path, console: Console) -> Collection:
    sensor = leap_motion.LeapMotion(
        range_mm=words.range_mm,
        fps=words.source_fps or _LEAP_FPS,
        rate=words.fps,
        upstream=words.upstream,
    )
    found = recordings.find(data, sensor, words.side, words.labels or "")
    return _collected(words, data, found, names=functools.partial(formats.in_order, ()))


def _collected(
    words: argparse.Namespace, data: Path, found: list[samples.Sample], **options: Any
) -> Collection:
    with progress.Bar("reading", len(found)) as bar:
        return samples.collect(
            data, found, _table(words), separator=words.separator, on_sample=bar.step, **options
        )


def _clips(words: argparse.Namespace, data: Path, console: Console) -> Collection:
    opened = formats.open_collection(data, fps=words.source_fps)
    return preparation.labelled(opened, _table(words), words.separator)


_GATHER: dict[str, Callable[[argparse.Namespace, Path, Console], Collection]] = {
    "kaggle": _videos,
    "video": _videos,
    "huggingface": _samples,
    "leap": _recordings,
    "clips": _clips,
}
