"""Views: pure functions from a Clip to a recogniser's features, one file each, found by name."""

import functools
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from rich.progress import track

from jaxsign.errors import UserError, did_you_mean
from jaxsign.input.signs.clip import Clip

_MANY = 1000  # clips that are measured with a bar
FRAMES_A_SECOND = 30.0  # where neither the view nor the data tell


def of_recipe(config: Any, **options: Any) -> Callable[..., np.ndarray] | None:
    """The view of a recipe; None where it has none.

    A list of points that the net was given (`net.points`) is the view's too, if it takes one.

    Args:
        config: a recipe.
        **options: more options of the view.

    Raises:
        UserError: as `get_view`.
    """
    if not config.view.name:
        return None
    chosen = {**config.view.to_dict(), **options}
    points = tuple(config.net.get("points", ()))
    if points:
        chosen["points"] = points
    return get_view(chosen)


def frame_rate(config: Any, rate: float = 0.0) -> float:
    """Frames a second behind the recipe's view; `rate`: of arrays that are taken as they are."""
    return float(config.view.get("rate") or rate or FRAMES_A_SECOND)


def check_rate(config: Any, source: Any) -> None:
    """Refuses a source whose arrays the recipe's view would take for those of another rate.

    Raises:
        UserError: tells both rates.
    """
    wanted = float(config.view.get("rate") or 0.0)
    if wanted and source.rate and wanted != source.rate:
        raise UserError(
            f"{source.name}: its arrays have {source.rate:g} frames a second, but view.rate="
            f"{wanted:g}. Arrays are taken as they are: set view.rate to that, or read them as "
            "clips, of which the view makes new frames: --config.data.source=collection"
        )


def lengths(config: Any, source: Any) -> np.ndarray | None:
    """int32 [N]: frames behind the recipe's view; None where it keeps those of the clips.

    A view that changes the number of frames says so by a function `frames(clip, **options)`; every
    clip is read once for it.
    """
    count = _of_module(config, "frames", None)
    if count is None or isinstance(source.read(0), np.ndarray):
        return None
    options = {key: value for key, value in config.view.to_dict().items() if key != "name"}
    if count(source.read(0), **options) is None:
        return None
    quiet = len(source) < _MANY or not sys.stdout.isatty()
    every = track(range(len(source)), "measuring clips", transient=True, disable=quiet)
    return np.array([count(source.read(i), **options) for i in every], np.int32)


def fit(config: Any, source: Any) -> dict[str, Any]:
    """The options of the recipe's view that only its training data can tell (its `fit`)."""
    tell = _of_module(config, "fit", None)
    if tell is None:
        return {}
    options = {key: value for key, value in config.view.to_dict().items() if key != "name"}
    return tell((source.read(i) for i in range(len(source))), **options)


def parts(config: Any) -> tuple[str, ...]:
    """What the recipe's view looks at of a person, of 'hand', 'face', 'pose'; () without a view."""
    return _of_module(config, "LOOKS_AT", ())


def hands(config: Any, x: np.ndarray) -> np.ndarray | None:
    """bool [T]: frames of stored features [T, ...] that show a hand.

    None where the recipe's view does not tell (its function `hands`), or for another shape.
    """
    find = _of_module(config, "hands", None)
    return None if find is None else find(x)


def _of_module(config: Any, name: str, default: Any) -> Any:
    """What the file of the recipe's view says by a name; the default without either."""
    if not config.view.name:
        return default
    return getattr(importlib.import_module(f"{__name__}.{config.view.name}"), name, default)


def get_view(view_config: Mapping) -> Callable[[Clip], np.ndarray]:
    """The view that `view_config` names, with its options bound.

    Args:
        view_config: {'name': a file of this folder, option: value, ...}.

    Returns:
        A function from a Clip to float32 [T, D]. It can be pickled.

    Raises:
        UserError: no view has that name, or the view has no such option.
    """
    options = dict(view_config)
    name = options.pop("name")
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if name not in names:
        raise UserError(
            f"config.view.name={name!r}: no such view; there are {names}."
            f"{did_you_mean(name, names)}"
        )
    view = importlib.import_module(f"{__name__}.{name}").view
    known = list(inspect.signature(view).parameters)[1:]
    for option in options:
        if option not in known:
            raise UserError(
                f"config.view.{option}: view {name!r} has no such option; it has {known}."
                f"{did_you_mean(option, known)}"
            )
    return functools.partial(view, **options)
