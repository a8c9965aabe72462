"""A folder of videos or of image arrays -> FSLR files with their features, resumable."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError, listing
from jaxsign.infer.features import inputs as features_inputs
from jaxsign.infer.features.images import SIZE, Extractor
from jaxsign.input import files, resizing
from jaxsign.input.signs import formats
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.extract.settings import Settings
from jaxsign.input.signs.sources import npz
from jaxsign.input.signs.views import fslr156

KIND = "X2048"


@dataclasses.dataclass
class Job:
    """One input on its way to a file.

    Attributes:
      name: of the output below the folder, without `.npz`.
      path: the video or array file.
      keypoints: reads the clip that is joined; None = features alone.
      times: seconds of the frames read so far.
      rows: their features, as far as computed.
      closed: all frames are read.
      reason: why it failed, "" if it did not.
    """

    name: str
    path: Path
    keypoints: Callable[[], Clip] | None = None
    times: list[float] = dataclasses.field(default_factory=list)
    rows: list[np.ndarray] = dataclasses.field(default_factory=list)
    clip: Clip | None = None
    closed: bool = False
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is done with every input.

    Attributes:
      out: folder of the results.
      settings: which frames are kept (`every_nth`, `target_fps`).
      net: what identifies the net, for the record in every file.
      keep_partial: take what can be decoded of a damaged video.
      threads: that decode.
    """

    out: Path
    settings: Settings
    net: dict[str, Any]
    keep_partial: bool = False
    threads: int = 1

    def record(self, job: Job) -> dict[str, Any]:
        """What the features of a file depend on; kept in its `meta`."""
        return {
            **self.net,
            "video": job.path.name,
            "bytes": job.path.stat().st_size if job.path.exists() else 0,
            "every_nth": self.settings.every_nth,
            "target_fps": self.settings.target_fps,
            "keypoints": job.keypoints is not None,
        }

    def path(self, job: Job) -> Path:
        """Where the result lies."""
        return self.out / f"{job.name}.npz"


def join(jobs: list[Job], source: Path) -> None:
    """Gives each job the clip of the same name from a collection in any format of keypoints.

    A job without one fails.

    Raises:
      UserError: `source` is no collection.
    """
    collection = formats.open_collection(source)
    places: dict[str, list[int]] = {}
    for i, entry in enumerate(collection.entries):
        for name in {entry.name, entry.name.rpartition("/")[2]}:
            places.setdefault(name, []).append(i)
    for job in jobs:
        found = places.get(job.name) or places.get(job.name.rpartition("/")[2]) or []
        if len(found) == 1:
            job.keypoints = _Reader(collection, found[0])
        else:
            what = f"{len(found)} clips" if found else "no clip"
            job.reason = f"{job.path}: {what} named {job.name!r} in {source}; expected one"


@dataclasses.dataclass(frozen=True)
class _Reader:
    collection: formats.Collection
    index: int

    def __call__(self) -> Clip:
        return self.collection.read(self.index)


def left_to_do(jobs: list[Job], plan: Plan) -> list[Job]:
    """The jobs without a whole result of these settings.

    Raises:
      UserError: results of other settings are there; names them.
    """
    todo, others = [], []
    for job in jobs:
        path = plan.path(job)
        record = features_inputs.recorded(path)
        if job.reason or record is None:  # not there, or cut short
            todo.append(job)
        elif record != plan.record(job):
            others.append(f"{path}: {_differences(record, plan.record(job))}")
    if others:
        raise UserError(
            f"{plan.out} holds files made otherwise, and mixing them is refused:\n"
            f"{listing(others)}\nGive the same options again, another --out, or --overwrite."
        )
    return todo


def _differences(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    if not found:
        return "was not made by jaxsign features"
    keys = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
    return ", ".join(f"{key} was {found.get(key)}, now {wanted.get(key)}" for key in keys)


def work_off(
    jobs: list[Job],
    extractor: Extractor,
    plan: Plan,
    *,
    on_frame: Callable[[Job, float], None] = lambda job, share: None,
    on_end: Callable[[Job], None] = lambda job: None,
) -> None:
    """Computes and writes; a failing job gets its `reason`, the others go on.

    Args:
      jobs: what is to do.
      extractor: the compiled net.
      plan: where to and how.
      on_frame: called with a job and the share of it that was read.
      on_end: called with every job that was written or failed.
    """
    for job, row in extractor.stream(_frames(jobs, plan, on_frame, on_end)):
        if job.reason:
            continue
        job.rows.append(row)
        # A job's last batch is only handed out when the reading is past it.
        if job.closed and len(job.rows) == len(job.times):
            try:
                _write(job, plan)
            except OSError as error:
                job.reason = f"{plan.path(job)}: cannot be written ({error.strerror or error})"
            except (UserError, ValueError) as error:
                job.reason = f"{job.path}: {error}"
            job.rows.clear()
            on_end(job)


def _frames(
    jobs: list[Job],
    plan: Plan,
    on_frame: Callable[[Job, float], None],
    on_end: Callable[[Job], None],
) -> Iterator[tuple[Job, np.ndarray]]:
    """The kept frames of all jobs; what is wrong with one is noted, and the next one read."""
    for job in jobs:
        try:
            job.clip = job.keypoints() if job.keypoints else None
            found = features_inputs.images(
                job.path, plan.settings, keep_partial=plan.keep_partial, threads=plan.threads
            )
            for seconds, image, share in found:
                job.times.append(seconds)
                if job.clip is not None and len(job.times) > len(job.clip):
                    continue  # more frames than keypoints: count on for the message
                on_frame(job, share)
                yield job, resizing.resize_bilinear(image, SIZE)
            _check(job, plan)
            job.closed = True
        except UserError as error:
            _fail(job, str(error), on_end)
        except Exception as error:  # of a decoder, say: the other jobs must not suffer
            _fail(job, f"{job.path}: {type(error).__name__}: {error}", on_end)


def _fail(job: Job, reason: str, on_end: Callable[[Job], None]) -> None:
    job.reason = " ".join(reason.split())
    job.rows.clear()
    on_end(job)


def _check(job: Job, plan: Plan) -> None:
    if not job.times:
        raise UserError(f"{job.path}: no frame could be read")
    if job.clip is None:
        return
    if len(job.clip) != len(job.times):
        raise UserError(
            f"{job.path}: {len(job.times)} frames, but its keypoints have {len(job.clip)} "
            f"({job.clip.source}). Both must be made of the same video with the same --target-fps "
            "or --every-nth."
        )
    times = np.asarray(job.times) - job.times[0]
    apart = np.abs(times - (job.clip.timestamps - job.clip.timestamps[0])).max()
    step = float(np.median(np.diff(times))) if len(times) > 1 else np.inf
    if apart > step:
        raise UserError(
            f"{job.path}: its frames and its keypoints ({job.clip.source}) are up to {apart:.2f} s "
            "apart. Both must be made of the same video with the same --target-fps or --every-nth."
        )


def _write(job: Job, plan: Plan) -> None:
    """Writes the file: X2048 and times, with X and mask where keypoints are joined."""
    features = np.stack(job.rows)
    milliseconds = np.rint(np.asarray(job.times) * 1000).astype(np.int64)
    span = job.times[-1] - job.times[0]
    meta = {
        "video": job.path.name,
        "target_fps": round((len(job.times) - 1) / span, 3) if span else features_inputs.USUAL_FPS,
        "image_size": SIZE,
        "features": plan.record(job),
    }
    path = plan.path(job)
    if job.clip is not None:
        x, visible = fslr156.keypoints(job.clip)
        npz.write_npz(
            path, x, visible=visible, timestamps_ms=milliseconds, meta=meta, x2048=features
        )
        return
    files.write_npz(
        path,
        {
            KIND: features,
            "timestamps_ms": milliseconds,
            "meta": np.str_(json.dumps({**meta, "model_type": "I"})),
        },
    )
