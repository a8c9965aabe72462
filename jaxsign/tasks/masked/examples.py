"""Clips of which nothing is learnt but how they go on: they need no labels."""

from collections.abc import Sequence

from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.input import planning
from jaxsign.input.examples import Batch, Example
from jaxsign.input.signs import clip_source, treatment
from jaxsign.tasks import clips


class MaskedExamples(clips.SignExamples):
    """Clips `x` [T, D] alone."""

    def under(self, config: ConfigDict) -> "MaskedExamples":
        made = of_source(config, self.source, training=self.treatment.training)
        made.check(config, {})
        return made

    def labels(self, index: int, piece: planning.Piece, frames: int) -> Example:
        return {}

    def stack_labels(self, rows: Sequence[Example | None]) -> Batch:
        return {}

    def blank_labels(self, rows: int) -> Batch:
        return {}


def of_source(config: ConfigDict, source: clip_source.Source, *, training: bool) -> MaskedExamples:
    """A source's clips under a recipe.

    Raises:
      UserError: their frames are points or pictures, not rows of numbers.
    """
    made = MaskedExamples(source, treatment.of_recipe(config, source, training=training))
    if len(made.frame_shape) > 1:
        found = " x ".join(map(str, made.frame_shape))
        raise UserError(
            f"{source.name}: a frame is {found} numbers, but task.name='masked' hides frames that "
            "are one row. Choose another view, such as that of small:masked"
        )
    return made
