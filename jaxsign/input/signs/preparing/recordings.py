"""Recordings of a Leap Motion sensor as samples."""

import functools
from pathlib import Path

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs.leap_motion import LeapMotion
from jaxsign.input.signs.preparing.samples import Sample, below

SUFFIXES = (".json", ".csv", ".npy", ".npz")


def find(folder: Path, sensor: LeapMotion, hand: str = "right", table: str = "") -> list[Sample]:
    """The recordings below a folder.

    Args:
      folder: where they lie; the folders within are splits and glosses, see `samples.below`.
      sensor: how they are read.
      hand: whose joints these are, where a recording does not tell.
      table: the file of the labels, which is no recording.

    Raises:
      UserError: there is none.
    """
    found = [
        sample
        for sample in below(folder, SUFFIXES, functools.partial(_read, sensor, hand))
        if not (table and sample.path and sample.path.samefile(table))
    ]
    if not found:
        raise UserError(f"{folder}: no recordings ({', '.join(SUFFIXES)}) in it or below")
    return found


def _read(sensor: LeapMotion, hand: str, path: Path) -> tuple[np.ndarray, str]:
    return sensor.load(path, hand), ""
