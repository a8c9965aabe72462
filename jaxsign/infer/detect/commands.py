"""The verb `jaxsign detect`. What is heavy to import is imported when it runs."""

import argparse

from jaxsign import arguments
from jaxsign.infer import run_folder

_TEXT = """\
Make scenes from frames: what a detector sees in them, stored once for every net of relations. A
scene file a video, with boxes, their features and classes, and what lies around each pair.

predcls and sgcls look at boxes that are given: by annotations (Action Genome, EASG, a folder in the
open layout), or of films by --boxes. sgdet finds boxes; those of training videos are matched with
the true ones and completed by them. Films have no annotations: --mode sgdet, or --boxes.

A run that was stopped goes on with the same command. The exit status is 0 when every video has its
scene and 2 when some failed; what was wrong with them is in OUT/detect.csv.
"""
_EXAMPLES = """\
jaxsign import faster_rcnn_ag.pth --workdir runs/detector
jaxsign detect data/action_genome --detector runs/detector --out scenes --mode sgdet
jaxsign train --config sttran:scenes --config.net.mode=sgdet --config.data.train.path=scenes \\
    --workdir runs/relations
jaxsign detect films --detector runs/detector --out found --mode sgdet --target-fps 5
jaxsign detect film.mp4 --detector runs/detector --out found --mode sgdet --boxes boxes.json
"""


def add_detect(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign detect`."""
    verb = arguments.add_verb(
        verbs, "detect", "frames or films to scenes with a detector's features", _TEXT, _EXAMPLES
    )
    verb.add_argument(
        "source",
        type=arguments.Existing,
        metavar="SOURCE",
        help="annotations with their frames, a film (a folder of pictures is one), or a folder of "
        "films",
    )
    verb.add_argument(
        "--detector",
        type=run_folder.DetectorRun,
        required=True,
        metavar="RUN",
        help="its run folder, or faster_rcnn_ag.pth itself",
    )
    verb.add_argument("--out", required=True, metavar="SCENES", help="folder of the scenes")
    verb.add_argument(
        "--mode",
        required=True,
        choices=("predcls", "sgcls", "sgdet"),
        help="whose boxes: given ones, given ones with every pair, or found ones",
    )
    _add_boxes(verb)
    arguments.add_films(verb)
    verb.add_argument(
        "--val-share",
        type=float,
        default=0.05,
        metavar="P",
        help="share of Action Genome's training videos that is held back to validate (0.05)",
    )
    verb.add_argument(
        "--small-objects",
        choices=("auto", "keep", "leave_out"),
        default="auto",
        help="Action Genome's objects with an edge of at most 16 pixels; auto: kept in predcls",
    )
    verb.add_argument(
        "--which", choices=("best", "last"), default="best", help="checkpoint of the detector"
    )
    verb.add_argument(
        "--chunk", type=arguments.positive, metavar="N",
        help="frames at once (default: 4 on a CPU, 16 elsewhere)",
    )  # fmt: skip
    verb.add_argument(
        "--float32", action="store_true", help="keep what is around pairs whole: twice the size"
    )
    arguments.add_shard(verb, "videos")
    arguments.add_ray(verb, "videos")
    verb.add_argument("--overwrite", action="store_true", help="make all scenes anew")
    verb.set_defaults(run=detect)


def _add_boxes(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--recipe",
        choices=("paper", "m3sgg"),
        default="paper",
        help="scores and overlaps that count: 0.1 and 0.4 (paper), or 0.01 and 0.3 (m3sgg)",
    )
    verb.add_argument(
        "--boxes",
        type=arguments.Existing,
        metavar="FILE",
        help="of films: another detector's boxes, COCO results or a csv "
        "frame,class,score,x1,y1,x2,y2",
    )
    verb.add_argument(
        "--box-classes",
        type=arguments.Existing,
        metavar="CSV",
        help="with --boxes: from,to, names of its classes and of the scenes' (the same)",
    )
    arguments.add_encoding(verb)
    verb.add_argument(
        "--classes",
        type=arguments.Existing,
        metavar="RUN",
        help="of films: a run of relations, or a classes.json (default: Action Genome's)",
    )


def detect(words: argparse.Namespace) -> int:
    """Runs `jaxsign detect`; 2 if a video has no scene."""
    from jaxsign.errors import UserError

    if words.box_classes and not words.boxes:
        raise UserError("--box-classes goes with --boxes. Leave it out, or give --boxes FILE")
    if not 0 <= words.val_share < 1:
        raise UserError(f"--val-share {words.val_share:g}: expected 0 up to 1")
    from jaxsign.infer.detect import run

    return 2 if run.run(words) else 0
