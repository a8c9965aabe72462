"""What the ASL hybrid does to training clips, and how it puts batches together."""

import json
from pathlib import Path

import numpy as np

from jaxsign.input.signs import clip_examples
from jaxsign.input.signs.augment import features, points
from parity import cases
from parity.targets import FileCheck

Arrays = dict[str, np.ndarray]


def augmentation(case: cases.Case) -> Arrays:
    """Affine, frame mask and distortion with the recorded draws."""
    x, call = case.inputs["x"], case.call
    drawn, hidden = call["affine"], call["mask"]
    drawn.get("angle_degrees_drawn_but_unused")  # in the original; ours turns by 0 degrees
    shift = (drawn["shift_x"], drawn["shift_y"])
    hidden.one_of("count_formula", "int(T*0.05)")
    hidden.one_of(f"count_at_T{len(x)}", int(len(x) * 0.05))
    call.section("distortion").one_of("normals", "input/normals")
    return {
        "output/affine": points.affine(x, drawn["scale"], shift, degrees=0.0),
        "output/masked": features.mask_frames(x, np.asarray(hidden["frames"])),
        "output/distorted": points.distort(x, case.inputs["normals"]),
    }


def collate(case: cases.Case) -> Arrays:
    """A batch padded with zeros to its longest clip."""
    clips = [case.inputs[f"clip{i}"] for i in range(len(case.call["labels"]))]
    longest = max(map(len, clips))
    return {
        "output/batch": np.array(clip_examples.pad(clips, longest, clips[0])["x"]),
        "output/labels": np.asarray(case.call["labels"], np.int64),
    }


def resample_indices(path: Path) -> FileCheck:
    """`augment_resample_indices.json`: the frames that another speed keeps."""
    recorded = json.loads(path.read_text(encoding="utf-8"))["cases"]
    found = {
        name: points.resample_indices(row["T"], row["scale"]) for name, row in recorded.items()
    }
    return FileCheck({name: row["indices"] for name, row in recorded.items()}, found)
