"""What WhisperSign does to training clips, with the draws that were recorded."""

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.input.signs.augment import features, joints
from parity import cases
from parity.targets import FileCheck

Arrays = dict[str, np.ndarray]
Draws = Iterator[np.ndarray]
Options = Mapping[str, Any]


def augmentation(case: cases.Case) -> Arrays:
    """Gesture masks, jitter and noise apart, and the three in their order."""
    known = {"GestureMasking": _masked, "TemporalJitter": _shifted, "NoiseInjection": _noisy}
    steps = {"mask": [_masked], "jitter": [_shifted], "noise": [_noisy]}
    steps["all"] = [known[name] for name in case.call["all"].get("order", list(known))]
    draws = _draws(case)
    case.call.one_of("seeds", sorted({int(name.split("/")[1]) for name in draws}))
    produced: Arrays = {}
    for name, numbers in draws.items():
        kind = name.split("/")[0]
        drawn, x = iter(numbers), case.inputs["clip"]
        for step in steps[kind]:
            x = step(x, drawn, case.call[kind])
        produced[f"output/{name}"] = x
    return produced


def _draws(case: cases.Case) -> dict[str, list[np.ndarray]]:
    """The numbers of every run, in the order they were drawn."""
    return {
        name: [case.inputs[f"draw/{name}/{i}_{kind}"] for i, kind in enumerate(kinds)]
        for name, kinds in case.call["draws"].items()
    }


def _masked(x: np.ndarray, drawn: Draws, options: Options) -> np.ndarray:
    longest = options.get("max_temporal_mask", 10)
    x = joints.mask_joints(x, next(drawn) < options.get("joint_mask_prob", 0.15))
    if next(drawn) < options.get("temporal_mask_prob", 0.1):
        count, first = int(next(drawn)), int(next(drawn))
        assert 1 <= count <= longest, f"a mask of {count} frames where {longest} are the most"
        x = features.mask_frames(x, slice(first, first + count))
    return x


def _shifted(x: np.ndarray, drawn: Draws, options: Options) -> np.ndarray:
    shift, furthest = int(next(drawn)), options.get("max_shift", 2)
    assert abs(shift) <= furthest, f"a shift of {shift} frames where {furthest} are the most"
    return joints.shift_frames(x, shift)


def _noisy(x: np.ndarray, drawn: Draws, options: Options) -> np.ndarray:
    noise, std = next(drawn), options.get("std", 0.005)
    assert abs(noise.std() / std - 1) < 0.1, f"noise of {noise.std()} in place of {std}"
    return joints.add_noise(x, noise, absent="upstream")


def jitter(path: Path) -> FileCheck:
    """`temporal_jitter.json`: one sequence moved by each shift."""
    row = json.loads(path.read_text(encoding="utf-8"))
    shifted = functools.partial(joints.shift_frames, np.array(row["input"]))
    found = {shift: shifted(int(shift)) for shift in row["by_shift"]}
    return FileCheck(row["by_shift"], found)
