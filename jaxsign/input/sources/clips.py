"""Folders of Clip files (`<stem>.clip.npz`) with a labels.csv: file, gloss, cat."""

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.input import clip as clips
from jaxsign.input.sources import Source, _labels, npz, place


def open_split(data: ConfigDict, split: str, num_classes: Mapping[str, int]) -> Source:
    """The source of a split; every row and file is checked before it is returned.

    Raises:
      UserError: lists all problems of all rows.
    """
    folder, table = place(data, split)
    rows = _labels.read_rows(table)
    problems: list[str] = []
    stems = [npz.stem_of(row.cells["file"]).removesuffix(".clip") for row in rows]
    labels = {
        head: _labels.class_ids(rows, head, num_classes.get(head, 0), problems, table)
        for head in ("gloss", "cat")
    }
    occluded = _labels.occluded(rows, problems, table)
    _labels.duplicates(rows, stems, problems, table)
    paths = [folder / f"{stem}{clips.SUFFIX}" for stem in stems]
    lengths = np.zeros(len(paths), np.int32)
    for i, path in enumerate(paths):
        try:
            lengths[i] = len(clips.load(path))
        except UserError as error:
            problems.append(str(error))
    _labels.raise_all(problems, f"{split} data {folder}")
    return Source(
        name=str(folder),
        ids=stems,
        lengths=lengths,
        labels=labels,
        reader=functools.partial(_read, paths),
        class_names=_labels.label_map(data.label_map, num_classes),
        paths=list(paths),
        occluded=occluded,
    )


def _read(paths: list[Path], index: int) -> clips.Clip:
    return clips.load(paths[index])
