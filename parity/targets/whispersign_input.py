"""What WhisperSign does to hands before its net sees them."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.input import windows
from jaxsign.input.signs import hand_joints
from jaxsign.input.signs.clean import splines
from jaxsign.input.signs.views import whisper_sign
from parity import cases
from parity.targets import FileCheck

Arrays = dict[str, np.ndarray]


def normalisers(case: cases.Case) -> Arrays:
    """Wrists to the origin, hands to one length: apart and in turn."""
    produced: Arrays = {}
    for name, clip in case.inputs.items():
        spatial = hand_joints.centre_on_wrists(clip)
        produced |= {
            f"output/{name}/spatial": spatial,
            f"output/{name}/scale_only": hand_joints.scale_by_hand(clip, "upstream"),
            f"output/{name}/spatial_then_scale": hand_joints.scale_by_hand(spatial, "upstream"),
            f"output/{name}/L_ref": hand_joints.hand_lengths(clip, "upstream"),
        }
    return produced


def resampling(case: cases.Case) -> Arrays:
    """The spline through everything, and its times."""
    produced: Arrays = {}
    for name, options in case.call["cases"].items():
        x, times = splines.resample_to_fixed_rate(
            case.inputs[f"{name}/x"], case.inputs[f"{name}/timestamps"], options.get("rate", 60.0)
        )
        produced |= {f"output/{name}/x": x, f"output/{name}/timestamps": times}
    return produced


def preprocessing(case: cases.Case) -> Arrays:
    """Windows, lengths, masks, moving averages and feature scalers."""
    clip, train = case.inputs["clip"], case.inputs["scaler_train"]
    resampled = case.call.section("pad_resampled")
    resampled.one_of("timestamps", "arange(T)/30")
    rate = resampled.get("rate", 60)
    produced: Arrays = {}
    for i, row in enumerate(case.call["windows"]):
        window, hop = windows.sizes(row["window_duration"], row["overlap"], row["sample_rate"])
        covered = windows.cover(len(clip), window, hop)
        produced[f"output/windows{i}"] = windows.cut(clip, covered, window)
    for name in case.expected:
        _, kind, *word = name.split("/")
        if kind == "pad":
            produced[name] = windows.fit_length(clip, int(word[0]))
        elif kind == "pad_resampled":
            made, _ = splines.resample_to_fixed_rate(clip, np.arange(len(clip)) / 30, rate)
            produced[name] = windows.fit_length(made, int(word[0])).astype(np.float32)
        elif kind == "mask":
            valid, length = map(int, word[0].split("_of_"))
            produced[name] = windows.fit_length(np.ones(valid, bool), length)
        elif kind == "smooth":
            produced[name] = hand_joints.moving_average(clip, int(word[0]))
    return produced | _scalers(clip, train)


def _scalers(clip: np.ndarray, train: np.ndarray) -> Arrays:
    constant = train.copy()
    constant[..., hand_joints.CONFIDENCE] = 0.9
    fit = hand_joints.FeatureScaler.fit
    produced = {
        "output/scaler_constant": fit(constant)(constant),
        "output/scaler_constant_minmax": fit(constant, "minmax")(constant),
    }
    for method in ("standard", "minmax"):
        scaler = fit(train, method)
        produced[f"output/scaler_{method}"] = scaler(clip[:, :3])
        produced[f"output/scaler_{method}_train"] = scaler(train)
    return produced


def loaded_folder(case: cases.Case) -> Arrays:
    """The samples of a folder, normalised whole, then cut or padded, labels in one row."""
    folder, length = case.path.parent / case.call["data"], case.call.get("max_seq_length", 1500)
    case.call.one_of("augment", False)
    produced: Arrays = {}
    for split in ("train", "val", "test"):
        paths = sorted((folder / split / "features").glob("*.npy"))
        labels = [_labels(folder / split / "labels" / path.name) for path in paths]
        x = [whisper_sign.WhisperSignView(missing="upstream")(_array(path)) for path in paths]
        produced |= {
            f"output/{split}/features": np.stack([windows.fit_length(one, length) for one in x]),
            f"output/{split}/labels": np.concatenate(labels),
            f"output/{split}/feature_lengths": np.array([min(len(one), length) for one in x]),
            f"output/{split}/label_lengths": np.array([len(row) for row in labels]),
        }
    return produced


def _array(path: Path) -> np.ndarray:
    return np.load(path, allow_pickle=False)


def _labels(path: Path) -> np.ndarray:
    return _array(path) if path.exists() else np.zeros(0, np.int64)


def window_places(path: Path) -> FileCheck:
    """`sliding_window.json`: where windows lie, in streams and in data preparation."""
    expected: dict[str, Any] = {}
    produced: dict[str, Any] = {}
    for i, row in enumerate(json.loads(path.read_text(encoding="utf-8"))["segmentation"]):
        window, hop = windows.sizes(row["window_duration"], row["overlap"], row["sample_rate"])
        found = {
            "window_frames": window,
            "step_frames": hop,
            "windows": windows.stream(row["T"], window, hop),
            "create_sliding_windows": windows.cover(row["T"], window, hop),
        }
        produced |= {f"{i}/{key}": value for key, value in found.items()}
        expected |= {f"{i}/{key}": row[key] for key in found}
    return FileCheck(expected, produced)
