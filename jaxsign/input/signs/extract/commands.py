"""The verb extract. What is heavy to import is imported when it runs."""

import argparse
from typing import TYPE_CHECKING

from jaxsign import arguments

if TYPE_CHECKING:
    from pathlib import Path

    from jaxsign.input.signs.extract.films import Finder
    from jaxsign.input.signs.extract.settings import ExtractionSettings

_TEXT = """\
Find the landmarks of hands, body and face in videos with MediaPipe: one Clip file
(NAME.clip.npz) for each video, in a tree like that of the videos, and extract.csv, which tells
for each video in how many frames each part was found, or why there is no clip. A labels.csv
beside the videos is carried over; its columns start and end cut the clips where they are read.
Where a folder holds the videos of one sign, --signs-by-folder writes it.
Nothing is downloaded: model files are given by path.

An extraction that was stopped goes on with the same command. The exit status is 0 when every
video has its clip and 2 when some failed.
"""
_EXAMPLES = """\
jaxsign extract videos --out clips --model models/holistic_landmarker.task --preview
jaxsign extract sign.mp4 --out clips --model models/holistic_landmarker.task --preview video
jaxsign extract videos --out clips --hand hand_landmarker.task \\
    --pose pose_landmarker_full.task --face face_landmarker.task --target-fps 15
"""


def add_extract(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign extract`."""
    verb = arguments.add_verb(verbs, "extract", "videos to landmark clips", _TEXT, _EXAMPLES)
    verb.add_argument(
        "target",
        type=arguments.Existing,
        metavar="VIDEO_OR_FOLDER",
        help="a video (a folder of pictures is one), or a folder searched with all below it",
    )
    verb.add_argument("--out", required=True, metavar="DIR", help="folder of the clips")
    verb.add_argument(
        "--signs-by-folder",
        action="store_true",
        help="a video's sign is the name of the folder that it lies in: write labels.csv so",
    )
    add_models(verb)
    add_frames(verb)
    _add_running(verb)
    arguments.add_encoding(verb)
    verb.set_defaults(run=extract)


def add_models(verb: argparse.ArgumentParser) -> None:
    """Adds the options that name the landmarkers' files."""
    models = verb.add_argument_group("models (MediaPipe's .task files)")
    models.add_argument("--model", metavar="FILE", help="holistic landmarker: all parts in one")
    models.add_argument("--hand", metavar="FILE", help="hand landmarker, where there is no --model")
    models.add_argument("--pose", metavar="FILE", help="pose landmarker")
    models.add_argument("--face", metavar="FILE", help="face landmarker")
    models.add_argument(
        "--confidence",
        type=float,
        default=0.5,
        metavar="P",
        help="least confidence of detection and tracking (default: 0.5)",
    )


def add_frames(verb: argparse.ArgumentParser) -> None:
    """Adds the options that say which frames are kept, and how they are shown."""
    frames = verb.add_argument_group("frames")
    arguments.add_films(frames)
    frames.add_argument(
        "--max-side",
        type=int,
        default=1280,
        metavar="PIXELS",
        help="scale larger frames down before detection; 0 = never (default: 1280)",
    )
    frames.add_argument(
        "--static", action="store_true", help="each frame by itself, without tracking"
    )
    frames.add_argument(
        "--bgr",
        action="store_true",
        help="swap red and blue, to repeat pipelines that hand over OpenCV's images as they are",
    )
    frames.add_argument(
        "--equalize-histogram",
        action="store_true",
        help="spread each frame's intensities over the whole range before detection",
    )
    frames.add_argument(
        "--sharpen",
        type=float,
        metavar="SIGMA",
        help="sharpen each frame by its blur of SIGMA pixels before detection; 0 = by its nearest "
        "pixels",
    )


def _add_running(verb: argparse.ArgumentParser) -> None:
    running = verb.add_argument_group("running")
    running.add_argument(
        "--workers",
        type=arguments.count,
        default=0,
        metavar="N",
        help="processes, one video each at a time (default: one a core)",
    )
    running.add_argument(
        "--preview",
        nargs="?",
        const="sheet",
        default="",
        choices=("sheet", "video"),
        help="draw the skeletons on the frames, to check: a contact sheet NAME.preview.png, or "
        "NAME.preview.mp4",
    )
    arguments.add_shard(running, "videos")
    arguments.add_ray(running, "videos")
    running.add_argument(
        "--overwrite", action="store_true", help="make all clips of these videos anew"
    )


def settings(words: argparse.Namespace) -> "ExtractionSettings":
    """What the options of `add_frames` and `add_models` say.

    Raises:
      UserError: it makes no sense.
    """
    from jaxsign.input.signs.extract.settings import ExtractionSettings

    return ExtractionSettings(
        static=words.static,
        bgr=words.bgr,
        every_nth=words.every_nth,
        target_fps=words.target_fps,
        max_side=words.max_side,
        confidence=words.confidence,
        source_fps=words.source_fps,
        equalize_histogram=words.equalize_histogram,
        sharpen=words.sharpen,
    )


def model_files(words: argparse.Namespace) -> "dict[str, Path]":
    """The landmarkers' files that the options of `add_models` give, by kind.

    Raises:
      UserError: none given, some that do not go together, or files that are no models.
    """
    from jaxsign.input.signs.extract import models

    named = {"holistic": words.model, "hand": words.hand, "pose": words.pose, "face": words.face}
    return models.check(named)


def finder(
    words: argparse.Namespace, chosen: "ExtractionSettings | None" = None
) -> "Finder | None":
    """What finds landmarks in films with the models of `add_models`; None where none is given.

    Args:
      words: the command line.
      chosen: settings; those of `add_frames` if None.

    Raises:
      UserError: models that cannot be used.
    """
    import functools

    from jaxsign.input.signs.extract import films, landmarkers

    if not any((words.model, words.hand, words.pose, words.face)):
        return None
    partial = chosen is None and words.keep_partial
    chosen = chosen or settings(words)
    factory = functools.partial(landmarkers.create, model_files(words), chosen)
    return films.Finder(factory, chosen, partial)


def extract(words: argparse.Namespace) -> int:
    """Runs `jaxsign extract`; 2 if a video has no clip."""
    import functools
    from pathlib import Path

    from jaxsign.input.folders import cluster, progress, shards
    from jaxsign.input.signs.extract import folder, landmarkers, models, summary, work
    from jaxsign.screen import Console

    chosen = settings(words)
    files = model_files(words)
    out = Path(words.out)
    plan = work.ExtractionPlan(
        out=out,
        factory=functools.partial(landmarkers.create, files, chosen),
        settings=chosen,
        preview=words.preview,
        keep_partial=words.keep_partial,
    )
    machines = None
    if words.ray:
        needs = (Path(words.target), *files.values())
        machines = cluster.Cluster(words.ray, out, needs, most=words.workers)
    console = Console(highlight=False)
    result = folder.extract(
        Path(words.target),
        plan,
        models=models.fingerprints(files),
        workers=words.workers,
        overwrite=words.overwrite,
        by_folder=words.signs_by_folder,
        shard=shards.Shard(*words.shard),
        machines=machines,
        display=progress.Display("video", console),
    )
    summary.summarise(console, result.rows, result.made, out)
    return 2 if result.failed else 0
