"""The verbs that prepare a data set: choose, split, explore.

What is heavy to import is imported when a verb runs, so that `--help` answers at once.
"""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jaxsign import arguments

if TYPE_CHECKING:
    from jaxsign.input.signs.formats import Collection
    from jaxsign.input.signs.preparing import placing

_CHOOSE = """\
Make a data set of some signs of a collection of clips, in any format. Class numbers are the places
in the list. Without --signs, everyday words are taken in a fixed order (greetings, pronouns,
family, actions, feelings, colours, numbers, ...) as far as they occur; if these are too few, the
most frequent other signs. Of Google's 250 isolated signs the first 25 are:
hello please thankyou bye mom dad boy girl man child drink sleep go happy sad hungry thirsty sick
bad red blue green yellow black white.
"""
_CHOOSE_EXAMPLES = """\
jaxsign choose data/google_asl_signs --out data/dataset25
jaxsign choose data/google_asl_signs --out data/first5 --num-signs 5 --to clips
jaxsign choose data/recordings --out data/yes_no --signs "yes,no,don't know"
"""
_SPLIT = """\
Share the clips of a collection, in any format, among train, test and, if asked for, val.

  signer             no signer is in two splits: tells how well strangers are recognised. Shares are
                     shares of the signers
  stratified         every sign has the same share of its clips in each split; signers are mixed
  signer-stratified  no signer is in two splits, and signs are spread as evenly as that allows
  signer-common      as signer, but of a thousand draws the one with most signs in all splits

The same seed gives the same split. Splits that the collection has already are forgotten.
"""
_SPLIT_EXAMPLES = """\
jaxsign split data/dataset25 --out data/dataset25_split
jaxsign split data/dataset25 --out data/three_way --val-share 0.15
jaxsign split data/processed --out data/fslr --by stratified --test-share 0 --val-share 0.2
"""
_EXPLORE = """\
Draw and describe a collection of clips, in any format: clips by sign and by signer, lengths, file
sizes, what is missing, who signs what. Writes signs_distribution.png, participants_analysis.png,
landmark_analysis.png, participant_sign_analysis.png and report.txt.
"""
_EXPLORE_EXAMPLES = """\
jaxsign explore data/google_asl_signs --out exploration_output
jaxsign explore data/dataset25 --out exploration_output --rows 0 --clips 1000
"""
_OVERWRITE = (
    "write into a folder that is not empty: files of the same name are replaced, clip files that "
    "are there already are kept, nothing is deleted"
)


def add_choose(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign choose`."""
    verb = _verb(verbs, "choose", "a data set of some signs", _CHOOSE, _CHOOSE_EXAMPLES)
    signs = verb.add_mutually_exclusive_group()
    signs.add_argument(
        "--signs", type=_names, default=(), metavar="A,B,C", help="these signs, in this order"
    )
    signs.add_argument(
        "--num-signs", type=arguments.positive, metavar="N", help="so many everyday signs (25)"
    )
    _add_writing(verb)
    verb.set_defaults(run=choose)


def choose(words: argparse.Namespace) -> int:
    """Runs `jaxsign choose`."""
    from jaxsign.input.signs import formats
    from jaxsign.input.signs.preparing import choosing, showing
    from jaxsign.screen import Console

    source = formats.open_collection(words.path, words.format)
    count = words.num_signs or choosing.NUM_SIGNS
    chosen = choosing.choose(source, words.signs, count)
    result = _place(words, chosen)
    console = Console(highlight=False)
    showing.chosen(chosen, 0 if words.signs else count, console)
    showing.placed(result, console)
    return 0


def add_split(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign split`."""
    verb = _verb(verbs, "split", "share clips among train, val and test", _SPLIT, _SPLIT_EXAMPLES)
    verb.add_argument(
        "--by",
        choices=("signer", "stratified", "signer-stratified", "signer-common"),
        default="signer",
        help="what the splits must not or should share, see above (signer)",
    )
    verb.add_argument(
        "--test-share", type=float, default=0.2, metavar="SHARE", help="0 = no test split (0.2)"
    )
    verb.add_argument(
        "--val-share", type=float, default=0.0, metavar="SHARE", help="0 = no val split (0)"
    )
    verb.add_argument("--seed", type=seed, default=42, metavar="N", help="of the draw (42)")
    verb.add_argument(
        "--complete-signs", action="store_true", help="leave out signs that a split would lack"
    )
    verb.add_argument(
        "--shuffle", action="store_true", help="list the clips in random order, by the same seed"
    )
    _add_writing(verb)
    verb.set_defaults(run=split)


def split(words: argparse.Namespace) -> int:
    """Runs `jaxsign split`."""
    from jaxsign.input.signs import formats
    from jaxsign.input.signs.preparing import showing, splitting
    from jaxsign.screen import Console

    source = formats.open_collection(words.path, words.format)
    before = splitting.told(source)
    shares = {"test_share": words.test_share, "val_share": words.val_share}
    made = splitting.split(source, words.by, seed=words.seed, **shares)
    if words.complete_signs:
        made = splitting.complete(made)
    if words.shuffle:
        made = splitting.shuffled(made, words.seed)
    result = _place(words, made)
    console = Console(highlight=False)
    showing.split(made, [*before, *splitting.warnings(made)], console)
    showing.placed(result, console)
    return 0


def add_explore(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign explore`."""
    verb = _verb(verbs, "explore", "pictures of a collection", _EXPLORE, _EXPLORE_EXAMPLES)
    verb.add_argument("--out", required=True, metavar="DIR", help="folder for these files")
    verb.add_argument(
        "--rows", type=arguments.count, default=10_000, metavar="N",
        help="draw N clips for the counts, 0 = all (10000)",
    )  # fmt: skip
    verb.add_argument(
        "--clips", type=arguments.count, default=200, metavar="N",
        help="of these, draw N whose files are read, 0 = all (200)",
    )  # fmt: skip
    verb.add_argument("--seed", type=seed, default=42, metavar="N", help="of the draws (42)")
    verb.set_defaults(run=explore)


def explore(words: argparse.Namespace) -> int:
    """Runs `jaxsign explore`."""
    from jaxsign.input.folders import progress
    from jaxsign.input.signs import formats
    from jaxsign.input.signs.preparing import exploring

    source = formats.open_collection(words.path, words.format)
    with progress.Bar("reading", min(len(source), words.clips or len(source))) as bar:
        written = exploring.explore(
            source, words.out, rows=words.rows, clips=words.clips, seed=words.seed, on_clip=bar.step
        )
    print(written.text)
    print("\n".join(map(str, written.paths)))
    return 0


def _verb(
    verbs: arguments.Verbs, name: str, help: str, text: str, examples: str
) -> argparse.ArgumentParser:
    verb = arguments.add_verb(verbs, name, help, text, examples)
    verb.add_argument(
        "path", type=arguments.Existing, metavar="SRC", help="a folder in a known format"
    )
    verb.add_argument("--format", metavar="NAME", help="the format of SRC (found out)")
    arguments.add_encoding(verb)
    return verb


def _add_writing(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--out", required=True, metavar="DST", help="new folder")
    verb.add_argument("--to", default="auto", metavar="FORMAT", help="format of DST (that of SRC)")
    verb.add_argument(
        "--copy",
        action="store_true",
        help="copy clip files; else files that stay the same are hard links where the disk allows",
    )
    verb.add_argument("--overwrite", action="store_true", help=_OVERWRITE)


def _place(words: argparse.Namespace, collection: "Collection") -> "placing.Placed":
    from jaxsign.input.folders import progress
    from jaxsign.input.signs.preparing import placing

    with progress.Bar("writing", len(collection)) as bar:
        return placing.place(
            words.path,
            collection,
            words.out,
            words.to,
            overwrite=words.overwrite,
            copy=words.copy,
            on_clip=bar.step,
        )


def _names(text: str) -> Sequence[str]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise argparse.ArgumentTypeError("expected names with commas between them: hello,bye")
    return names


def seed(text: str) -> int:
    """A seed on the command line."""
    value = arguments.count(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is no seed: expected 0 to {2**32 - 1}")
    return value
