"""The verb of this room: validate.

What is heavy to import is imported when it runs, so that `--help` answers at once.
"""

import argparse
from pathlib import Path

from jaxsign import arguments

_VALIDATE = """\
Check every clip of a folder. Nothing is changed. The exit status is 0 when all is well and 2 when
a file has an issue.

  .npz clips (FSLR)    arrays, shapes, types, values, times, meta, and the parquet file beside it
  other formats        every clip is read as its format says (clips, Google ISLR, .pose, store, ...)
  WhisperSign's data   shapes, values and lengths of every sample, its label's ids and whether its
                       frames suffice for it; warns of clips without hands and of raw pixels
  scenes               .scene.npz files; a folder with scenes.jsonl and classes.json, Action
                       Genome's or EASG's: its annotations, its features, and whether the frames
                       are there that it names; COCO's and VidOR's annotations of relations
"""
_VALIDATE_EXAMPLES = """\
jaxsign validate data/processed/transformer_only
jaxsign validate data/processed/iv3_gru_only --require-x2048 --no-check-transformer
jaxsign validate data/vsl --patch-size 4
"""


def add_validate(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign validate`."""
    verb = arguments.add_verb(
        verbs, "validate", "check a folder of clips or scenes", _VALIDATE, _VALIDATE_EXAMPLES
    )
    verb.add_argument(
        "root",
        type=arguments.Existing,
        metavar="ROOT",
        help="folder, searched with all below it, or a file",
    )
    verb.add_argument(
        "--require-x2048",
        action="store_true",
        help="every clip must hold InceptionV3 features; a file with nothing else is accepted",
    )
    verb.add_argument(
        "--check-transformer",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also check what SignTransformer needs: frames, visible keypoints, meta (default: on)",
    )
    verb.add_argument(
        "--check-iv3",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="accepted as in the original; features that a file holds are always checked",
    )
    verb.add_argument(
        "--skip-parquet", action="store_true", help="leave out the parquet files beside the clips"
    )
    verb.add_argument(
        "--patch-size", type=arguments.positive, default=4, metavar="N",
        help="WhisperSign: frames of an output frame (4)",
    )  # fmt: skip
    arguments.add_encoding(verb)
    verb.set_defaults(run=validate)


def validate(words: argparse.Namespace) -> int:
    """Runs `jaxsign validate`; 2 if a file has an issue."""
    from jaxsign.input.scenes import validate as scene_checks
    from jaxsign.input.signs import formats, joint_checks
    from jaxsign.input.signs import validate as room
    from jaxsign.input.signs.formats import whispersign

    root = Path(words.root)
    if (scenes := scene_checks.of_place(root)) is not None:
        print(scenes.text())
        return scenes.exit_code
    if root.is_dir() and whispersign.recognises(root):
        checked = joint_checks.check_folder(root, patch_size=words.patch_size)
        print(checked.text())
        return checked.exit_code
    read = room.validate_format(root)
    if read is not None:
        print(read.text())
        return read.exit_code
    report = room.validate_tree(
        words.root,
        require_x2048=words.require_x2048,
        check_transformer=words.check_transformer,
        check_iv3=words.check_iv3,
        skip_parquet=words.skip_parquet,
    )
    if not report.files:
        formats.detect(root)  # says what is there, and what was expected
    print(report.text())
    return report.exit_code
