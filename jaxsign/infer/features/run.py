"""A run of `jaxsign features` from its options to its last line, with progress."""

import dataclasses
import functools
from collections.abc import Generator, Sequence
from pathlib import Path

from jaxsign import runtime
from jaxsign.errors import UserError
from jaxsign.infer.features import folder as features_folder
from jaxsign.infer.features import images as features
from jaxsign.infer.features import inputs as features_inputs
from jaxsign.infer.features.folder import FeatureJob, FeaturePlan
from jaxsign.input.folders import cluster, progress, shards, walk
from jaxsign.input.folders.work import Done, Event, Failed, Notes, Work
from jaxsign.input.signs.extract import videos
from jaxsign.input.signs.extract.settings import ExtractionSettings
from jaxsign.nets import fingerprint
from jaxsign.screen import Console


def run(
    target: Path,
    weights: str | Path,
    out: Path,
    *,
    settings: ExtractionSettings,
    keypoints: Path | None = None,
    keep_partial: bool = False,
    batch_size: int | None = None,
    overwrite: bool = False,
    shard: shards.Shard = shards.WHOLE,
    machines: cluster.Cluster | None = None,
    console: Console | None = None,
) -> list[progress.Outcome]:
    """Computes what is not there yet, here or on other machines; returns what failed.

    Raises:
      UserError: no input, no weights, or results of other options in `out`.
    """
    console = console or Console(highlight=False)
    found = features_inputs.find(target, out)
    jobs = [FeatureJob(name, path) for name, path in shard.of(list(found.items()))]
    videos.tell_rate([job.path for job in jobs], settings.source_fps)
    backbone = features.load_backbone(weights)
    plan = _plan(backbone, out, settings, keep_partial)
    if keypoints is not None:
        joined = features_folder.Keypoints(keypoints)
        for job in jobs:
            joined.join(job)
    display = progress.Display("input", console)
    # Named as those of `extract`, so that the two do not write into one folder at once.
    with shards.SharedFolder(out, "extract", "extracts into this folder", shard).alone():
        todo = jobs if overwrite else features_folder.left_to_do(jobs, plan)
        if machines is not None:
            begin = functools.partial(start, weights, plan, keypoints, batch_size)
            sent = [dataclasses.replace(job, keypoints=None) for job in todo]
            events = machines.run(begin, sent, [job.name for job in todo], display.say)
        else:
            if not all(job.reason for job in todo):
                display.say(f"compiling InceptionV3 for {runtime.describe_devices()}")
            extractor = features.Extractor(*backbone, batch_size or _usual_batch())
            events = features_folder.work_off(todo, extractor, plan)
        failed = _followed(events, todo, len(jobs) - len(todo), display)
    text = f"{out}: {len(todo) - len(failed)} written, {len(failed)} failed"
    if display.frames:
        text += f"; {display.frames:,} frames, {display.milliseconds_a_frame:.0f} ms each"
    display.say(text)
    return failed


def _plan(
    backbone: features.Backbone, out: Path, settings: ExtractionSettings, keep_partial: bool
) -> FeaturePlan:
    net, variables = backbone
    return FeaturePlan(
        out=out,
        settings=settings,
        net={
            "net": "inception_v3",
            "transform_input": net.transform_input,
            "weights_sha256": fingerprint.fingerprint(variables),
        },
        keep_partial=keep_partial,
        threads=runtime.available_cores(),
    )


def _followed(
    events: Generator[Event[progress.Outcome], None, None],
    jobs: Sequence[FeatureJob],
    ready: int,
    display: progress.Display,
) -> list[progress.Outcome]:
    """What failed of jobs, whose events are shown; `ready` others are done already."""
    failed: list[progress.Outcome] = []

    def ended(event: Done[progress.Outcome] | Failed) -> progress.Outcome:
        if isinstance(event, Done):
            return event.result
        job = jobs[event.job]
        failed.append(progress.Outcome(job.name, reason=event.told(job.path), failed=True))
        return failed[-1]

    walk.follow(events, [job.bytes for job in jobs], ready, ended, display)
    return failed


def start(
    weights: str | Path, plan: FeaturePlan, keypoints: Path | None, batch_size: int | None
) -> Work[FeatureJob, progress.Outcome]:
    """What a worker on another machine does with jobs, one at a time.

    Args:
      weights, batch_size: see `run`.
      plan: where to and how.
      keypoints: source of the clips that are joined; None = features alone.
    """
    extractor = features.Extractor(*features.load_backbone(weights), batch_size or _usual_batch())
    joined = None if keypoints is None else features_folder.Keypoints(keypoints)
    plan = dataclasses.replace(plan, threads=runtime.available_cores())

    def work(job: FeatureJob, notes: Notes) -> progress.Outcome:
        if joined is not None:
            joined.join(job)
        for _ in features_folder.work_off([job], extractor, plan):
            pass
        if job.reason:
            raise UserError(job.reason)
        return job.outcome

    return work


def _usual_batch() -> int:
    import jax

    # Maps of more frames do not stay in a CPU's caches.
    return 4 if jax.default_backend() == "cpu" else 64
