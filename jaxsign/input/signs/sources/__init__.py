"""Where examples come from: one file a data-set layout, with `open_split(data, split, classes)`."""

import dataclasses
import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError, did_you_mean
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

    def __len__(self) -> int:
        return len(self.ids)

    def read(self, index: int) -> Clip | Array:
        """Example `index`."""
        return self.reader(index)

    def sample(self, count: int, seed: int = 42) -> "Source":
        """At most `count` examples, drawn at random, in their order here."""
        if len(self) <= count:
            return self
        kept = np.sort(np.random.default_rng(seed).choice(len(self), count, replace=False))
        return dataclasses.replace(
            self,
            ids=[self.ids[i] for i in kept],
            lengths=self.lengths[kept],
            labels={head: values[kept] for head, values in self.labels.items()},
            reader=functools.partial(_read_of, self.reader, kept),
            paths=[self.paths[i] for i in kept] if self.paths else [],
            occluded=None if self.occluded is None else self.occluded[kept],
            sequences=None if self.sequences is None else [self.sequences[i] for i in kept],
            signers=[self.signers[i] for i in kept] if self.signers else (),
        )


def _read_of(reader: Callable[[int], Clip | Array], kept: Array, index: int) -> Clip | Array:
    return reader(int(kept[index]))


def names() -> list[str]:
    """names of the layouts: the files of this folder."""
    return sorted(i.name for i in pkgutil.iter_modules(__path__) if not i.name.startswith("_"))


def serve_all(name: str) -> bool:
    """Whether the training path of this layout may hold all splits (its file says `ONE_PATH`)."""
    return name in names() and hasattr(importlib.import_module(f"{__name__}.{name}"), "ONE_PATH")


def open_source(
    data: ConfigDict, split: str, num_classes: Mapping[str, int] | None = None
) -> Source:
    """The examples of `split` ('train', 'val', 'test') of `config.data`, all checked.

    Args:
      data: `config.data`.
      split: which.
      num_classes: classes of each head that the recipe fixes; labels beyond them are an error.

    Raises:
      UserError: everything that is wrong with the files and labels, at once.
    """
    if data.source not in names():
        near = did_you_mean(data.source, names())
        raise UserError(
            f"data.source={data.source!r} is unknown.{near} Known: {', '.join(names())}"
        )
    module = importlib.import_module(f"jaxsign.input.signs.sources.{data.source}")
    source: Source = module.open_split(data, split, dict(num_classes or {}))
    if not len(source):
        raise UserError(f"{source.name}: no examples")
    return source.sample(data.max_clips) if data.max_clips else source


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
    sequences = getattr(source, "sequences", None) or []  # other sources need not have them
    several = [i for i, row in enumerate(sequences) if len(row) > 1]
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
    if getattr(source, "sequences", None) is not None:
        return source
    if "gloss" not in source.labels:
        raise UserError(f"{source.name}: its clips have no gloss, but the recipe learns glosses")
    rows: list[tuple[int, ...]] = [(int(label),) for label in source.labels["gloss"]]
    return dataclasses.replace(source, sequences=rows)


def place(data: ConfigDict, split: str) -> tuple[Path, Path]:
    """The folder and the labels file that the recipe gives for a split.

    Raises:
      UserError: not given, or not there.
    """
    entry = data[split]
    if not entry.path:
        raise UserError(
            f"data.{split}.path is not set. Give the folder of the {split} clips: "
            f"--config.data.{split}.path=DIR"
        )
    folder = Path(entry.path)
    if not folder.is_dir():
        raise UserError(f"data.{split}.path={entry.path}: no such folder")
    return folder, Path(entry.labels) if entry.labels else folder / "labels.csv"
