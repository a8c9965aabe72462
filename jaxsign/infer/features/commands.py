"""The verb `jaxsign features`. What is heavy to import is imported when it runs."""

import argparse

from jaxsign import arguments

_TEXT = """\
Compute InceptionV3's 2048 features of every frame of videos, the input of IV3-GRU: one .npz a video
with X2048 float32 [T, 2048], timestamps_ms and meta, in a tree like that of the videos. Image
arrays (.npz, .npy with uint8 [T, H, W, 3], RGB) do as well. With --with-keypoints the files also
hold X and mask of clips that were extracted from the same videos.

Frames are stretched to 299 x 299, normalised as ImageNet's and run in float32. Nothing is
downloaded: the weights are given by path. A run that was stopped goes on with the same command.
The exit status is 0 when every input has its file and 2 when some failed.
"""
_EXAMPLES = """\
jaxsign features videos --weights inception_v3_google-0cc3c7bd.pth --out features
jaxsign features sign.mp4 --weights runs/iv3 --out features --target-fps 15
jaxsign extract videos --out clips --model holistic_landmarker.task --target-fps 15
jaxsign features videos --weights inception_v3_google-0cc3c7bd.pth --out both \\
    --target-fps 15 --with-keypoints clips
"""


def add_features(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign features`."""
    verb = arguments.add_verb(
        verbs, "features", "videos to InceptionV3 features (X2048)", _TEXT, _EXAMPLES
    )
    verb.add_argument(
        "target",
        type=arguments.Existing,
        metavar="VIDEO_OR_FOLDER",
        help="a video (a folder of pictures is one), an image array, or a folder of these with "
        "all below it",
    )
    verb.add_argument(
        "--weights",
        required=True,
        metavar="FILE",
        help="torchvision's inception_v3_google-0cc3c7bd.pth, or a run that holds its backbone",
    )
    verb.add_argument("--out", required=True, metavar="DIR", help="folder of the results")
    arguments.add_films(verb)
    verb.add_argument(
        "--with-keypoints",
        metavar="CLIPS",
        help="clips of the same videos with the same frames: their X and mask go into the files",
    )
    verb.add_argument(
        "--batch-size",
        type=arguments.positive,
        metavar="N",
        help="frames at once (default: 4 on a CPU, 64 elsewhere)",
    )
    arguments.add_shard(verb, "inputs")
    arguments.add_ray(verb, "inputs")
    verb.add_argument("--overwrite", action="store_true", help="make all files anew")
    verb.set_defaults(run=features)


def features(words: argparse.Namespace) -> int:
    """Runs `jaxsign features`; 2 if an input has no file."""
    from pathlib import Path

    from jaxsign.infer.features import run as features_run
    from jaxsign.input.folders.cluster import Cluster
    from jaxsign.input.folders.shards import Shard
    from jaxsign.input.signs.extract.settings import ExtractionSettings

    machines, out = None, Path(words.out)
    if words.ray:
        needs = [Path(path) for path in (words.target, words.weights, words.with_keypoints) if path]
        machines = Cluster(words.ray, out, needs, large=True)
    failed = features_run.run(
        Path(words.target),
        words.weights,
        out,
        settings=ExtractionSettings(
            every_nth=words.every_nth,
            target_fps=words.target_fps,
            source_fps=words.source_fps,
        ),
        keypoints=Path(words.with_keypoints) if words.with_keypoints else None,
        keep_partial=words.keep_partial,
        batch_size=words.batch_size,
        overwrite=words.overwrite,
        shard=Shard(*words.shard),
        machines=machines,
    )
    return 2 if failed else 0
