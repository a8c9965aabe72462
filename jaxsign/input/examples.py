"""Examples: the contract of anything that can be learned from.

Planning, batching, initialisation, trial steps, smoke tests, training and evaluation see nothing
else. An example has a size along each of its `k` ragged axes (clips: frames; scenes: frames, boxes,
pairs); rows of a batch are padded to a common size.
"""

import abc
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
from ml_collections import ConfigDict

from jaxsign.input import planning, traits

Array = np.ndarray
Example = Mapping[str, Any]  # arrays and numbers by name
Batch = dict[str, Array]
Facts = Mapping[str, Mapping[str, object]]  # what data tell: section of a recipe -> key -> value
Survey = list[Any] | None  # of every example what a task found: plain values, as JSON has them


class PairCounts(TypedDict, total=False):
    """Of examples with pairs that are related: `paired` [C] counts pairs by the class of their
    object, `together` [C, R] relations by class and predicate."""

    paired: list[int]
    together: list[list[int]]


def indices(batch: Batch) -> Array:
    """int [n]: which examples the rows of a batch are; those that only fill it stand behind."""
    index: Array = batch["index"]
    return index[index >= 0]


class Examples(abc.ABC):
    """Checked examples with random access, under a recipe. Workers receive a copy.

    Attributes:
      name: for messages.
      ids: a name for every example.
      sizes: int [N, k], the room that each example takes at most, its augmentation included.
      most: the size that no row goes beyond, the last of the buckets; None: the largest of `sizes`.
    """

    name: str
    ids: Sequence[str]
    sizes: Array
    most: planning.Size | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @abc.abstractmethod
    def example(
        self,
        index: int,
        rng: np.random.Generator | None = None,
        piece: planning.Piece = planning.WHOLE,
    ) -> Example:
        """Example `index`, unpadded.

        Args:
          index: which one.
          rng: the row's own generator: augmented by its draws; None: as it is.
          piece: the part of it that an epoch asks for (see `cutting`), or the whole.

        Returns:
          What `stack` takes. Its number `weight`, where there is one, says how much the row counts
          in losses and measures; without it 1.
        """

    @abc.abstractmethod
    def stack(self, rows: Sequence[Example | None], size: planning.Size) -> Batch:
        """Arrays [B, ...] of the rows, padded to `size`; masks are True where something is real.

        Args:
          rows: what `example` gave; None = a row that only fills the batch. Such a row has no
            weight, but its masks are as an example's of the smallest size, so that no net meets a
            row of nothing.
          size: that they are padded to; what goes beyond it is cut off.
        """

    @abc.abstractmethod
    def blank(self, size: planning.Size, rows: int) -> Batch:
        """A batch like those of `stack`, of zeros that all count as real."""

    def cutting(self) -> planning.Cutting:
        """The pieces that each epoch holds; default: every example whole."""
        return planning.Whole(self.sizes)

    def difficulties(self) -> Array:
        """How hard each example is to learn, float [N]: what `input.difficulty` goes by.

        Default: the room that it takes, so that short ones are easy.
        """
        return np.asarray(self.sizes, np.float64).prod(axis=1)

    def facts(self, config: ConfigDict) -> Facts:
        """What the recipe takes from its training data; default: nothing.

        Written into the run's config once.

        Raises:
          UserError: the recipe gives a number that these examples contradict.
        """
        return {}

    def traits(self, config: ConfigDict, most: int) -> Sequence[tuple[str, traits.Traits]]:
        """Numbers that tell what examples are like, with their names, of at most `most` of them.

        Those of the training examples stand in the run's manifest, so that what is unlike them can
        be told from what the run has learnt from. Default: nothing.
        """
        return ()

    def truths(self) -> Sequence[object]:
        """Labels as plain values, as far as they are known without reading; default: none."""
        return ()

    def fingerprint(self) -> str:
        """Tells these examples from others: by their order, names, sizes and `truths`."""
        known = (list(self.ids), np.asarray(self.sizes).tolist(), list(self.truths()))
        return hashlib.sha256(repr(known).encode("utf-8", "surrogateescape")).hexdigest()[:16]

    def pair_counts(self) -> PairCounts:
        """What the run's manifest keeps of training examples that are scenes; default: nothing."""
        return {}

    def remarks(self, config: ConfigDict) -> Sequence[str]:
        """What is to be said of training examples before they are learnt; default: nothing."""
        return ()

    def under(self, config: ConfigDict) -> "Examples":
        """The same examples under a recipe whose open numbers are filled in, or a stage's.

        Default: they do not depend on one.

        Raises:
          UserError: examples that the recipe's net cannot learn from.
        """
        return self

    def class_names(self, config: ConfigDict) -> Mapping[str, Sequence[str]]:
        """Names of every head's classes under a run's config, for its labels.json; default: {}."""
        return {}

    def class_counts(self, config: ConfigDict) -> Mapping[str, Array]:
        """How many examples each class of a head has: head -> int [K]; default: {}, no heads."""
        return {}

    def to_survey(self) -> "Examples | None":
        """What a task looks at before every epoch (`Task.survey`), whole and in order.

        For examples whose pieces depend on what the net finds in the whole. Default: None, no need.
        """
        return None

    def surveyed(self, found: Survey) -> None:
        """Takes what the task found in `to_survey`; holds for the pieces made from now on."""
        return None
