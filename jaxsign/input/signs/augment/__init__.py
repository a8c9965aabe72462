"""Random changes of training clips: a list of operations, each with its probability and options.

The operations stand in one table, `OPERATIONS`, by the names of the recipe's keys; recipe.py makes
the list from a recipe. Another operation is another row of the table.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs.augment import (
    features,
    frames,
    joints,
    keypoints,
    operation,
    points,
    signon,
)

Array = np.ndarray

OPERATIONS: dict[str, operation.Operation] = {
    **features.OPERATIONS,
    **keypoints.OPERATIONS,
    **points.OPERATIONS,
    **joints.OPERATIONS,
    **signon.OPERATIONS,
    **frames.OPERATIONS,
}


@dataclasses.dataclass(frozen=True)
class AugmentationStep:
    """One entry of the list.

    Attributes:
      name: of the operation.
      probability: that it happens to a clip, which costs a draw; None = always, without one.
      options: of its draw.
    """

    name: str
    probability: float | None = None
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Does its steps in their order. A plain object, so that workers can receive it.

    Attributes:
      steps: the list.
      flip: probability that the view gives the clip's mirror image.
    """

    steps: tuple[AugmentationStep, ...] = ()
    flip: float = 0.0

    @property
    def stretch(self) -> float:
        """How many times as long as before a clip can become."""
        return math.prod(OPERATIONS[s.name].stretch(**s.options) for s in self.steps)

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether all steps are for clips of such a shape."""
        return all(OPERATIONS[step.name].kind.fits(shape) for step in self.steps)

    def check(self, shape: tuple[int, ...], where: str = "this view") -> None:
        """Refuses clips that a step is not for.

        Args:
          shape: of a clip.
          where: it comes from, for the message.

        Raises:
          UserError: names the step and what it needs.
        """
        for step in self.steps:
            kind = OPERATIONS[step.name].kind
            if not kind.fits(shape):
                raise UserError(
                    f"input.augment.{step.name} is for {kind.text}; {where} gives {list(shape)}. "
                    "Set it to 0, or use those keys of input.augment that are for such clips."
                )

    def __call__(self, x: Array, rng: np.random.Generator) -> Array:
        """The clip after this time's draws; `x` itself is never written to.

        Args:
          x: float32 [T, ...], or pictures uint8; T >= 1, unpadded.
          rng: the clip's own generator; the same state gives the same result.

        Raises:
          UserError: as `check`.
        """
        x = x if x.dtype == np.uint8 else np.asarray(x, np.float32)
        self.check(x.shape)
        for step in self.steps:
            if step.probability is None or rng.random() < step.probability:
                x = _applied(OPERATIONS[step.name], x, rng, step.options)
        return x


def _applied(
    what: operation.Operation, x: Array, rng: np.random.Generator, options: Mapping[str, Any]
) -> Array:
    if not what.kind.frame:
        return what.function(x, **what.draw(x, rng, **options))
    frame, x = x.shape[1:], x.reshape(len(x), *what.kind.frame)
    return what.function(x, **what.draw(x, rng, **options)).reshape(-1, *frame)
