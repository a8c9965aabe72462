"""The verbs evaluate and predict.

Each `add_VERB` adds one subparser whose `run` takes the parsed words and returns the exit status.
What is heavy to import is imported when the verb runs, so that `--help` answers at once.
"""

import argparse

from jaxsign import arguments
from jaxsign.errors import UserError
from jaxsign.infer import run_folder

Words = argparse.Namespace


def _add_decoding(parser: argparse.ArgumentParser, modes: tuple[str, ...]) -> None:
    """Options of runs that recognise sequences of glosses."""
    group = parser.add_argument_group("sequences of glosses (the run's recipe says the rest)")
    more = " (relations in scenes: see there)" if _GIVEN[0] in modes else ""
    group.add_argument("--mode", choices=modes, help=f"how glosses are found{more}")
    group.add_argument(
        "--beam", type=arguments.positive, metavar="N", help="prefixes kept a frame (10)"
    )
    group.add_argument(
        "--n-best", type=arguments.positive, metavar="N", help="hypotheses weighed and shown (8)"
    )
    group.add_argument(
        "--ctc-weight", type=float, metavar="W", help="CTC's share in the second pass, 0 to 1"
    )
    group.add_argument(
        "--length-bonus", type=float, metavar="X", help="added to the score for every gloss (0)"
    )


# What nets of relations are given; in which they learnt is the run's net.mode.
_GIVEN = ("predcls", "sgcls", "sgdet")
_IN_MODE = """\
--mode predcls gives the net boxes and classes, sgcls boxes alone, sgdet a detector's boxes; without
it the run's own is taken. One that learnt with predcls tells no classes.
"""
_DECODING = ("mode", "beam", "n_best", "ctc_weight", "length_bonus")
_SCORING = ("costs", "glosses", "sclite", "save_predictions", "constraint")


def _costs(word: str) -> tuple[float, float, float]:
    """`unit`, or the costs of a deletion, an insertion and a substitution."""
    try:
        deletion, insertion, substitution = map(float, word.replace("unit", "1,1,1").split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{word!r} is neither unit nor like 3,3,4") from error
    if not all(0 < cost < float("inf") for cost in (deletion, insertion, substitution)):
        raise argparse.ArgumentTypeError(f"{word!r}: costs must be finite and above 0")
    return deletion, insertion, substitution


def add_evaluate(subparsers: arguments.Verbs) -> None:
    """Adds `jaxsign evaluate`."""
    parser = arguments.add_verb(
        subparsers,
        "evaluate",
        "accuracies, word errors or recalls, tables and pictures of a run",
        """
        Runs a trained net over labelled clips and writes a results folder: accuracies over all
        clips (and over occluded and other clips apart, where the labels say), per_class.csv,
        confusion matrices as JSON and as pictures. For a run that recognises sequences of glosses:
        word errors, per_gloss.csv, predictions.csv and a picture. For one that tells relations in
        scenes: R@K and mR@K, per_predicate.csv, per_object.csv, per_video.csv, pictures. Without
        --data the run's own validation clips or scenes are used. Of several runs of the same
        signs, or of all folds of a training, the mean of their probabilities is evaluated.
        """,
        """
        jaxsign evaluate --workdir runs/fslr
        jaxsign evaluate --workdir runs/a runs/b runs/c --split test
        jaxsign evaluate --workdir runs/fslr --data data/processed/test_15fps --save-predictions
        jaxsign evaluate --workdir runs/fslr --split test --out results
        jaxsign evaluate --workdir runs/fslr --split test --none idle
        jaxsign evaluate --workdir runs/vsl --mode all
        jaxsign evaluate --workdir runs/phoenix --costs 3,3,4 --glosses phoenix --sclite
        jaxsign evaluate --workdir runs/scenes --constraint all --save-results results.json
        """,
    )
    run_folder.add_runs(parser)
    _add_evaluated(parser)
    _add_results(parser)
    run_folder.add_batch_size(parser)
    _add_decoding(parser, ("greedy", "beam", "two_pass", "all", *_GIVEN))
    _add_counting(parser)
    _add_constraint(parser, ("with", "semi", "no", "all"), "all", _IN_MODE)
    arguments.add_encoding(parser)
    parser.set_defaults(run=evaluate)


def _add_evaluated(parser: argparse.ArgumentParser) -> None:
    """Options of which examples are asked about."""
    parser.add_argument(
        "--split",
        choices=("val", "test", "train"),
        default="val",
        help="which of the run's own data to use (default: val)",
    )
    parser.add_argument(
        "--data", type=arguments.Existing, metavar="DIR", help="other clips than the run's own"
    )
    parser.add_argument(
        "--labels",
        type=arguments.Existing,
        metavar="CSV",
        help="their labels: file,gloss,cat[,occluded] (DIR/labels.csv)",
    )
    parser.add_argument(
        "--skip-missing", action="store_true", help="leave out rows without their clip file"
    )


def _add_results(parser: argparse.ArgumentParser) -> None:
    """Options of what is written."""
    parser.add_argument(
        "--out",
        type=arguments.NewFolder,
        metavar="DIR",
        help="results folder (RUN/evaluate-SPLIT, of other data RUN/evaluate-SPLIT-NAME)",
    )
    parser.add_argument(
        "--csv",
        type=arguments.NewFile,
        metavar="FILE",
        help="write this table alone: truth, answer and probabilities of all clips of train, val "
        "and test, in their order",
    )
    parser.add_argument(
        "--save-predictions", action="store_true", help="also write one JSON file a clip"
    )
    parser.add_argument(
        "--none",
        nargs="?",
        const="",
        metavar="CLASS",
        help="single signs: first choose on the run's validation clips from which probability on "
        "an answer counts, else it is none of the signs; CLASS is the one that stands for no sign. "
        "predict, stream and live go by it from then on (RUN/none.json)",
    )
    parser.add_argument(
        "--save-results",
        type=arguments.NewFile,
        metavar="FILE",
        help="write the numbers to this JSON file too",
    )


def _add_counting(parser: argparse.ArgumentParser) -> None:
    errors = parser.add_argument_group("counting word errors")
    errors.add_argument(
        "--costs",
        type=_costs,
        metavar="D,I,S",
        help="costs of deletions, insertions and substitutions while aligning: unit (default), "
        "or as sclite 3,3,4",
    )
    errors.add_argument(
        "--glosses",
        choices=("as-is", "phoenix"),
        help="rules that make glosses equal before they are compared (as-is)",
    )
    errors.add_argument("--sclite", action="store_true", help="also write files for sclite")


def _add_constraint(
    parser: argparse.ArgumentParser, choices: tuple[str, ...], usual: str, more: str = ""
) -> None:
    scenes = parser.add_argument_group("relations in scenes", more)
    scenes.add_argument(
        "--constraint",
        choices=choices,
        help="which predicates of a pair are told: with: the surest of every group; semi: of "
        f"groups of several all surer than 0.9; no: every one ({usual})",
    )


def evaluate(words: Words) -> int:
    """Runs `jaxsign evaluate`."""
    from jaxsign.infer import evaluate as room

    if words.csv:
        if len(words.workdir) > 1:
            raise UserError("--csv is a table of one run: give one --workdir")
        counts = room.write_table(
            words.workdir[0],
            words.csv,
            path=words.data,
            which=words.which,
            batch_size=words.batch_size,
        )
        told = ", ".join(f"{split} {count}" for split, count in counts.items())
        print(f"{words.csv}: {told}")
        return 0
    if words.none is not None:
        if len(words.workdir) > 1:
            raise UserError("--none is chosen for one run: give one --workdir")
        room.choose_none(
            words.workdir[0], words.none, which=words.which, batch_size=words.batch_size
        )
    room.evaluate(
        words.workdir,
        split=words.split,
        path=words.data,
        labels=words.labels,
        out=words.out,
        which=words.which,
        batch_size=words.batch_size,
        skip_missing=words.skip_missing,
        asked=arguments.given(words, (*_DECODING, *_SCORING)),
        save_results=words.save_results,
    )
    return 0


def add_predict(subparsers: arguments.Verbs) -> None:
    """Adds `jaxsign predict`."""
    from jaxsign.input.signs.extract import commands as extracting

    parser = arguments.add_verb(
        subparsers,
        "predict",
        "what a run recognises in a clip or in a folder of clips",
        """
        Prints the best candidates for a clip, or a line for each clip of a folder, and with
        --out writes them as JSON: one result for a file, a list for a folder. Clips are .npz
        files with the numbers that the net takes (X [T, 156], X2048 [T, 2048], ...), or recorded
        landmarks in any format that `jaxsign inspect` reads, or films, in which MediaPipe finds
        the landmarks as `jaxsign extract` does (give its model file). A file that cannot be read
        is reported; the others are still predicted, and the exit status is 1. Several runs of the
        same signs, or all folds of a training, answer together: their probabilities are averaged.
        A run that tells relations takes a scene file or a folder of scenes, and tells them frame by
        frame.
        """,
        """
        jaxsign predict --workdir runs/fslr "clip_0089_how are you.npz"
        jaxsign predict --workdir runs/fslr clips/a.npz clips/b.npz
        jaxsign predict --workdir runs/fslr data/processed/test_15fps --out predictions.json
        jaxsign predict --workdir runs/vsl sentence.npy --mode two_pass --beam 20
        jaxsign predict --workdir runs/fslr film.mp4 --model models/holistic_landmarker.task
        jaxsign predict --workdir runs/a runs/b runs/c clip.npz
        """,
    )
    clips = run_folder.Behind(several=True)
    run_folder.add_runs(parser, clips)
    run_folder.add_language(parser)
    clips.add(parser, run_folder.CLIPS)
    parser.add_argument(
        "--out", type=arguments.NewFile, metavar="JSON", help="file for the results"
    )
    parser.add_argument(
        "--mask",
        choices=("length", "visibility"),
        default="length",
        help="frames that count: all, as in training (default), or those with a visible keypoint, "
        "as in the original's prediction tool",
    )
    run_folder.add_batch_size(parser)
    arguments.add_person(parser)
    _add_decoding(parser, ("greedy", "beam", "two_pass"))
    _add_constraint(parser, ("with", "semi", "no"), "with")
    extracting.add_models(parser)
    extracting.add_frames(parser)
    arguments.add_encoding(parser)
    parser.add_argument(
        "--timing", action="store_true", help="tell the seconds of import, load, compile and run"
    )
    parser.set_defaults(run=predict)


def predict(words: Words) -> int:
    """Runs `jaxsign predict`; 1 if a file could not be read."""
    import contextlib

    from jaxsign import runtime, stopwatch

    with runtime.importing():
        from jaxsign.infer import predict as room
    from jaxsign.input.signs.extract import commands, libraries

    run_folder.check_input(words)
    finder = commands.finder(words)
    watch = stopwatch.Stopwatch() if words.timing else None
    if watch:
        watch.lap("import")
    # MediaPipe greets every start with a dozen lines.
    with libraries.hushed() if finder else contextlib.nullcontext():
        failed = room.predict_files(
            words.workdir,
            words.input,
            out=words.out,
            mask=words.mask,
            which=words.which,
            batch_size=words.batch_size,
            asked=arguments.given(words, (*_DECODING, "constraint")),
            finder=finder,
            person=words.person,
            fps=words.source_fps,
            language=words.language,
            watch=watch,
        )
    if watch:
        watch.lap("run")
        print(watch.line())
    return 1 if failed else 0
