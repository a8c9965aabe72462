"""What FSLR does to clips before a net sees them: gap filling, occlusion, validation."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.input.signs import clean, occlusion, validate
from parity import cases
from parity.targets import FileCheck

Arrays = dict[str, np.ndarray]
_FLAGS: dict[str, dict[str, bool]] = {
    "default": {},
    "require_x2048": {"require_x2048": True},
    "no_iv3": {"check_iv3": False},
    "no_transformer_no_iv3": {"check_transformer": False, "check_iv3": False},
}
_LOAD_ERROR = "npz load error: "


def interpolate_gaps(case: cases.Case) -> Arrays:
    """Gap filling with every `max_gap`, then clipped as the original's chain does."""
    case.call.one_of("then", "clip to [0,1], float32")
    produced = {}
    for gap in case.call.get("max_gap", [5]):
        x, visible = clean.interpolate_gaps(case.inputs["X"], case.inputs["mask"], gap)
        produced[f"output/X_gap{gap}"] = np.clip(x, 0, 1)
        produced[f"output/mask_gap{gap}"] = visible
    return produced


def _clips(case: cases.Case) -> dict[str, dict[str, Any]]:
    """What jaxsign finds in every recorded clip, in the original's way."""
    case.call.one_of("output_format", "detailed")
    case.call.one_of("expected_json", f"{case.name}.json")
    inputs = case.inputs
    return {
        clip: occlusion.detect(inputs[f"{clip}/X"], inputs[f"{clip}/mask"], "upstream")
        for clip in case.call["clips"]
    }


def occlusion_detection(case: cases.Case) -> Arrays:
    """Hand over face: a flag, a rate and a count a clip, detection and confidence a frame."""
    produced: Arrays = {}
    for clip, found in _clips(case).items():
        frames = found["detailed_results"]
        values = {key: found[key] for key in ("binary_flag", "occlusion_rate", "occluded_frames")}
        values["frame_detected"] = [frame["occlusion_detected"] for frame in frames]
        values["frame_confidence"] = [frame["confidence"] for frame in frames]
        produced |= {f"output/{clip}/{key}": np.asarray(v) for key, v in values.items()}
    return produced


def occlusion_report(path: Path) -> FileCheck:
    """`occlusion.json`: the whole report of the same clips, the covered regions included."""
    recorded = json.loads(path.read_text(encoding="utf-8"))["expected"]
    found = _clips(cases.load(path.with_suffix(".npz")))
    return FileCheck(_rows(recorded), _rows(found), {"default": [0, 1e-6]})


def _rows(reports: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Reports as arrays; the regions of a frame as one word, in alphabetical order."""
    rows: dict[str, Any] = {}
    for clip, report in reports.items():
        frames = report["detailed_results"]
        rows |= {f"{clip}/{k}": v for k, v in report.items() if k != "detailed_results"}
        for key in ("frame_idx", "occlusion_detected", "confidence"):
            rows[f"{clip}/{key}"] = [frame[key] for frame in frames]
        rows[f"{clip}/regions"] = ["+".join(sorted(f["occluded_regions"])) for f in frames]
    return rows


def validator_messages(path: Path) -> FileCheck:
    """`validate_npz/`: what the validator says of good and broken files, flag set by flag set."""
    recorded = json.loads((path / "expected.json").read_text(encoding="utf-8"))
    expected: dict[str, Any] = {}
    produced: dict[str, Any] = {}
    for flags, options in _FLAGS.items():
        issues = validate.validate_tree(path, **options).issues
        for name, wanted in recorded["upstream_messages"].items():
            messages = [_general(message) for message in issues.get(path / name, [])]
            produced[f"{flags}/{name}"] = "; ".join(messages)
            expected[f"{flags}/{name}"] = "; ".join(_mended(name, flags, wanted[flags]))
    return FileCheck(expected, produced)


def _general(message: str) -> str:
    """The words after a load error are those of the library that failed."""
    return _LOAD_ERROR + "<message>" if message.startswith(_LOAD_ERROR) else message


def _mended(name: str, flags: str, messages: list[str]) -> list[str]:
    """The original's messages without two that jaxsign does not give.

    Features are optional unless required (the original asked for them by default), and where they
    are required a file of features alone is good data for IV3-GRU.
    """
    if flags == "require_x2048":
        return [] if name == "missing_X.npz" else messages
    return [message for message in messages if message != "missing key: X2048 (required)"]
