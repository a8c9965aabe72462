"""A folder of videos or of image arrays -> FSLR files with their features, resumable."""

import collections
import dataclasses
import json
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError, listing
from jaxsign.infer.features import inputs as features_inputs
from jaxsign.infer.features.images import SIZE, Extractor
from jaxsign.input import files
from jaxsign.input.folders import progress
from jaxsign.input.folders.work import Done, Event, Failed, Note
from jaxsign.input.signs import formats, fslr_npz
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.extract import libraries, videos
from jaxsign.input.signs.extract.settings import ExtractionSettings
from jaxsign.input.signs.views import fslr156

KIND = "X2048"
_Event = Event[progress.Outcome]


@dataclasses.dataclass
class FeatureJob:
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

    @property
    def bytes(self) -> int:
        """Size of the input; 0 where it is not there."""
        return videos.size(self.path)

    @property
    def outcome(self) -> progress.Outcome:
        """What is shown of it when it is written."""
        frames = len(self.times)
        return progress.Outcome(self.name, frames, f"{frames} frames")


@dataclasses.dataclass(frozen=True)
class FeaturePlan:
    """What is done with every input.

    Attributes:
      out: folder of the results.
      settings: which frames are kept (`every_nth`, `target_fps`).
      net: what identifies the net, for the record in every file.
      keep_partial: take what can be decoded of a damaged video.
      threads: that decode.
    """

    out: Path
    settings: ExtractionSettings
    net: dict[str, Any]
    keep_partial: bool = False
    threads: int = 1

    def record(self, job: FeatureJob) -> dict[str, Any]:
        """What the features of a file depend on; kept in its `meta`."""
        return {
            **self.net,
            "video": job.path.name,
            "bytes": job.bytes,
            "every_nth": self.settings.every_nth,
            "target_fps": self.settings.target_fps,
            "keypoints": job.keypoints is not None,
            # Older files know no such option.
            **({"source_fps": self.settings.source_fps} if self.settings.source_fps else {}),
        }

    def path(self, job: FeatureJob) -> Path:
        """Where the result lies."""
        return self.out / f"{job.name}.npz"


class Keypoints:
    """The clips that are joined to inputs of the same names.

    Args:
      source: a collection in any format of keypoints.

    Raises:
      UserError: `source` is none.
    """

    def __init__(self, source: Path):
        self._source, self._collection = source, formats.open_collection(source)
        self._places: dict[str, list[int]] = {}
        for i, entry in enumerate(self._collection.entries):
            for name in {entry.name, entry.name.rpartition("/")[2]}:
                self._places.setdefault(name, []).append(i)

    def join(self, job: FeatureJob) -> None:
        """Gives a job its clip; one without fails."""
        found = self._places.get(job.name) or self._places.get(job.name.rpartition("/")[2]) or []
        if len(found) == 1:
            job.keypoints = _Reader(self._collection, found[0])
        else:
            what = f"{len(found)} clips" if found else "no clip"
            job.reason = f"{job.path}: {what} named {job.name!r} in {self._source}; expected one"


@dataclasses.dataclass(frozen=True)
class _Reader:
    collection: formats.Collection
    index: int

    def __call__(self) -> Clip:
        return self.collection.read(self.index)


def left_to_do(jobs: list[FeatureJob], plan: FeaturePlan) -> list[FeatureJob]:
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
    jobs: Sequence[FeatureJob], extractor: Extractor, plan: FeaturePlan
) -> Generator[_Event, None, None]:
    """Computes and writes; a failing job gets its `reason`, the others go on.

    Args:
      jobs: what is to do; those that have a `reason` already fail at once.
      extractor: the compiled net.
      plan: where to and how.

    Yields:
      How the jobs go on, and what is shown of each that is written.
    """
    events: collections.deque[_Event] = collections.deque()
    for number, row in extractor.stream(_frames(jobs, plan, events)):
        while events:
            yield events.popleft()
        job = jobs[number]
        if job.reason:
            continue
        job.rows.append(row)
        # A job's last batch is only handed out when the reading is past it.
        if job.closed and len(job.rows) == len(job.times):
            yield _written(number, job, plan)
    yield from events


def _written(number: int, job: FeatureJob, plan: FeaturePlan) -> Done[progress.Outcome] | Failed:
    try:
        _write(job, plan)
    except OSError as error:
        job.reason = f"{plan.path(job)}: cannot be written ({error.strerror or error})"
    except (UserError, ValueError) as error:
        job.reason = f"{job.path}: {error}"
    job.rows.clear()
    return Failed(number, job.reason) if job.reason else Done(number, job.outcome)


def _frames(
    jobs: Sequence[FeatureJob],
    plan: FeaturePlan,
    events: collections.deque[_Event],
) -> Iterator[tuple[int, np.ndarray]]:
    """The kept frames of all jobs; what is wrong with one is noted, and the next one read."""
    for number, job in enumerate(jobs):
        try:
            if not job.reason:
                for share, image in _images(job, plan):
                    events.append(Note(number, len(job.times), share))
                    yield number, image
                _check(job, plan)
                job.closed = True
        except UserError as error:
            job.reason = str(error)
        except Exception as error:  # of a decoder, say: the other jobs must not suffer
            job.reason = f"{job.path}: {type(error).__name__}: {error}"
        if job.reason:
            job.reason = " ".join(job.reason.split())
            job.rows.clear()
            events.append(Failed(number, job.reason))


def _images(job: FeatureJob, plan: FeaturePlan) -> Iterator[tuple[float, np.ndarray]]:
    """(share of the input that is read, uint8 [299, 299, 3]) of every kept frame of a job."""
    job.clip = job.keypoints() if job.keypoints else None
    found = features_inputs.images(
        job.path, plan.settings, keep_partial=plan.keep_partial, threads=plan.threads
    )
    for seconds, image, share in found:
        job.times.append(seconds)
        # With more frames than keypoints they are only counted on, for the message.
        if job.clip is None or len(job.times) <= len(job.clip):
            yield share, squeezed(image)


def squeezed(image: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] -> [299, 299, 3], its sides each scaled on their own, as FSLR did it."""
    return libraries.opencv().resize(np.ascontiguousarray(image), (SIZE, SIZE))


def _check(job: FeatureJob, plan: FeaturePlan) -> None:
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


def _write(job: FeatureJob, plan: FeaturePlan) -> None:
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
        fslr_npz.write(
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
