"""Clips with one label for every head."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from jaxsign import stages
from jaxsign.errors import UserError
from jaxsign.input import planning
from jaxsign.input.examples import Batch, Example
from jaxsign.input.signs import clip_source
from jaxsign.input.signs import treatment as treatments
from jaxsign.tasks import clips

_FEW = 5  # clips of a class that hardly teach it


class ClassExamples(clips.SignExamples):
    """Clips `x` [T, ...] and under every head's name its label, int32 [B] in a batch.

    Where there may be several languages, `language` int32 [B] is that of each clip.
    """

    def __init__(
        self, source: clip_source.Source, treatment: treatments.Treatment, *, balanced: str = ""
    ):
        """Clips whose epochs have equally many of each class of the head `balanced`, "" = all."""
        super().__init__(source, treatment)
        self._balanced = balanced
        if treatment.windows is not None:
            raise UserError("input.windows.enabled is for nets that learn label sequences")

    def under(self, config: ConfigDict) -> "ClassExamples":
        made = of_source(config, self.source, training=self.treatment.training)
        labels = self.source.labels
        made.check(config, {head: labels[head][:, None].tolist() for head in config.task.heads})
        made.check_languages(config)
        return made

    def check_languages(self, config: ConfigDict) -> None:
        """Raises UserError for a language that the net has no vector of: JAX takes the last one."""
        told, known = int(config.net.get("languages", 0)), self.source.languages
        if told and known is not None and max(known) >= told:
            raise UserError(
                f"{self.ids[int(known.argmax())]} is of language {max(known)}, but "
                f"net.languages={told}: languages are 0 to {told - 1}"
            )

    def cutting(self) -> planning.Cutting:
        whole = super().cutting()
        if not self._balanced:
            return whole
        labels = self.source.labels[self._balanced]
        return planning.Balanced(whole.sizes, labels, self.treatment.seed)

    def facts(self, config: ConfigDict) -> dict[str, Mapping[str, object]]:
        """Those of all signs, and how many clips each class has where a stage weighs by it.

        Raises:
          UserError: a net is told of more or fewer languages than there are folders.
        """
        found = super().facts(config)
        told, count = int(config.net.get("languages", 0)), self.source.num_languages
        if told and count and told != count:
            raise UserError(
                f"net.languages={told}, but {self.name} are {count} languages, one a folder. Set "
                f"--config.net.languages={count}, or 0 for a net that is not told the language"
            )
        if any(row.config.loss.class_weights for row in stages.resolve(config)):
            counts = self._counts({**config.net, **found["net"]}, config.task.heads)
            rows = tuple(tuple(counts[head].tolist()) for head in config.task.heads)
            found["loss"] = {"class_counts": rows}
        return found

    def remarks(self, config: ConfigDict) -> list[str]:
        """Heads of one class, and classes of hardly any clips, with the three of the fewest."""
        found, alone, names = [], super().remarks(config), self.class_names(config)
        for head, counts in self._counts(config.net, config.task.heads).items():
            if np.count_nonzero(counts) == 1:
                alone.append(
                    f"all training clips are {names[head][int(counts.argmax())]!r}: there is no "
                    f"other {head} to tell from it, and every answer will be the same"
                )
            few = int((counts < _FEW).sum())
            least = np.argsort(counts, kind="stable")[:3].tolist()
            if few:
                told = ", ".join(f"{names[head][i]!r} has {counts[i]}" for i in least)
                found.append(f"{few} of {len(counts)} classes of {head} ({told})")
        if not found:
            return alone
        advice = " (--config.loss.class_weights=balanced makes rare classes count as others do)"
        if config.loss.name == "label_smoothing":  # which has no such weights
            advice = " (--config.data.sampler=balanced draws rare classes as often as others)"
        balanced = config.loss.class_weights or config.data.sampler
        told = f"{' and '.join(found)}: fewer than {_FEW} training clips. More clips help most"
        return [*alone, told + ("" if balanced else advice)]

    def class_counts(self, config: ConfigDict) -> dict[str, np.ndarray]:
        return self._counts(config.net, config.task.heads)

    def _counts(self, net: Mapping[str, Any], heads: Sequence[str]) -> dict[str, np.ndarray]:
        """int [K] by head: clips of every class."""
        return {
            head: np.bincount(self.source.labels[head], minlength=int(net[f"num_{head}"]))
            for head in heads
        }

    def truths(self) -> list[list[int]]:
        return [ids.tolist() for ids in self._numbers.values()]

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


def of_source(config: ConfigDict, source: clip_source.Source, *, training: bool) -> ClassExamples:
    """A source's clips under a recipe."""
    balanced = config.task.heads[0] if training and config.data.sampler else ""
    treatment = treatments.of_recipe(config, source, training=training)
    return ClassExamples(source, treatment, balanced=balanced)


def open_examples(config: ConfigDict, split: str, *, training: bool = False) -> ClassExamples:
    """The clips of a split, all checked, with a label of every head.

    Raises:
      UserError: what is wrong with them.
    """
    source = clips.open_source(config, split)
    labelled = clips.measured(config, clip_source.single_labels(source, config.task.heads))
    return of_source(config, labelled, training=training)
