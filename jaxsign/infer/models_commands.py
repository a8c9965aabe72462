"""The verb `models`: which trained runs come with the package."""

import argparse

from jaxsign import arguments, shipped

_TEXT = """\
    List the trained runs that come with the package: what each knows and takes, how often it was
    right on clips that it had not learnt, and under which licence it stands. Every verb that takes
    a run takes them by name; README.md in a model's folder tells where its data come from.
    """
_EXAMPLES = """\
    jaxsign models
    jaxsign predict --workdir model:traduttore33 film.mp4 --model holistic_landmarker.task
    jaxsign evaluate --workdir model:traduttore33 --split test --data DIR --out results
    """


def add_models(verbs: arguments.Verbs) -> None:
    """Adds `jaxsign models`."""
    verb = arguments.add_verb(
        verbs, "models", "which trained runs come with the package", _TEXT, _EXAMPLES
    )
    verb.add_argument("--json", action="store_true", help="print JSON instead of a table")
    verb.set_defaults(run=models)


def models(words: argparse.Namespace) -> int:
    """Runs `jaxsign models`."""
    from jaxsign.infer import models_table

    found = [shipped.read(name) for name in shipped.names()]
    models_table.show(found, as_json=words.json)
    return 0
