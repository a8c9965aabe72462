"""How WhisperSign's data are made: Leap Motion recordings, splits, folders of videos and arrays."""

import functools
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import joint_checks, leap_motion
from jaxsign.input.signs.clip import Clip
from jaxsign.input.signs.formats import SPLITS, whispersign
from jaxsign.input.signs.preparing import label_table, labelled_videos, preparation, sharing, voya
from jaxsign.whole import json_text
from parity import cases
from parity.targets import FileCheck

Arrays = dict[str, np.ndarray]


def leap_motion_adapter(case: cases.Case) -> Arrays:
    """JSON frames, arrays of joints and bones, and a CSV file, as the original reads them."""
    names = {"normalise": "normalize_coords", "range_mm": "sensor_range_mm", "fps": "fps"}
    frames = case.call.whole("frames")
    produced: Arrays = {}
    for name, options in case.call["runs"].items():
        chosen: dict[str, Any] = options.given(**names)
        sensor = leap_motion.LeapMotion(upstream=True, **chosen)
        for frame in frames:
            sensor.add_frame(frame)
        produced[f"output/{name}"] = sensor.get_sequence()
    sensor = leap_motion.LeapMotion(upstream=True)
    joints, table = case.inputs["joints_xyz"], case.path.parent / case.call["csv"]
    return produced | {
        "output/joints_xyz_right": sensor.array(joints, "joints_xyz", "right"),
        "output/joints_xyz_left": sensor.array(joints, "joints_xyz", "left"),
        "output/flat_right": sensor.array(case.inputs["flat"], "flat", "right"),
        "output/bones_right": sensor.array(case.inputs["bones"], "bones", "right"),
        "output/T1_right": sensor.array(joints[:1], "joints_xyz", "right"),
        "output/csv_default": sensor.csv(table),
        "output/csv_left": sensor.csv(table, "left"),
    }


def keypoints(case: cases.Case) -> Arrays:
    """Keypoints of all widths as samples with labels, and what is told of those that fail."""
    produced: Arrays = {}
    lines: list[str] = []
    ids: dict[str, int] = {}
    labels_in, which_key = case.call.whole("labels_in"), case.call.whole("which_key")
    for split, name in (("train", "train"), ("val", "validation"), ("test", "test")):
        given = name if name in labels_in else split
        if given not in labels_in:
            lines.append(f"  [SKIP] Split '{split}' not found")
            continue
        kept = 0
        for i, labels in enumerate(labels_in[given]):
            key = which_key[given][i]
            try:
                x = voya.keypoints({key: case.inputs[f"{given}/{i}"]}, case.path.parent)
                joints = voya.upstream_joints(x)
            except ValueError as error:
                lines.append(f"  [ERROR] Sample {i}: {error}")
                continue
            if len(joints) < joint_checks.FEWEST:
                continue
            # A sample without a label is called by its number.
            number = _original_id(labels, str(i), ids)
            produced[f"output/features/{split}/sample_{kept:05d}"] = joints
            produced[f"output/labels/{split}/sample_{kept:05d}"] = np.array([number])
            kept += 1
    text = json_text({whispersign.BLANK: 0, **ids}).rstrip("\n")
    return produced | {"output/label_map_json": np.array(text), "output/log_lines": np.array(lines)}


def _original_id(labels: dict[str, Any], otherwise: str, ids: dict[str, int]) -> int:
    """n + 1 for a number n, which the original's map forgets, else the next one."""
    value = next((labels[key] for key in voya.LABEL if key in labels), otherwise)
    return value + 1 if isinstance(value, int) else ids.setdefault(value, len(ids) + 1)


def splits(path: Path) -> FileCheck:
    """`splits.json`: the clips of each split, by both rules; ours differ under 10 clips alone."""
    expected: dict[str, Any] = {}
    produced: dict[str, Any] = {}
    for row in json.loads(path.read_text(encoding="utf-8"))["cases"]:
        for rule in sharing.RULES:
            count, name = row["N"], f"{row['N']}/{rule}"
            expected |= {f"{name}/{split}": rows for split, rows in row[rule].items()}
            drawn = sharing.original(count, rule)
            produced |= {f"{name}/{split}": rows for split, rows in drawn.items()}
            if count >= 10:
                expected |= {f"{name}/ours/{split}": rows for split, rows in row[rule].items()}
                drawn = sharing.shares(count, rule)
                produced |= {f"{name}/ours/{split}": rows for split, rows in drawn.items()}
    return FileCheck(expected, produced)


def video_sources(path: Path) -> FileCheck:
    """`prepare_video_sources.json`: samples, labels and maps of folders of videos.

    Left out is what the original wrote before it crashed over labels that are numbers.
    """
    expected: dict[str, Any] = {}
    produced: dict[str, Any] = {}
    for i, row in enumerate(json.loads(path.read_text(encoding="utf-8"))["cases"]):
        with tempfile.TemporaryDirectory() as folder:
            found = _prepared(row, Path(folder))
        if row["error"] is None:
            expected[f"{i}/label_map"] = row["label_map_json"]
        else:
            found.pop("label_map")
        for split, samples in row["output"].items():
            expected[f"{i}/{split}"] = json.dumps(samples or [])
        produced |= {f"{i}/{key}": value for key, value in found.items()}
    return FileCheck(expected, produced)


def _prepared(row: dict[str, Any], folder: Path) -> dict[str, str]:
    """What our preparation makes of a case, with the stand-in for the extraction of keypoints."""
    places = folder / "data" / ("videos" if row["video_folder"] == "videos" else "")
    places.mkdir(parents=True)
    for name in row["video_files"]:
        (places / name).touch()
    (folder / row["csv_name"]).write_text(row["csv"], encoding="utf-8")
    table = label_table.read(folder / row["csv_name"], named=row["kind"] == "kaggle")
    there, _ = labelled_videos.located(table, folder / "data", folder / "clips")
    read = {name: functools.partial(_stand_in, name) for name in there}
    found = labelled_videos.collection(table, read)
    wanted = preparation.Shares("original", row["kind"])
    out = folder / "out"
    preparation.write(preparation.share(found, wanted), out, missing="upstream")
    made = {"label_map": (out / whispersign.MAP).read_text(encoding="utf-8").rstrip("\n")}
    for split in SPLITS:
        samples = []
        for path in sorted((out / split / "features").glob("*.npy")):
            x, label = np.load(path), np.load(out / split / "labels" / path.name)
            shape, number = list(x.shape), round(float(x[0, 0, 0]))
            samples.append([path.name, shape, str(x.dtype), number, label.tolist()])
        made[split] = json.dumps(samples)
    return made


def _stand_in(name: str) -> Clip:
    """Video number n: 3 or 6 to 12 frames whose x are n + t / 100; some cannot be read."""
    number = int("".join(letter for letter in name if letter.isdigit()))
    if number % 17 == 11:
        raise UserError("unreadable")
    frames = 3 if number % 13 == 5 else 6 + number % 7
    landmarks = np.full((frames, clips.POINTS, 3), np.nan, np.float32)
    landmarks[:, np.r_[clips.LEFT_HAND, clips.RIGHT_HAND]] = 0
    landmarks[:, np.r_[clips.LEFT_HAND, clips.RIGHT_HAND], 0] = (
        number + np.arange(frames)[:, None] / 100
    )
    return Clip(landmarks, np.arange(frames) / 30, fps=30.0)
