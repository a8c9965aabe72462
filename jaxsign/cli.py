"""`jaxsign VERB ...`: a thin table of verbs; the work is in the rooms behind them."""

import argparse
import contextlib
import pkgutil
import sys
from collections.abc import Sequence

import jaxsign
from jaxsign import arguments, interrupts, reading, runtime, telling, terminal
from jaxsign.errors import UserError, did_you_mean
from jaxsign.input import tables

_DESCRIPTION = """\
Train, check and serve sign-language recognisers and video scene graphs in JAX.

A run lives in one folder (--workdir): its recipe, labels, checkpoints, metrics and pictures.
Every verb that takes a run needs nothing but that folder, or model:NAME, a trained run that comes
with the package (`jaxsign models`).
"""
_EXAMPLES = """\
examples:
  jaxsign train --config fslr_transformer:synthetic --workdir runs/first
  jaxsign evaluate --workdir runs/first
  jaxsign predict --workdir runs/first clip.npz
  jaxsign import SignTransformer_best.pt --workdir runs/imported
"""

# What adds a verb, in the order of --help. A module is imported when its verb is asked for, so that
# no verb waits for another one; what is heavy (jax, ...) they import when the verb runs.
_VERBS = {
    "train": "jaxsign.infer.folds_command:add_train",
    "sweep": "jaxsign.train.sweeps.commands:add_sweep",
    "evaluate": "jaxsign.infer.commands:add_evaluate",
    "baseline": "jaxsign.infer.baseline_commands:add_baseline",
    "predict": "jaxsign.infer.commands:add_predict",
    "scene": "jaxsign.infer.graphs.commands:add_scene",
    "live": "jaxsign.infer.live.commands:add_live",
    "serve": "jaxsign.infer.serve.commands:add_serve",
    "stream": "jaxsign.infer.live.stream_commands:add_stream",
    "capture": "jaxsign.infer.live.capture_commands:add_capture",
    "inspect": "jaxsign.input.signs.inspecting.commands:add_inspect",
    "extract": "jaxsign.input.signs.extract.commands:add_extract",
    "convert": "jaxsign.input.signs.convert_commands:add_convert",
    "prepare": "jaxsign.input.signs.preparing.prepare_commands:add_prepare",
    "choose": "jaxsign.input.signs.preparing.commands:add_choose",
    "split": "jaxsign.input.signs.preparing.commands:add_split",
    "explore": "jaxsign.input.signs.preparing.commands:add_explore",
    "corpus": "jaxsign.input.signs.corpora.commands:add_corpus",
    "validate": "jaxsign.input.signs.commands:add_validate",
    "priors": "jaxsign.input.scenes.priors_command:add_priors",
    "export-data": "jaxsign.input.signs.convert_commands:add_export_data",
    "embed": "jaxsign.infer.embed.commands:add_embed",
    "features": "jaxsign.infer.features.commands:add_features",
    "detect": "jaxsign.infer.detect.commands:add_detect",
    "import": "jaxsign.infer.torch.commands:add_import",
    "export": "jaxsign.infer.torch.commands:add_export",
    "deploy": "jaxsign.infer.deploy.commands:add_deploy",
    "runs": "jaxsign.infer.comparing.commands:add_runs",
    "compare": "jaxsign.infer.comparing.commands:add_compare",
    "models": "jaxsign.infer.models_commands:add_models",
    "parity": "jaxsign.cli:_add_parity",
}


def parser(verb: str = "") -> argparse.ArgumentParser:
    """The command line: one subparser a verb, or if `verb` is one, its subparser alone."""
    top = argparse.ArgumentParser(
        prog="jaxsign",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"jaxsign {jaxsign.__version__}")
    top.set_defaults(encoding="")
    top.add_argument("--debug", action="store_true", help="show the traceback of an error")
    verbs = top.add_subparsers(title="verbs", metavar="VERB", dest="verb")
    for name in [verb] if verb in _VERBS else _VERBS:
        pkgutil.resolve_name(_VERBS[name])(verbs)
    for one in verbs.choices.values():
        arguments.add_limit(one)
    return top


def _add_parity(verbs: argparse._SubParsersAction) -> None:
    text = "compare the nets with recorded outputs of the original PyTorch systems"
    verb = verbs.add_parser("parity", help=text, description=text.capitalize() + ".")
    verb.add_argument("arguments", nargs=argparse.REMAINDER, help="folders of cases, --verbose ...")
    verb.set_defaults(run=_parity)


def _parity(words: argparse.Namespace) -> int:
    from parity import options

    chosen = options.parser().parse_args(words.arguments)
    from parity import run

    return run.run(chosen)


def _run(words: list[str], *, again: bool) -> int:
    """Parses a command line and runs its verb.

    Args:
      words: behind the program's name.
      again: the process may start itself again with other settings.
    """
    top = parser(words[0] if words else "")
    if words and not words[0].startswith("-") and words[0] not in _VERBS:
        near = did_you_mean(words[0], _VERBS)
        top.error(f"no verb {words[0]!r}.{near} All of them: {', '.join(_VERBS)}")
    if words[:1] == ["parity"]:  # its own options are parsed by the suite
        parsed = argparse.Namespace(run=_parity, arguments=words[1:], max_bytes=None, encoding="")
        rest: list[str] = []
    else:
        parsed, rest = top.parse_known_args(words)
    if not hasattr(parsed, "run"):
        top.print_help()
        return 0
    if rest and not getattr(parsed, "overrides", False):
        top.error(f"unknown arguments for {parsed.verb}: {' '.join(rest)}")
    parsed.rest = rest
    arguments.check(parsed)
    if again:
        runtime.reexec_with_kept_memory()
    runtime.quiet()
    runtime.compilation_cache()
    with reading.limited(parsed.max_bytes), tables.encoded(parsed.encoding):
        return int(parsed.run(parsed) or 0)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a verb; returns the exit status (0 well, 1 a user's mistake, 130 interrupted)."""
    with (
        contextlib.redirect_stdout(terminal.Escaping(sys.stdout)),
        contextlib.redirect_stderr(terminal.Escaping(sys.stderr)),
    ):
        telling.anew()
        try:
            with interrupts.never_lost():
                return _main(argv)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return interrupts.STATUS


def _main(argv: Sequence[str] | None) -> int:
    for stream in (sys.stdout, sys.stderr):
        # A class name that the terminal cannot show is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    words = list(sys.argv[1:] if argv is None else argv)
    debug = words[:1] == ["--debug"]
    try:
        return _run(words, again=argv is None)
    except UserError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:
        if debug:
            raise
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}{error.strerror or error}", file=sys.stderr)
        return 1
