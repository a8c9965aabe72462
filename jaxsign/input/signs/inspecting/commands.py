"""The verb `jaxsign inspect`.

What is heavy to import is imported when the verb runs, so that `--help` answers at once.
"""

import argparse
from pathlib import Path

from jaxsign import arguments
from jaxsign.errors import UserError

_TEXT = """\
Say what is in a file or a folder of clips, in any format: lengths, frame rate, labels, how much of
hands, pose and face is there and when, and what is odd about it. Files of image features (X2048)
or of image frames are told too. Of scenes (videos of boxes and relations, in any form that jaxsign
converts): how many frames, boxes and pairs there are, and how often each class and predicate
occurs. Nothing is changed.
"""
_EXAMPLES = """\
jaxsign inspect hello.clip.npz --png hello.png
jaxsign inspect data/recordings
jaxsign inspect data/recordings --clip ana/hello_03 --png strip.png
jaxsign inspect data/mine --png counts.png
jaxsign inspect data/islr --format google_islr --all --json > islr.json
"""


def add_inspect(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign inspect`."""
    verb = arguments.add_verb(
        verbs, "inspect", "what is in files of clips or scenes, with a picture", _TEXT, _EXAMPLES
    )
    verb.add_argument(
        "path",
        type=arguments.Existing,
        metavar="PATH",
        help="a file of clips or scenes, or a folder in a known format",
    )
    verb.add_argument("--format", metavar="NAME", help="the format (found out)")
    verb.add_argument("--clip", metavar="NAME", help="one clip or scene of a folder")
    verb.add_argument(
        "--png",
        type=arguments.NewFile,
        metavar="PNG",
        help="draw a clip as a strip of skeletons, a folder as a sheet of its clips; a scene with "
        "its boxes, a folder of scenes as bars",
    )
    verb.add_argument(
        "--frames", type=arguments.positive, default=8, metavar="N", help="frames of the strip (8)"
    )
    arguments.add_person(verb)
    arguments.add_source_fps(verb)
    size = verb.add_mutually_exclusive_group()
    size.add_argument(
        "--sample",
        type=arguments.positive,
        default=500,
        metavar="N",
        help="of a folder, read N clips evenly spread; labels are counted of all (500)",
    )
    size.add_argument(
        "--all", action="store_true", help="of a folder, read every clip and list every class"
    )
    verb.add_argument("--json", action="store_true", help="print JSON instead of tables")
    arguments.add_encoding(verb)
    verb.set_defaults(run=run)


def run(words: argparse.Namespace) -> int:
    """Runs `jaxsign inspect`."""
    from jaxsign.input.scenes import kinds
    from jaxsign.input.signs.inspecting import inspect

    sample = 0 if words.all else words.sample
    if words.format in kinds.KINDS or (not words.format and kinds.of_path(Path(words.path))):
        return _scenes(words, sample)
    inspect.inspect(
        words.path,
        format=words.format,
        clip=words.clip,
        png=words.png,
        frames=words.frames,
        person=words.person,
        fps=words.source_fps,
        sample=sample,
        as_json=words.json,
    )
    return 0


def _scenes(words: argparse.Namespace, sample: int) -> int:
    from jaxsign.input.scenes import inspecting

    for name, given in {"--person": words.person, "--source-fps": words.source_fps}.items():
        if given:
            raise UserError(f"{name}: it is of clips of signs, and these are scenes. Leave it out")
    inspecting.inspect(
        Path(words.path),
        kind=words.format or "",
        video=words.clip,
        png=Path(words.png) if words.png else None,
        frames=words.frames,
        sample=sample,
        as_json=words.json,
    )
    return 0
