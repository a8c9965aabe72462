"""Checks of WhisperSign's processed data."""

import json

import numpy as np
import pytest

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.input.signs import joint_checks


def hands(frames=12, seed=0):
    x = np.random.default_rng(seed).uniform(0.3, 0.5, (frames, 42, 7)).astype(np.float32)
    x[..., 6] = 1
    return x


def a_folder(folder, samples):
    """Samples as {"train/name": (features, ids or None)}."""
    for name, (x, ids) in samples.items():
        split, stem = name.split("/")
        for kind, array in (("features", x), ("labels", ids)):
            if array is not None:
                (folder / split / kind).mkdir(parents=True, exist_ok=True)
                np.save(folder / split / kind / f"{stem}.npy", np.asarray(array))
    (folder / "label_map.json").write_text(json.dumps({"<blank>": 0, "A": 1, "B": 2}))


def messages(report):
    found = {**report.issues, **report.warnings}
    return {f"{p.parent.parent.name}/{p.stem}": "; ".join(texts) for p, texts in found.items()}


def test_good_data_pass(tmp_path, capsys):
    a_folder(tmp_path, {"train/a": (hands(), [1, 2]), "val/a": (hands(), [1])})
    report = joint_checks.check_folder(tmp_path)
    assert not report.issues and not report.warnings and report.files == 2
    assert report.parts["train"].lengths == [12] and report.parts["train"].glosses == {1: 1, 2: 1}
    assert cli.main(["validate", str(tmp_path)]) == 0
    assert "Checked 2 samples; 0 with issues, 0 with warnings." in capsys.readouterr().out


def test_everything_wrong_is_told_at_once(tmp_path, capsys):
    broken = hands()
    broken[3, 0, 0] = np.inf
    (tmp_path / "train" / "features").mkdir(parents=True)
    (tmp_path / "train" / "features" / "cut.npy").write_bytes(b"\x93NUMPY")
    samples = {
        "train/inf": (broken, [1]),
        "train/shape": (np.zeros((5, 21, 3)), [1]),
        "train/short": (hands(3), [1]),
        "train/ids": (hands(), [3, 0]),
        "train/long": (hands(12), [1, 1, 2]),
        "train/alone": (None, [1]),
        "val/fits": (hands(13), [1, 1, 2]),
    }
    a_folder(tmp_path, samples)
    found = messages(joint_checks.check_folder(tmp_path))
    assert "1 of 12 frames hold NaN or infinite values (first: frame 3)" in found["train/inf"]
    assert "[5, 21, 3] float64, expected numbers [T, 42, 7]" in found["train/shape"]
    assert "3 frames, expected at least 4" in found["train/short"]
    assert "label ids [3, 0] are not in label_map.json (ids 1 to 2)" in found["train/ids"]
    assert "its 3 glosses need 4 output frames, but 12 frames give 3" in found["train/long"]
    assert "a label without features" in found["train/alone"]
    assert "not a readable .npy file" in found["train/cut"]
    assert len(found) == 7
    assert cli.main(["validate", str(tmp_path)]) == 2
    assert "7 with issues" in capsys.readouterr().out


def test_odd_data_are_warnings(tmp_path):
    empty, pixels, far = hands(), hands(), hands()
    empty[2:] = 0
    pixels[..., :3] *= 640
    far[:, 20, 0] = 4.5
    samples = {"empty": empty, "pixels": pixels, "far": far}
    a_folder(tmp_path, {f"train/{name}": (x, [1]) for name, x in samples.items()})
    report = joint_checks.check_folder(tmp_path)
    found = messages(report)
    assert not report.issues and report.exit_code == 0
    assert found["train/empty"] == "no hand in 10 of 12 frames"
    assert "raw pixels?" in found["train/pixels"]
    assert (
        "hand lengths from its wrist" in found["train/far"] and "pixels" not in found["train/far"]
    )


def test_folders_that_are_none(tmp_path):
    (tmp_path / "train" / "features").mkdir(parents=True)
    with pytest.raises(UserError, match="label_map.json: no such file"):
        joint_checks.check_folder(tmp_path)
    a_folder(tmp_path, {})
    with pytest.raises(UserError, match="holds no samples"):
        joint_checks.check_folder(tmp_path)
