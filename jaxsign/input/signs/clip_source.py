"""Checked and labelled clips with random access, from wherever they come."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs import formats
from jaxsign.input.signs.clip import Clip

Array = np.ndarray


@dataclasses.dataclass(frozen=True)
class Source:
    """Checked examples with random access.

    Attributes:
      name: for messages.
      ids: a name for every example.
      lengths: int32 [N], frames.
      labels: int32 [N] for every head.
      class_names: names of every head's classes, as far as they are known.
      reader: i -> Clip, or an array that is already what a view would give: float32 [T, D] (or
        uint8 [T, H, W, 3] frames).
      paths: the file of every example, None where it has none.
      occluded: bool [N], where the labels tell.
      sequences: the glosses of every example in order, where it holds several.
      signers: who signs every example, "" where unknown; () where nothing tells.
      rate: frames a second of arrays that are what a view would give; 0 = not told.
      languages: int32 [N], of every example, where there may be several.
      num_languages: how many there are, also of those without an example here; 0 = not told.
    """

    name: str
    ids: list[str]
    lengths: Array
    labels: dict[str, Array]
    reader: Callable[[int], Clip | Array]
    class_names: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    paths: list[Path | None] = dataclasses.field(default_factory=list)
    occluded: Array | None = None
    sequences: list[tuple[int, ...]] | None = None
    signers: Sequence[str] = ()
    rate: float = 0.0
    languages: Array | None = None
    num_languages: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    def read(self, index: int) -> Clip | Array:
        """Example `index`."""
        return self.reader(index)

    def sample(self, count: int, seed: int = 42) -> "Source":
        """At most `count` examples, drawn at random, in their order here."""
        if len(self) <= count:
            return self
        return self.part(
            np.sort(np.random.default_rng(seed).choice(len(self), count, replace=False))
        )

    def part(self, kept: Array) -> "Source":
        """The examples at places int [n]."""
        return dataclasses.replace(
            self,
            ids=[self.ids[i] for i in kept],
            lengths=self.lengths[kept],
            labels={head: values[kept] for head, values in self.labels.items()},
            reader=formats.At(self.reader, kept.tolist()),
            paths=[self.paths[i] for i in kept] if self.paths else [],
            occluded=None if self.occluded is None else self.occluded[kept],
            sequences=None if self.sequences is None else [self.sequences[i] for i in kept],
            signers=[self.signers[i] for i in kept] if self.signers else (),
            languages=None if self.languages is None else self.languages[kept],
        )


def single_labels(source: Source, heads: Sequence[str]) -> Source:
    """The same source, whose examples have one label for every head, as classification needs.

    Raises:
      UserError: it has sentences, or no labels for a head.
    """
    missing = [head for head in heads if head not in source.labels]
    if missing:
        rest = tuple(head for head in heads if head in source.labels)
        raise UserError(
            f"{source.name}: its clips have no {' and no '.join(missing)}, but the recipe learns "
            f'it. Label them, or learn the rest alone: --config.task.heads="{rest}" '
            f'--config.loss.weights="{(1.0,) * len(rest)}"'
        )
    several = [i for i, row in enumerate(source.sequences or ()) if len(row) > 1]
    if several:
        raise UserError(
            f"{source.name}: {len(several)} of {len(source)} clips hold several glosses (first: "
            f"{source.ids[several[0]]}), but the recipe learns one sign a clip. Leave them out."
        )
    return source


def label_sequences(source: Source) -> Source:
    """The same source with `sequences` for every example; a clip of one sign has one of one gloss.

    Raises:
      UserError: its clips have no glosses.
    """
    if source.sequences is not None:
        return source
    if "gloss" not in source.labels:
        raise UserError(f"{source.name}: its clips have no gloss, but the recipe learns glosses")
    rows: list[tuple[int, ...]] = [(int(label),) for label in source.labels["gloss"]]
    return dataclasses.replace(source, sequences=rows)
