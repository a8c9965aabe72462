"""A folder of clips or films -> a mirrored tree of .npy files, one a clip; resumable."""

import collections
import dataclasses
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign import locking
from jaxsign.errors import UserError, listing
from jaxsign.infer import asking, clip_items, files
from jaxsign.infer import run as runs
from jaxsign.infer.embed import kinds
from jaxsign.input import names
from jaxsign.input.folders import progress, report, walk
from jaxsign.input.folders.work import Done, Event, Failed
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.extract import films, settings, videos
from jaxsign.nets import fingerprint
from jaxsign.whole import whole

RECORD, REPORT = "embed.json", "embed.csv"
_DONE, _FAILED = "done", "failed"
# Endings that a clip's name loses; other dots belong to it.
_ENDINGS = (clips.SUFFIX, ".npz", ".npy", ".parquet", ".pose")
_CHUNK = 256  # clips held in memory at once


@dataclasses.dataclass(frozen=True)
class EmbedRow:
    """A line of the report.

    Attributes:
      file: the embedding's, below the folder.
      source: what it was made of.
      bytes: of the source; 0 where it has no file of its own.
      status: 'done' or 'failed'.
      shape: of the array, such as 31x192.
      reason: why it failed.
    """

    file: str
    source: str
    bytes: int
    status: str
    shape: str = ""
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class EmbedJob:
    """One clip on its way to a file."""

    item: clip_items.Item
    row: EmbedRow


def embed(
    workdir: str | Path,
    source: str | Path,
    out: Path,
    kind: str,
    *,
    window: int = 0,
    stride: int = 0,
    language: int | None = None,
    which: str = "best",
    batch_size: int = 32,
    finder: films.Finder | None = None,
    person: int = 0,
    fps: float = 0.0,
    overwrite: bool = False,
) -> int:
    """Embeds what has no file yet, and says how it goes.

    Args:
      workdir, which: the run.
      source: a clip, a film, or a folder of either.
      out: folder of the results, outside of `source`.
      kind, window, stride: see `kinds.Embedder`.
      language: of all clips, where the run is told it.
      batch_size: clips run at once.
      finder, person, fps: see `clip_items.find`.
      overwrite: make all files anew.

    Returns:
      The number of clips that have no file.

    Raises:
      UserError: nothing to embed, a kind that the net does not have, files that would be one, or
        results of other options in `out`.
    """
    run = runs.load_run(workdir, which, language)
    asker = asking.Asker(run)
    embedder = kinds.Embedder(asker, kind, window=window, stride=stride)
    if out.resolve().is_relative_to(Path(source).resolve()):
        raise UserError(f"--out {out} lies in {source}: its files would be clips. Choose another")
    jobs = _jobs(clip_items.find(source, finder, view=run.view, person=person, fps=fps))
    chosen = {"kind": kind, "window": window, "stride": stride, "person": person}
    record = {**chosen, "source_fps": fps, **_record(run, finder)}
    display = progress.Display("clip")
    with locking.alone(out, ".embed.lock", "--out", "embeds into this folder"):
        leaving = {job.row.file for job in jobs} if overwrite else set()
        rows = {name: row for name, row in _table(out).read().items() if name not in leaving}
        if rows:
            settings.agree(out, record, overwrite, name=RECORD, what="embeddings")
        settings.write(out, record, RECORD)
        todo = _left_to_do(jobs, rows, out)
        events = _work_off(todo, embedder, run, out, batch_size)
        _follow(events, todo, rows, len(jobs) - len(todo), out, display)
    asker.doubts.tell()
    failed = sum(rows[job.row.file].status == _FAILED for job in todo)
    display.say(f"{out}: {len(todo) - failed} written, {failed} failed")
    return failed


def _record(run: runs.Run, finder: films.Finder | None) -> dict[str, Any]:
    """What else the arrays depend on."""
    looked = finder.settings.as_dict() if finder else {}
    weights = fingerprint.fingerprint(run.variables)
    return {"language": run.language, "weights_sha256": weights, **looked}


def _table(out: Path) -> report.FolderReport[EmbedRow]:
    return report.FolderReport(out / REPORT, EmbedRow)


def _follow(
    events: Generator[Event[EmbedRow], None, None],
    todo: Sequence[EmbedJob],
    rows: dict[str, EmbedRow],
    ready: int,
    out: Path,
    display: progress.Display,
) -> None:
    """Works off the jobs; `rows` and the report on disk get a row for each."""
    table = _table(out)
    table.write(rows.values())

    def ended(event: Done[EmbedRow] | Failed) -> progress.Outcome:
        row = event.result if isinstance(event, Done) else _failed(todo[event.job], event)
        rows[row.file] = row
        table.append(row)
        failed = row.status == _FAILED
        return progress.Outcome(row.file, 0, row.shape, row.reason, failed=failed)

    try:
        walk.follow(events, [job.row.bytes for job in todo], ready, ended, display)
    finally:
        table.write(rows.values())


def _jobs(items: Sequence[clip_items.Item]) -> list[EmbedJob]:
    """Refuses names that leave the folder, or of which one file would be made."""
    jobs = []
    places: dict[str, list[str]] = collections.defaultdict(list)
    for item in items:
        name = f"{_stem(item.name)}.npy"
        if wrong := names.problem(item.name):
            raise UserError(f"{item.path}: {wrong}. Rename it")
        source = str(item.path.absolute())
        jobs.append(EmbedJob(item, EmbedRow(name, source, videos.size(item.path), _DONE)))
        places[name.casefold()].append(item.name)
    shared = [f"{' and '.join(names)}: {name}" for name, names in places.items() if len(names) > 1]
    if shared:
        raise UserError(
            f"clips whose embeddings would be one file:\n{listing(shared)}\n"
            "Rename them, or embed them apart."
        )
    return jobs


def _stem(name: str) -> str:
    ending = next((end for end in _ENDINGS if name.lower().endswith(end)), "")
    return name[: -len(ending)] if ending else videos.stem(name)


def _left_to_do(jobs: Sequence[EmbedJob], rows: dict[str, EmbedRow], out: Path) -> list[EmbedJob]:
    """The clips without a whole file; their rows are taken away.

    Raises:
      UserError: a file of another clip has a name.
    """
    todo, others = [], []
    for job in jobs:
        row = rows.get(job.row.file)
        finished = row is not None and row.status == _DONE and (out / row.file).is_file()
        if row is not None and finished and row.source != job.row.source:
            others.append(f"{row.file}: of {row.source}, not of {job.row.source}")
        elif row is None or not finished or row.bytes != job.row.bytes:
            rows.pop(job.row.file, None)
            todo.append(job)
    if others:
        raise UserError(
            f"{out} holds embeddings of other clips of the same names:\n{listing(others)}\n"
            "Choose another --out, or give --overwrite to make all anew."
        )
    return todo


def _work_off(
    jobs: Sequence[EmbedJob], embedder: kinds.Embedder, run: runs.Run, out: Path, batch_size: int
) -> Generator[Event[EmbedRow], None, None]:
    """Embeds and writes; a clip that cannot be read fails, the others go on."""
    filmed = any(videos.is_film(job.item.path) for job in jobs)
    # What is found in a film is dear: it is written before the next film is looked at.
    chunk, size = 1 if filmed else _CHUNK, min(batch_size, len(jobs))
    for start in range(0, len(jobs), chunk):
        read = {start + i: _read(j.item, run) for i, j in enumerate(jobs[start : start + chunk])}
        good = {i: clip for i, clip in read.items() if isinstance(clip, runs.NetInput)}
        for number, reason in read.items():
            if isinstance(reason, str):
                yield Failed(number, reason)
        names = [jobs[number].item.name for number in good]
        made = embedder(list(good.values()), size, names=names)
        for number, array in zip(good, made, strict=True):
            yield _written(number, jobs[number], array, out)


def _read(item: clip_items.Item, run: runs.Run) -> runs.NetInput | str:
    """The clip, or what is wrong with it."""
    try:
        return files.read(item, run)
    except UserError as error:
        return str(error)


def _written(number: int, job: EmbedJob, array: np.ndarray, out: Path) -> Done[EmbedRow] | Failed:
    path = out / job.row.file
    try:
        with whole(path) as draft, open(draft, "wb") as file:
            np.save(file, array)
    except OSError as error:
        return Failed(number, f"{path}: cannot be written ({error.strerror or error})")
    shape = "x".join(map(str, array.shape))
    return Done(number, dataclasses.replace(job.row, shape=shape))


def _failed(job: EmbedJob, failed: Failed) -> EmbedRow:
    return dataclasses.replace(job.row, status=_FAILED, reason=failed.told())
