"""The verb prepare: videos, sensors' recordings, keypoints or clips -> WhisperSign's folder.

What is heavy to import is imported when the verb runs, so that `--help` answers at once.
"""

import argparse
from pathlib import Path

from jaxsign import arguments
from jaxsign.input.signs.preparing import commands

_TEXT = """\
Make the data folder of a WhisperSign recogniser: train, val and test with an array
[frames, 42 joints, 7 numbers] and a label for every clip, label_map.json, prepared.csv (what
every sample was made of) and prepared.json (how). Sources:

  kaggle       DIR/videos/*.mp4 and DIR/label.csv (or labels.csv, metadata.csv) with the columns
               VIDEO and LABEL
  video        videos in DIR, and --labels CSV; its columns are found by their names (file, video,
               path ...; label, gloss, sign ...; or --file-column, --label-column); if it has
               neither, the first two are taken
  huggingface  VOYA's Vietnamese signs or alike, stored on this machine: npz files in DIR/train,
               DIR/validation, DIR/test, or a folder that the datasets library saved
  leap         recordings of a Leap Motion sensor: .json, .csv, .npy or .npz, and --labels CSV (or
               a folder for each gloss)
  clips        any collection that jaxsign reads (see jaxsign convert --formats)

Columns start and end (seconds) or frame_start and frame_end (from 1) cut the films: each row is a
clip of its own. WLASL's json is read as a table.

Videos go through jaxsign extract first, into --clips; that can be stopped, and goes on with the
same command. What is wrong with the table is told before anything is made. Clips that fail are
left out and told at the end; the exit status is then 2.
"""
_EXAMPLES = """\
jaxsign prepare --source kaggle --data vsl --out data/vsl --hand models/hand_landmarker.task
jaxsign prepare --source video --data films --labels films/labels.csv --separator " " \\
    --out data/sentences --hand models/hand_landmarker.task --split signer
jaxsign prepare --source huggingface --data VOYA_VSL --out data/voya
jaxsign prepare --source leap --data recordings --labels labels.csv --out data/leap
jaxsign prepare --source clips --data data/asl.store --out data/asl_hands
"""
SOURCES = ("kaggle", "huggingface", "video", "leap", "clips")


def add_prepare(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign prepare`."""
    verb = arguments.add_verb(
        verbs, "prepare", "a WhisperSign data folder of videos or keypoints", _TEXT, _EXAMPLES
    )
    verb.add_argument("--source", required=True, choices=SOURCES, help="see above")
    verb.add_argument(
        "--data",
        "--data_dir",
        type=arguments.Existing,
        required=True,
        metavar="PATH",
        help="what to read",
    )
    verb.add_argument(
        "--out", "--output_dir", default="data/processed", metavar="DIR",
        help="new folder (data/processed)",
    )  # fmt: skip
    _add_labels(verb)
    _add_splits(verb)
    _add_joints(verb)
    _add_videos(verb)
    verb.set_defaults(run=prepare)


def _add_labels(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group("labels")
    group.add_argument("--labels", "--label_csv", metavar="CSV", help="files and their labels")
    arguments.add_encoding(group)
    for name, what in (("file", "files"), ("label", "labels")):
        group.add_argument(
            f"--{name}-column", default="", metavar="NAME",
            help=f"the table's column of the {what} (found by its name, see above)",
        )  # fmt: skip
    group.add_argument(
        "--separator", default="", metavar="TEXT",
        help='a label may hold several glosses with TEXT between them: " " for "A B C" (a label is '
        "one gloss)",
    )  # fmt: skip
    group.add_argument(
        "--whole", action="store_true",
        help="the films are cut already: columns of starts and ends do not cut them again",
    )  # fmt: skip
    group.add_argument(
        "--skip", action="store_true",
        help="leave out rows without a file; what is left out does not change the exit status",
    )  # fmt: skip


def _add_splits(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group("splits")
    group.add_argument(
        "--split", "--by", default="", metavar="WAY",
        choices=(
            "given", "random", "stratified", "signer", "signers", "signer-stratified", "original",
        ),
        help="given: those that the data have; random: one shuffle of the clips that can be used; "
        "stratified: each gloss with the same share; signer: no signer in two splits; "
        "signer-stratified: both as far as possible; original: WhisperSign's own shuffle of all "
        "rows, which fails for fewer than 10 (given where all clips have one, else random)",
    )  # fmt: skip
    for name in ("val", "test"):
        group.add_argument(
            f"--{name}-share", type=float, default=0.1, metavar="SHARE",
            help=f"of the clips (of the signers by signer); 0 = no {name} split (0.1)",
        )  # fmt: skip
    group.add_argument(
        "--seed", type=commands.seed, default=42, metavar="N", help="of the draw (42)"
    )


def _add_joints(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group("joints")
    group.add_argument(
        "--fps", "--target_fps", type=arguments.rate, default=60.0, metavar="F",
        help="frames a second of the samples (60)",
    )  # fmt: skip
    group.add_argument(
        "--missing", choices=("present", "upstream"), default="present",
        help="present: velocities and new frames come from frames that show the hand; upstream: "
        "also from the zeros of those that do not, as in the original (present)",
    )  # fmt: skip
    group.add_argument(
        "--source-fps", type=arguments.rate, default=0.0, metavar="F",
        help="frames a second of what is read, whatever films and clips say; keypoints and "
        "recordings do not tell (huggingface: --fps; leap: 120)",
    )  # fmt: skip
    group.add_argument(
        "--side", choices=("left", "right"), default="right",
        help="leap: whose hand it is where a recording does not tell (right)",
    )  # fmt: skip
    group.add_argument(
        "--range-mm", type=float, default=500.0, metavar="MM", help="leap: the sensor's range (500)"
    )
    group.add_argument(
        "--upstream", action="store_true",
        help="huggingface, leap: joints, velocities and rates as the original makes them",
    )  # fmt: skip


def _add_videos(verb: argparse.ArgumentParser) -> None:
    from jaxsign.input.signs.extract import commands as extracting

    extracting.add_models(verb)
    group = verb.add_argument_group("videos")
    group.add_argument("--clips", metavar="DIR", help="folder of the landmark clips (OUT_clips)")
    group.add_argument(
        "--workers", type=arguments.count, default=0, metavar="N",
        help="processes, one video each at a time (one a core)",
    )  # fmt: skip


def prepare(words: argparse.Namespace) -> int:
    """Runs `jaxsign prepare`; 2 if clips were left out."""
    from jaxsign.errors import UserError
    from jaxsign.input.folders import progress
    from jaxsign.input.signs import formats
    from jaxsign.input.signs.preparing import gathering, preparation, showing
    from jaxsign.screen import Console

    out = Path(words.out)
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UserError(f"--out {out} exists already. Choose another one or remove it.")
    if words.source not in ("kaggle", "video"):
        formats.check_beside(Path(words.data), out)
    console = Console(highlight=False)
    collection = gathering.gather(words, console)
    way = {"signers": "signer"}.get(words.split, words.split)
    rule = "kaggle" if words.source == "kaggle" else "video"
    wanted = preparation.Shares(way, rule, words.val_share, words.test_share, words.seed)
    collection = preparation.share(collection, wanted)
    with progress.Bar("writing", len(collection)) as bar:
        made = preparation.write(
            collection, out, fps=gathering.rate(words), missing=words.missing,
            record=gathering.record(words), on_clip=bar.step,
        )  # fmt: skip
    showing.prepared(made, preparation.statistics(made.report), console)
    return 2 if made.skipped and not words.skip else 0
