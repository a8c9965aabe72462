"""Folders of Clip files (`<stem>.clip.npz`) with a labels.csv: file, gloss, cat."""

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.input import labels
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs.sources import Source, place


def open_split(data: ConfigDict, split: str, num_classes: Mapping[str, int]) -> Source:
    """The source of a split; every row and file is checked before it is returned.

    Raises:
      UserError: lists all problems of all rows.
    """
    table = labels.read_table(*place(data, split), num_classes, (clips.SUFFIX, ".npz"), split)
    problems = table.problems
    paths = [table.folder / f"{stem}{clips.SUFFIX}" for stem in table.stems]
    kept, lengths = [], []
    for i, path in enumerate(paths):
        if not path.is_file() and data.missing == "skip":
            continue
        try:
            lengths.append(len(clips.load(path)))
            kept.append(i)
        except UserError as error:
            problems.append(str(error))
    labels.raise_all(problems, f"{split} data {table.folder}")
    table.log_skipped(len(kept))
    return Source(
        name=str(table.folder),
        ids=[table.stems[i] for i in kept],
        lengths=np.asarray(lengths, np.int32),
        labels={head: values[kept] for head, values in table.labels.items()},
        reader=functools.partial(_read, [paths[i] for i in kept]),
        class_names=labels.label_map(data.label_map, num_classes),
        paths=[paths[i] for i in kept],
        occluded=None if table.occluded is None else table.occluded[kept],
    )


def _read(paths: list[Path], index: int) -> clips.Clip:
    return clips.load(paths[index])
