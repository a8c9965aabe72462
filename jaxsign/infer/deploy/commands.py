"""The verb `deploy`. What is heavy to import is imported when it runs."""

import argparse
from pathlib import Path

from jaxsign import arguments
from jaxsign.errors import UserError
from jaxsign.infer import run_folder

FORMATS = ("onnx", "stablehlo", "tflite")
_TEXT = """\
Writes a run that tells signs or sentences as files that run without jaxsign: for JAX (stablehlo),
onnxruntime (onnx) or LiteRT (tflite), one for every length that clips are padded to. Beside them
lie deploy.json (labels, what is taken and given, padding, digests), example.py, which asks them
about a clip with numpy and that runtime alone, and sample.npz, a made-up clip to try it with.

A file takes recorded landmarks where the run's view is a function of them alone; else what the view
makes of them, which deploy.json describes. With --check the files and the run are asked about the
run's validation clips: answers, logits, right answers and the time of one clip. Without --format
the files that lie in DIR are checked. The exit status is 1 where float32 files answer otherwise.
"""
_EXAMPLES = """\
jaxsign deploy --workdir runs/mine --out deployed --format onnx --check
jaxsign deploy --workdir runs/mine --out deployed --check --split test
jaxsign deploy --workdir model:traduttore33 --out phone --format tflite
jaxsign deploy --workdir runs/mine --out small --format onnx --weights int8 --check
"""


def add_deploy(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign deploy`."""
    verb = arguments.add_verb(
        verbs, "deploy", "a run as files that run without jaxsign", _TEXT, _EXAMPLES
    )
    run_folder.add_run(verb)
    verb.add_argument(
        "--out", type=arguments.NewFolder, required=True, metavar="DIR", help="an empty folder"
    )
    verb.add_argument("--format", choices=FORMATS, help="of the files")
    verb.add_argument(
        "--weights",
        choices=("float32", "float16", "int8"),
        default="float32",
        help="numbers that weights are kept as; computing is float32 (float32)",
    )
    verb.add_argument(
        "--input",
        choices=("landmarks", "features"),
        default="",
        help="what files take: landmarks, or what the view makes of them (landmarks if it can be)",
    )
    verb.add_argument(
        "--lengths",
        type=arguments.positive,
        nargs="+",
        default=[],
        metavar="N",
        help="frames that files are made for (the run's buckets)",
    )
    run_folder.add_language(verb)
    _add_check(verb)
    arguments.add_encoding(verb)
    verb.set_defaults(run=deploy)


def _add_check(verb: argparse.ArgumentParser) -> None:
    check = verb.add_argument_group("checking")
    check.add_argument("--check", action="store_true", help="ask the files and the run")
    check.add_argument(
        "--split",
        choices=("val", "test", "train"),
        default="val",
        help="which of the run's own clips (val)",
    )
    check.add_argument("--data", type=arguments.Existing, metavar="DIR", help="other clips")
    check.add_argument("--labels", metavar="CSV", help="their labels (DIR/labels.csv)")
    check.add_argument(
        "--most", type=arguments.positive, default=0, metavar="N", help="ask about N clips (all)"
    )


def deploy(words: argparse.Namespace) -> int:
    """Runs `jaxsign deploy`; 1 if files answer otherwise than the run."""
    if not words.format and not words.check:
        raise UserError(
            f"deploy as what? Give --format ({', '.join(FORMATS)}), or --check alone to check what "
            f"lies in {words.out}"
        )
    for option, default in (("weights", "float32"), ("input", ""), ("lengths", [])):
        if not words.format and vars(words)[option] != default:
            raise UserError(
                f"--{option} is for files that are written: give --format, or leave it out"
            )
    from jaxsign.infer import run as runs
    from jaxsign.infer.deploy import checking, writing

    run, out = runs.load_run(words.workdir, words.which, words.language), Path(words.out)
    # Opened before anything is written: what cannot be checked is told at once.
    data, labels = (None if word is None else Path(word) for word in (words.data, words.labels))
    clips = checking.clips(run, words.split, data, labels) if words.check else None
    if words.format:
        written = writing.deploy(
            run, out, words.format, takes=words.input, kind=words.weights, lengths=words.lengths
        )
        for path in written:
            print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
        if run.view is not None and (words.input == "features" or not run.view.portable):
            print(
                f"They take what the view {run.view.name} makes of a clip, not its landmarks: the "
                "program around them has to make it (deploy.json describes it)"
            )
        print(f"Beside: deploy.json, example.py (python {out / 'example.py'}), sample.npz")
    if clips is None:
        return 0
    found = checking.check(run, out, clips, most=words.most)
    print(f"{out}: {found.format}, {found.weights}, asked beside {run.workdir}")
    print("\n".join(found.lines()))
    if not found.well:
        raise UserError(
            f"{out}: the files answer otherwise than the run: expected the same answers, and "
            f"outputs within {checking.TOLERANCE:g}. Take another format"
        )
    return 0
