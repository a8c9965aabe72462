"""The verbs of this room: validate, export-data.

What is heavy to import is imported when a verb runs, so that `--help` answers at once.
"""

import argparse
from pathlib import Path
from typing import Any

from jaxsign import arguments

_VALIDATE = """\
Check every clip of a folder. Nothing is changed. The exit status is 0 when all is well and 2 when
a file has an issue.

  .npz clips (FSLR)    arrays, shapes, types, values, times, meta, and the parquet file beside it
  WhisperSign's data   shapes, values and lengths of every sample, its label's ids and whether its
                       frames suffice for it; warns of clips without hands and of raw pixels
"""
_VALIDATE_EXAMPLES = """\
jaxsign validate data/processed/transformer_only
jaxsign validate data/processed/iv3_gru_only --require-x2048 --no-check-transformer
jaxsign validate data/vsl --patch-size 4
"""
_EXPORT = """\
Write the clips that a recipe reads (landmark recordings, archives, synthetic signs) as an FSLR
folder: one .npz a clip with X, mask, timestamps_ms and meta, and labels.csv. The original's tools
and this project's recipes can use it.
"""
_EXPORT_EXAMPLES = """\
jaxsign export-data --config fslr_transformer:synthetic --split train --out data/synthetic
jaxsign export-data --config fslr_transformer --config.data.source=clips \\
    --config.data.val.path=recordings --split val --out data/val

The recipe's keys are set as --config.KEY=VALUE.
"""


def add_validate(verbs: Any) -> None:
    """Adds `jaxsign validate`."""
    verb = arguments.add_verb(
        verbs, "validate", "check a folder of clip files", _VALIDATE, _VALIDATE_EXAMPLES
    )
    verb.add_argument("root", metavar="ROOT", help="folder, searched with all below it, or a file")
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
    verb.set_defaults(run=validate)


def validate(words: argparse.Namespace) -> int:
    """Runs `jaxsign validate`; 2 if a file has an issue."""
    from jaxsign.input.signs import joint_checks
    from jaxsign.input.signs import validate as room
    from jaxsign.input.signs.formats import whispersign

    root = Path(words.root)
    if root.is_dir() and whispersign.recognises(root):
        checked = joint_checks.check_folder(root, patch_size=words.patch_size)
        print(checked.text())
        return checked.exit_code
    report = room.validate_tree(
        words.root,
        require_x2048=words.require_x2048,
        check_transformer=words.check_transformer,
        check_iv3=words.check_iv3,
        skip_parquet=words.skip_parquet,
    )
    print(report.text())
    return report.exit_code


def add_export_data(verbs: Any) -> None:
    """Adds `jaxsign export-data`."""
    verb = arguments.add_verb(
        verbs, "export-data", "write a recipe's clips as an FSLR folder", _EXPORT, _EXPORT_EXAMPLES
    )
    verb.add_argument(
        "--config",
        required=True,
        metavar="FILE[:ARG]",
        help="recipe: a file, or the name of a shipped one",
    )
    verb.add_argument(
        "--split", choices=("train", "val", "test"), default="train", help="default: train"
    )
    verb.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    verb.add_argument(
        "--find-occluded",
        action="store_true",
        help="find clips with a hand in front of the face and fill the column occluded",
    )
    verb.set_defaults(run=export_data, overrides=True, rest=())


def export_data(words: argparse.Namespace) -> int:
    """Runs `jaxsign export-data`."""
    from jaxsign import config as configs
    from jaxsign.input.signs import exporting

    config = configs.load(words.config, words.rest)
    count = exporting.export_data(config, words.split, words.out, find_occluded=words.find_occluded)
    print(f"{words.out}: {count} clips and {exporting.LABELS}")
    return 0
