"""WhisperSign's processed data with the features as they are stored: float32 [T, 42, 7] at 60 fps.

Format and labels are those of `input/signs/formats/whispersign`; through `data.source=collection`
the same folder gives clips, whose velocities and confidences are made anew. Any other format is
read as a collection.
"""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxsign.input.signs.formats import whispersign
from jaxsign.input.signs.sources import Source, collection

ONE_PATH = True  # one path may serve all splits
Array = np.ndarray


def open_split(data: ConfigDict, split: str, num_classes: Mapping[str, int]) -> Source:
    """The labelled clips of a split.

    Raises:
      UserError: lists all problems of all clips.
    """
    source = collection.open_split(data, split, num_classes)
    place = Path(data[split].path or data.train.path)
    # At another rate the view has to make new frames, which it does from clips.
    if not whispersign.recognises(place) or whispersign.rate(place) != whispersign.FPS:
        return source
    paths = tuple(path for path in source.paths if path is not None)
    return dataclasses.replace(source, reader=functools.partial(_read, paths), rate=whispersign.FPS)


def _read(paths: Sequence[Path], index: int) -> Array:
    return whispersign.read(paths[index])
