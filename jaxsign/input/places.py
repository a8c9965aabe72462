"""Which part of the input reads what a kind of task learns from; known before it is imported."""

import importlib
from typing import Protocol, cast

from ml_collections import ConfigDict

# What a recipe calls a task, and the folder here whose `sources` find its data.
_FOLDERS = {"scene_graph": "scenes", "action_graph": "scenes", "detections": "boxes"}
_SIGNS = "signs"


class _Sources(Protocol):
    """What `sources` of such a folder offers."""

    def check_places(self, data: ConfigDict) -> None: ...


def check(config: ConfigDict) -> None:
    """Refuses a recipe where nothing lies at the places of its data.

    Raises:
      UserError: an unknown kind of source, or a place that is not given or not there.
    """
    folder = _FOLDERS.get(config.task.name, _SIGNS)
    sources = cast(_Sources, importlib.import_module(f"jaxsign.input.{folder}.sources"))
    sources.check_places(config.data)
