"""What SignON does to points before a net sees them."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input import windows
from jaxsign.input.signs.views import signon
from parity import cases
from parity.targets import FileCheck

Arrays = dict[str, np.ndarray]


def postprocess(case: cases.Case) -> Arrays:
    """Every stage of both generations' preprocessing."""
    rescaled = signon.rescale(case.inputs["raw"], case.call["inverse_aspect_ratio"])
    imputed = signon.impute(rescaled.copy())
    filled = np.nan_to_num(imputed)
    in_model = filled.astype(np.float32)
    produced = {
        "output/rescaled": rescaled,
        "output/imputed": imputed,
        "output/zero_filled": filled,
        "output/postprocess": signon.postprocess(
            case.inputs["raw"], case.call["inverse_aspect_ratio"]
        ),
        "output/model_normalized_f32": signon.normalise_in_model(in_model),
        "output/model_features_f32": signon.features(in_model, missing="upstream"),
    }
    check_absences(case, produced)
    return produced


def check_absences(case: cases.Case, produced: Arrays) -> None:
    """What is NaN in the original must be NaN here: the comparison itself passes over it."""
    for name in case.call.get("nan", ()):
        if name in produced and (np.isnan(case.expected[name]) & ~np.isnan(produced[name])).any():
            raise UserError(f"{case.path}: {name} has a number where the original has NaN")


def imputation_neighbours(path: Path) -> FileCheck:
    """`impute_indices.json`: the frames around each missing one."""
    expected: dict[str, Any] = {}
    produced: dict[str, Any] = {}
    for number, row in enumerate(_read(path)["cases"]):
        before, after = signon.neighbours(np.asarray(row["missing"], int), row["maximum"])
        expected[f"{number}"] = list(row["result"].values())
        produced[f"{number}"] = np.stack([before, after], axis=-1).tolist()
    return FileCheck(expected, produced)


def fixed_length_frames(path: Path) -> FileCheck:
    """`frame_indices.json`: the 16 frames that stand for a clip of any length."""
    table = _read(path)["table"]
    return FileCheck(table, {frames: windows.fixed_length(int(frames)) for frames in table})


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
