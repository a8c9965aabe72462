"""A run of `jaxsign features` from its options to its last line, with progress."""

from pathlib import Path

from jaxsign import runtime
from jaxsign.infer.features import folder as features_folder
from jaxsign.infer.features import images as features
from jaxsign.infer.features import inputs as features_inputs
from jaxsign.infer.features.folder import FeatureJob, FeaturePlan
from jaxsign.input.folders import pool, progress, shards, walk
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
    console: Console | None = None,
) -> list[FeatureJob]:
    """Computes what is not there yet; returns the jobs that failed.

    Raises:
      UserError: no input, no weights, or results of other options in `out`.
    """
    console = console or Console(highlight=False)
    found = features_inputs.find(target, out)
    jobs = [FeatureJob(name, path) for name, path in shard.of(list(found.items()))]
    videos.tell_rate([job.path for job in jobs], settings.source_fps)
    net, variables = features.load_backbone(weights)
    plan = FeaturePlan(
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
    if keypoints is not None:
        features_folder.join(jobs, keypoints)
    display = progress.Display("input", console)
    # Named as those of `extract`, so that the two do not write into one folder at once.
    with shards.SharedFolder(out, "extract", "extracts into this folder", shard).alone():
        todo = jobs if overwrite else features_folder.left_to_do(jobs, plan)
        if not all(job.reason for job in todo):
            display.say(f"compiling InceptionV3 for {runtime.describe_devices()}")
        extractor = features.Extractor(net, variables, batch_size or _usual_batch())

        def ended(event: pool.Event) -> progress.Outcome:
            return todo[event.job].outcome()

        events = features_folder.work_off(todo, extractor, plan)
        walk.follow(events, [job.bytes for job in todo], len(jobs) - len(todo), ended, display)
    failed = [job for job in jobs if job.reason]
    text = f"{out}: {len(todo) - len(failed)} written, {len(failed)} failed"
    if display.frames:
        text += f"; {display.frames:,} frames, {display.milliseconds_a_frame:.0f} ms each"
    display.say(text)
    return failed


def _usual_batch() -> int:
    import jax

    return 8 if jax.default_backend() == "cpu" else 64
