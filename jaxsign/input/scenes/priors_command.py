"""The verb `jaxsign priors`.

What is heavy to import is imported when it runs, so that `--help` answers at once.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from jaxsign import arguments
from jaxsign.errors import UserError

if TYPE_CHECKING:
    from jaxsign.input.scenes.collection import SceneCollection
    from jaxsign.input.scenes.scene import Scene

_PRIORS = """\
Count what is known of every class of objects beforehand: the shares of relations among its pairs,
and, for each contact that it has, those of the next frame. The file is STKET's TrainPrior.json,
which training reads (--config.train.priors=FILE). Training counts the same itself where no file is
given, but in its own share of the scenes: what it holds back to validate stays out.
"""
_EXAMPLES = """\
jaxsign priors data/action_genome --out TrainPrior.json
jaxsign priors data/action_genome --split test --out TestPrior.json
jaxsign train --config stket --config.data.train.path=data/action_genome
    --config.train.priors=TrainPrior.json --workdir runs/ag
"""


def add_priors(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign priors`."""
    summary = "what scenes tell of classes of objects beforehand, for STKET"
    verb = arguments.add_verb(verbs, "priors", summary, _PRIORS, _EXAMPLES)
    verb.add_argument(
        "path",
        type=arguments.Existing,
        metavar="DATA",
        help="scenes in any form that jaxsign inspect reads",
    )
    verb.add_argument(
        "--out",
        type=arguments.NewFile,
        required=True,
        metavar="FILE",
        help="the .json file to write",
    )
    verb.add_argument(
        "--split",
        choices=("train", "val", "test", "all"),
        default="train",
        help="of which videos, where they are told apart (train)",
    )
    arguments.add_encoding(verb)
    verb.set_defaults(run=run)


def run(words: argparse.Namespace) -> int:
    """Runs `jaxsign priors`."""
    from jaxsign.input.scenes import kinds, priors

    out = Path(words.out)
    if out.exists():
        raise UserError(f"{out} already exists. Choose another name, or move it away.")
    found = kinds.opened(Path(words.path))
    if words.split != "all" and any(video.split for video in found.videos):
        found = found.of_splits((words.split,))
    made = priors.of_scenes(_read(found), found.vocabulary)
    priors.write(out, made, found.vocabulary)
    print(
        f"{out}: {len(found.videos)} videos tell of {made.classes} classes of objects, "
        f"{int(made.contacts.sum())} of whose contacts are followed"
    )
    return 0


def _read(found: "SceneCollection") -> "Iterator[Scene]":
    from jaxsign.input.folders import progress

    for video in progress.over("reading scenes", found.videos, len(found.videos)):
        yield video.read()
