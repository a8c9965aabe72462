"""How WhisperSign cuts a stream into windows and puts their glosses together."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.input import windows
from jaxsign.input.signs import windowing
from jaxsign.input.signs.rows import Rows
from jaxsign.tasks.sequences import stitching
from parity.targets import FileCheck, whispersign_input

_FRAMES_A_PUSH = 7


def sliding_window(path: Path) -> FileCheck:
    """`sliding_window.json`: where windows lie, also when frames come bit by bit; their merge."""
    places = whispersign_input.window_places(path)
    recorded = json.loads(path.read_text(encoding="utf-8"))
    expected, produced = dict(places.expected), dict(places.produced)
    for i, row in enumerate(recorded["segmentation"]):
        expected[f"{i}/pushed"] = row["windows"]
        produced[f"{i}/pushed"] = _pushed(row)
    for i, row in enumerate(recorded["merge"]):
        expected[f"merge{i}"] = row["merged"]
        produced[f"merge{i}"] = _merged(row["window_outputs"])
    return FileCheck(expected, produced)


def _pushed(row: dict[str, Any]) -> list[list[int]]:
    """First frame and real frames of each window of a stream of T frames."""
    sizes = windows.sizes(row["window_duration"], row["overlap"], row["sample_rate"])
    cutter = windowing.Windows(*sizes, to_the_end=True)
    times = np.arange(row["T"], dtype=np.float64)
    found = []
    for start in range(0, len(times), _FRAMES_A_PUSH):
        part = times[start : start + _FRAMES_A_PUSH]
        found += cutter.push(Rows(part[:, None].astype(np.float32), part, part))
    found += cutter.finish()
    return [[int(window.rows.times[0]), len(window.rows)] for window in found]


def _merged(outputs: list[list[int]]) -> list[int]:
    merger, found = stitching.Merger(), []
    for ids in outputs:
        found += merger.push([stitching.GlossRun(i, 0.0, 0.0, 1.0, 1) for i in ids])
    return [run.id for run in found]
