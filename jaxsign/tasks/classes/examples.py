"""Clips with one label for every head."""

from collections.abc import Sequence

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.input import planning
from jaxsign.input.examples import Batch, Example
from jaxsign.input.signs import sources
from jaxsign.input.signs import treatment as treatments
from jaxsign.tasks import clips


class ClassExamples(clips.SignExamples):
    """Clips `x` [T, ...] and under every head's name its label, int32 [B] in a batch.

    Where there may be several languages, `language` int32 [B] is that of each clip.
    """

    def __init__(self, source: sources.Source, treatment: treatments.Treatment):
        super().__init__(source, treatment)
        if treatment.windows is not None:
            raise UserError("input.windows.enabled is for nets that learn label sequences")

    def under(self, config: ConfigDict) -> "ClassExamples":
        made = of_source(config, self.source, training=self.treatment.training)
        labels = self.source.labels
        made.check(config, {head: labels[head][:, None].tolist() for head in config.task.heads})
        return made

    def labels(self, index: int, piece: planning.Piece, frames: int) -> Example:
        return {head: ids[index] for head, ids in self._numbers.items()}

    def stack_labels(self, rows: Sequence[Example | None]) -> Batch:
        return {
            head: np.array([0 if row is None else row[head] for row in rows], np.int32)
            for head in self._numbers
        }

    def blank_labels(self, rows: int) -> Batch:
        return {head: np.zeros(rows, np.int32) for head in self._numbers}

    @property
    def _numbers(self) -> dict[str, np.ndarray]:
        """The labels, and the language where there may be several."""
        known = self.source.languages
        return self.source.labels | ({} if known is None else {"language": known})


def of_source(config: ConfigDict, source: sources.Source, *, training: bool) -> ClassExamples:
    """A source's clips under a recipe."""
    return ClassExamples(source, treatments.of_recipe(config, source, training=training))


def open_examples(config: ConfigDict, split: str, *, training: bool = False) -> ClassExamples:
    """The clips of a split, all checked, with a label of every head.

    Raises:
      UserError: what is wrong with them.
    """
    source = clips.open_source(config, split)
    labelled = clips.measured(config, sources.single_labels(source, config.task.heads))
    return of_source(config, labelled, training=training)
