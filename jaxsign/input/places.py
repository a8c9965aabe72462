"""Which part of the input reads what a kind of task learns from; known before it is imported."""

import importlib

from ml_collections import ConfigDict

from jaxsign.sections.kinds import KINDS


def check(config: ConfigDict) -> None:
    """Refuses a recipe where nothing lies at the places of its data.

    Raises:
      UserError: an unknown kind of source, or a place that is not given or not there.
    """
    kind = KINDS.get(config.task.name)
    if kind is None:  # what `tasks.add` made known has its own data
        return
    importlib.import_module(f"jaxsign.input.{kind.input}.sources").check_places(config.data)
