"""A run of `jaxsign detect` from its words to its last line."""

import argparse
import hashlib
from pathlib import Path
from typing import Any

from jaxsign import runtime
from jaxsign.errors import UserError
from jaxsign.infer.detect import folder, opening
from jaxsign.input.folders import progress, shards
from jaxsign.input.scenes import boxes_of_others, videos
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
    detector = opening.detector(
        Path(words.detector),
        words.which,
        chunk=words.chunk or looking.usual_chunk(),
        likely=looking.RECIPES[words.recipe],
    )
    classes = Path(words.classes) if words.classes else None
    names = opening.words(classes, found.words, detector.objects)
    others = None
    if words.boxes:
        table = Path(words.box_classes) if words.box_classes else None
        others = boxes_of_others.read(Path(words.boxes), names, table)
        others.check(video.name for video in found.videos)
    maker = making.SceneMaker(
        detector, words.mode, names, float16=not words.float32, others=others is not None
    )
    display = progress.Display("video")
    for remark in found.remarks:
        display.say(remark)
    if others is not None and others.left_out:
        told = ", ".join(f"{count} of {name}" for name, count in others.left_out.most_common(5))
        display.say(f"{words.boxes}: boxes of classes that the scenes do not have: {told}")
    plan = folder.DetectPlan(out, maker, _record(words, maker), others)
    return folder.detect(
        plan,
        found.videos,
        shard=shards.Shard(*words.shard),
        overwrite=words.overwrite,
        display=display,
    )


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
