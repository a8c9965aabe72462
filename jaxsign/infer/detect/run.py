"""A run of `jaxsign detect` from its words to its last line."""

import argparse
import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxsign import runtime
from jaxsign.errors import UserError
from jaxsign.infer.detect import folder, opening
from jaxsign.input import tables
from jaxsign.input.folders import cluster, progress, shards
from jaxsign.input.scenes import boxes_of_others, videos
from jaxsign.input.scenes.vocabulary import Vocabulary
from jaxsign.tasks.detections import looking
from jaxsign.tasks.scenes import making


def run(words: argparse.Namespace) -> int:
    """Makes the scenes that the command line asks for; returns how many videos have none.

    Raises:
      UserError: what is wrong with the source, the detector, the boxes or the folder.
    """
    source, out = Path(words.source), Path(words.out)
    options = videos.FilmOptions(
        words.target_fps,
        words.every_nth,
        words.source_fps,
        words.keep_partial,
        runtime.available_cores(),
    )
    leave_out = {"auto": words.mode != "predcls", "keep": False, "leave_out": True}
    genome = videos.GenomeOptions(leave_out[words.small_objects], words.val_share)
    found = videos.of_source(source, out, genome, options)
    if words.boxes and found.words is not None:
        raise UserError(
            f"--boxes {words.boxes}: {source} is annotated, and what is annotated would be lost "
            "with other boxes. Leave --boxes out, or give the films or the folder of frames alone"
        )
    machines = None
    if words.ray:
        needs = [Path(path) for path in _paths(words) if path]
        machines = folder.OtherMachines(
            cluster.Cluster(words.ray, out, needs, large=True),
            functools.partial(opened, words, found.words),
        )
    plan = opened(words, found.words)
    if plan.others is not None:
        plan.others.check(video.name for video in found.videos)
    display = progress.Display("video")
    for remark in found.remarks:
        display.say(remark)
    if plan.others is not None and plan.others.left_out:
        few = plan.others.left_out.most_common(5)
        told = ", ".join(f"{count} of {name}" for name, count in few)
        display.say(f"{words.boxes}: boxes of classes that the scenes do not have: {told}")
    return folder.detect(
        plan,
        found.videos,
        shard=shards.Shard(*words.shard),
        overwrite=words.overwrite,
        machines=machines,
        display=display,
    )


def opened(words: argparse.Namespace, of_source: Vocabulary | None) -> folder.DetectPlan:
    """What makes the scenes that a command line asks for; also in workers on other machines.

    Args:
      words: the command line.
      of_source: classes of the annotations; None = there are none.

    Raises:
      UserError: what is wrong with the detector, the classes or the boxes.
    """
    detector = opening.detector(
        Path(words.detector),
        words.which,
        chunk=words.chunk or looking.usual_chunk(),
        likely=looking.RECIPES[words.recipe],
    )
    classes = Path(words.classes) if words.classes else None
    names = opening.words(classes, of_source, detector.objects)
    others = None
    if words.boxes:
        table = Path(words.box_classes) if words.box_classes else None
        with tables.encoded(words.encoding):
            others = boxes_of_others.read(Path(words.boxes), names, table)
    maker = making.SceneMaker(
        detector, words.mode, names, float16=not words.float32, others=others is not None
    )
    return folder.DetectPlan(Path(words.out), maker, _record(words, maker), others)


def _paths(words: argparse.Namespace) -> Sequence[str | None]:
    """What a command line names that is read."""
    return words.source, words.detector, words.boxes, words.box_classes, words.classes


def _record(words: argparse.Namespace, maker: making.SceneMaker) -> dict[str, Any]:
    """What the scenes depend on."""
    names = ("mode", "recipe", "target_fps", "every_nth", "source_fps", "keep_partial", "float32",
             "val_share", "small_objects", "encoding")  # fmt: skip
    chosen = {name: vars(words)[name] for name in names}
    files = {
        name: _identity(Path(path)) if path else None
        for name, path in (("boxes", words.boxes), ("box_classes", words.box_classes))
    }
    detector, found = maker.detector, maker.mode == "sgdet" and not maker.others
    return {
        **chosen,
        **files,
        "classes": hashlib.sha256(maker.words.to_json().encode()).hexdigest()[:16],
        "detector": detector.digest,
        "detector_boxes": detector.net.boxes_from if found else None,
    }


def _identity(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        return {"file": path.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
