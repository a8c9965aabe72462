"""What happens to clips on their way into batches, as a recipe asks for it."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from ml_collections import ConfigDict

from jaxsign import telling
from jaxsign.input import windows
from jaxsign.input.signs import augment as augmenting
from jaxsign.input.signs import clip_source, views
from jaxsign.input.signs.augment import recipe
from jaxsign.input.signs.features import Features
from jaxsign.input.signs.views import View

Array = np.ndarray


@dataclasses.dataclass(frozen=True)
class Treatment:
    """What happens to clips on their way into batches.

    Attributes:
      view: clip -> float32 [T, ...]; None = the source's arrays are features already.
      max_length: frames kept of a clip, or of a window; 0 = the longest clip's.
      cache_mb: memory for features that were read once.
      training: whether clips are changed at random and cut in windows; the rest is for these.
      augment: random changes, or None.
      mirrored: the view of the mirror image, taken with the probability `augment.flip`, or None.
      windows: (frames, hop) of windows that clips are cut into (`pieces.Windows`), or None.
      seed: of pieces beside the windows.
      finish: from what `view` gives to what the net takes, where that comes behind `augment`.
    """

    view: View | None = None
    max_length: int = 0
    cache_mb: float = 1024
    training: bool = False
    augment: augmenting.Augmentation | None = None
    mirrored: View | None = None
    windows: tuple[int, int] | None = None
    seed: int = 0
    finish: Callable[[Array], Array] | None = None


def of_recipe(config: ConfigDict, source: clip_source.Source, *, training: bool) -> Treatment:
    """The treatment of a source's clips under a recipe's `view` and `input`.

    Raises:
      UserError: no such view, or an augmentation that its output cannot have.
    """
    view = views.of_recipe(config)
    plain = Treatment(view, config.input.max_length, config.input.cache_mb, training)
    if not training:
        return plain
    if view is not None and (text := view.assumes(source.read(0))):
        telling.once("%s: %s", source.name, text)
    changes, cut = _augmentation(config, view), config.input.windows
    stage = view if changes is None else _stage(changes, source, view)
    sizes = None
    if cut.enabled:
        sizes = windows.sizes(cut.seconds, cut.overlap, views.frame_rate(config, source.rate))
    flips = changes is not None and changes.flip
    return dataclasses.replace(
        plain,
        view=stage,
        finish=_finish(view, stage),
        augment=changes,
        mirrored=views.of_recipe(config, flip=True) if flips else None,
        windows=sizes,
        seed=config.seed,
    )


def _augmentation(config: ConfigDict, view: View | None) -> augmenting.Augmentation | None:
    return recipe.build(
        config.input.augment,
        normalised=config.view.get("normalise") == "shoulders",
        local=config.view.get("hands") == "local",
        longest=config.input.max_length,
        generation="" if view is None else view.convention,
        side=config.view.get("size", 224),
    )


def _stage(
    changes: augmenting.Augmentation, source: clip_source.Source, view: View | None
) -> View | None:
    """The earliest stage of the view that the changes are for.

    Raises:
      UserError: there is none.
    """
    stages = [None] if view is None else view.stages[::-1]
    for stage in stages:
        if changes.fits(_shape(source, stage)):
            return stage
    changes.check(_shape(source, view), f"{source.name} with this view")
    return None


def _finish(view: View | None, stage: View | None) -> Callable[[Array], Array] | None:
    if view is None or stage is None or stage == view:
        return None
    return functools.partial(view.finish, stage=stage)


def _shape(source: clip_source.Source, view: View | None) -> tuple[int, ...]:
    return Features(source, view, None, 0)(0).shape
