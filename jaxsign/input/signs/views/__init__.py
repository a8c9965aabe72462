"""Views: pure functions from a Clip to features; one file each, found by its name, tells `VIEW`."""

import dataclasses
import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from jaxsign.errors import UserError, did_you_mean
from jaxsign.input.signs.views._types import StreamedView as StreamedView
from jaxsign.input.signs.views._types import View as View

FRAMES_A_SECOND = 30.0  # where neither the view nor the data tell


def of_recipe(config: ConfigDict, **options: Any) -> View | None:
    """The view of a recipe; None where it has none.

    A list of points that the net was given (`net.points`) is the view's too, if it takes one.

    Args:
        config: a recipe.
        **options: more options of the view.

    Raises:
        UserError: as `get_view`.
    """
    if not config.view.get("name"):
        if config.input.fixed_length:
            raise UserError("config.input.fixed_length is for recipes with a view; set it to 0")
        return None
    chosen = {**config.view.to_dict(), **options}
    points = tuple(config.net.get("points", ()))
    if points:
        chosen["points"] = points
    if config.data.source == "signon":
        chosen |= _of_data(config, of_name(config.view.name).data)
    made, length = get_view(chosen), config.input.fixed_length
    if made.own_length and length not in (0, made.own_length):
        raise UserError(
            f"config.input.fixed_length={length}, but view {config.view.name!r} always has "
            f"{made.own_length} frames; set it to 0"
        )
    return made if made.own_length else dataclasses.replace(made, length=length)


def _of_data(config: ConfigDict, options: Mapping[str, str]) -> dict[str, Any]:
    """What the section `data` tells a view.

    Raises:
        UserError: the section `view` says something else.
    """
    for key, option in options.items():
        own, told = config.view.get(option, config.data[key]), config.data[key]
        if own != told:
            raise UserError(
                f"config.view.{option}={own!r}, but config.data.{key}={told!r}; "
                f"leave view.{option} out"
            )
    return {option: config.data[key] for key, option in options.items()}


def frame_rate(config: ConfigDict, rate: float = 0.0) -> float:
    """Frames a second behind the recipe's view; `rate`: of arrays that are taken as they are."""
    return float(config.view.get("rate") or rate or FRAMES_A_SECOND)


def names() -> list[str]:
    """Names of the views: the files of this folder."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def of_name(name: str) -> type[View]:
    """The views that a name means.

    Raises:
        UserError: there is none of that name.
    """
    if name not in names():
        raise UserError(
            f"config.view.name={name!r}: no such view; there are {names()}."
            f"{did_you_mean(name, names())}"
        )
    owner: type[View] = importlib.import_module(f"{__name__}.{name}").VIEW
    return owner


def get_view(view_config: Mapping[str, Any]) -> View:
    """The view that `view_config` names, with its options.

    Args:
        view_config: {'name': a file of this folder, option: value, ...}.

    Raises:
        UserError: no view has that name, or the view has no such option, or one of another type.
    """
    options = dict(view_config)
    name = options.pop("name")
    owner = of_name(name)
    known = owner.option_names()
    for option in options:
        if option not in known:
            raise UserError(
                f"config.view.{option}: view {name!r} has no such option; it has {known}."
                f"{did_you_mean(option, known)}"
            )
    return owner(**options)
