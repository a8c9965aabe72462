"""`jaxsign VERB ...`: a thin table of verbs; the work is in the rooms behind them."""

import argparse
import sys
from collections.abc import Sequence

import jaxsign
from jaxsign import runtime
from jaxsign.errors import UserError

_DESCRIPTION = """\
Train, check and serve sign-language recognisers in JAX.

A run lives in one folder (--workdir): its recipe, labels, checkpoints, metrics and pictures.
Every verb that takes a run needs nothing but that folder.
"""
_EXAMPLES = """\
examples:
  jaxsign train --config fslr_transformer:synthetic --workdir runs/first
  jaxsign evaluate --workdir runs/first
  jaxsign predict --workdir runs/first clip.npz
  jaxsign import SignTransformer_best.pt --workdir runs/imported
"""


def parser() -> argparse.ArgumentParser:
    """The command line: one subparser a verb."""
    top = argparse.ArgumentParser(
        prog="jaxsign",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"jaxsign {jaxsign.__version__}")
    top.add_argument("--debug", action="store_true", help="show the traceback of an error")
    verbs = top.add_subparsers(title="verbs", metavar="VERB", dest="verb")
    from jaxsign.infer import commands as infer
    from jaxsign.infer.features import commands as features_commands
    from jaxsign.infer.live import capture_commands as capturing
    from jaxsign.infer.live import commands as live
    from jaxsign.infer.live import stream_commands as streaming
    from jaxsign.input.signs import commands as inputs
    from jaxsign.input.signs.extract import commands as extracting
    from jaxsign.input.signs.formats import commands as converting
    from jaxsign.input.signs.inspecting import commands as inspecting
    from jaxsign.input.signs.preparing import commands as preparing
    from jaxsign.input.signs.preparing import prepare_commands
    from jaxsign.train import commands as train

    train.add_train(verbs)
    infer.add_evaluate(verbs)
    infer.add_predict(verbs)
    live.add_live(verbs)
    streaming.add_stream(verbs)
    capturing.add_capture(verbs)
    inspecting.add_inspect(verbs)
    extracting.add_extract(verbs)
    converting.add_convert(verbs)
    prepare_commands.add_prepare(verbs)
    preparing.add_choose(verbs)
    preparing.add_split(verbs)
    preparing.add_explore(verbs)
    inputs.add_validate(verbs)
    inputs.add_export_data(verbs)
    features_commands.add_features(verbs)
    infer.add_import(verbs)
    infer.add_export(verbs)
    _add_parity(verbs)
    return top


def _add_parity(verbs: argparse._SubParsersAction) -> None:
    text = "compare the nets with recorded outputs of the original PyTorch systems"
    verb = verbs.add_parser("parity", help=text, description=text.capitalize() + ".")
    verb.add_argument("arguments", nargs=argparse.REMAINDER, help="folders of cases, --verbose ...")
    verb.set_defaults(run=_parity)


def _parity(arguments: argparse.Namespace) -> int:
    from parity import run

    return run.main(arguments.arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a verb; returns the exit status (0 well, 1 a user's mistake, 130 interrupted)."""
    try:
        return _main(argv)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _main(argv: Sequence[str] | None) -> int:
    for stream in (sys.stdout, sys.stderr):
        # A class name that the terminal cannot show is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    words = list(sys.argv[1:] if argv is None else argv)
    top = parser()
    if words[:1] == ["parity"]:  # its own options are parsed by the suite
        arguments = argparse.Namespace(run=_parity, arguments=words[1:], debug=False)
        rest: list[str] = []
    else:
        arguments, rest = top.parse_known_args(words)
    if not hasattr(arguments, "run"):
        top.print_help()
        return 0
    if rest and not getattr(arguments, "overrides", False):
        top.error(f"unknown arguments for {arguments.verb}: {' '.join(rest)}")
    arguments.rest = rest
    if argv is None:
        runtime.reexec_with_huge_pages()
    runtime.quiet()
    runtime.compilation_cache()
    try:
        return int(arguments.run(arguments) or 0)
    except UserError as error:
        if arguments.debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:
        if arguments.debug:
            raise
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}{error.strerror or error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
