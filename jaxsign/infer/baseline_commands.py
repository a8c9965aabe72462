"""The verb `baseline`."""

import argparse

from jaxsign import arguments
from jaxsign.errors import UserError
from jaxsign.infer import run_folder
from jaxsign.sections.data import SPLITS

_RECIPE = "small"  # where none is given


def add_baseline(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign baseline`."""
    verb = arguments.add_verb(
        verbs,
        "baseline",
        "what logistic regression and the nearest neighbour reach on the same clips",
        """
        Tells in seconds what simple methods reach on the training, validation and test clips of a
        recipe or a run: logistic regression and the nearest neighbour, on what the recipe's view
        gives at 8 evenly spaced frames. A net that is not better is not worth its time. With
        --workdir the numbers are left in the run folder (baseline.json), and `jaxsign evaluate`
        prints them beside the run's. Clips that several splits hold, or nearly so, are told too.

        DATA is a place in any format that `jaxsign inspect` reads and that knows its splits, or
        two or three places: training, validation and test clips. Without --config they are seen
        as the recipe `small` sees them. For clips of one sign each.
        """,
        """
        jaxsign baseline data/mine
        jaxsign baseline data/train data/val
        jaxsign baseline --config asl_hybrid data/train data/val --out baseline.json
        jaxsign baseline --workdir runs/mine
        """,
    )
    verb.add_argument(
        "data", nargs="*", type=arguments.Existing, metavar="DATA",
        help="the clips, or those of train, val and test",
    )  # fmt: skip
    of = verb.add_mutually_exclusive_group()
    of.add_argument("--config", metavar="FILE[:ARG]", help="recipe, as of `jaxsign train`")
    of.add_argument(
        "--workdir", type=run_folder.RunFolder, metavar="RUN",
        help="a run, whose recipe and data are taken",
    )  # fmt: skip
    verb.add_argument(
        "--out", type=arguments.NewFile, metavar="JSON", help="also write the numbers there"
    )
    arguments.add_encoding(verb)
    verb.set_defaults(run=baseline, overrides=True)


def baseline(words: argparse.Namespace) -> int:
    """Runs `jaxsign baseline`."""
    _check(words)
    from pathlib import Path

    from jaxsign import config as configs
    from jaxsign.infer import baseline as room

    if words.workdir:
        found = room.of_run(words.workdir)
    else:
        places = zip(SPLITS, words.data, strict=False)
        given = [f"--config.data.{split}.path={path}" for split, path in places]
        found = room.of_recipe(configs.load(words.config or _RECIPE, [*given, *words.rest]))
    room.show(found)
    if words.out:
        found.write(Path(words.out))
    return 0


def _check(words: argparse.Namespace) -> None:
    if words.workdir and (words.data or words.rest):
        extra = " ".join([*words.data, *words.rest])
        raise UserError(f"--workdir takes the run's own data and recipe: leave {extra} out")
    if not (words.workdir or words.config or words.data):
        raise UserError("baseline of what? Give DATA, --config RECIPE or --workdir RUN")
    if len(words.data) > len(SPLITS):
        raise UserError(
            f"{len(words.data)} places: expected one that knows its splits, or those of "
            f"{', '.join(SPLITS)}"
        )
