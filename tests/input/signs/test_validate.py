"""The validator: recorded messages of the original, and files that it could not handle."""

import json
import shutil

import helpers
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats, validate

FOLDER = helpers.GOLDEN / "fslr" / "validate_npz"
RECORDED = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))["upstream_messages"]
FLAGS = {
    "default": {},
    "require_x2048": {"require_x2048": True},
    "no_iv3": {"check_iv3": False},
    "no_transformer_no_iv3": {"check_transformer": False, "check_iv3": False},
}
# Where jaxsign differs on purpose: features are optional unless required, and enough if required.
MENDED = {("ok_no_x2048.npz", "default"): [], ("missing_X.npz", "require_x2048"): []}
ORDER = "pose25,left_hand21,right_hand21,face11"
META = {"dims_per_frame": 156, "keypoints_total": 78, "order": ORDER}


@pytest.mark.parametrize("flags", FLAGS)
def test_messages_of_the_original(flags):
    report = validate.validate_tree(FOLDER, **FLAGS[flags])
    assert [path.name for path in report.files] == sorted(RECORDED)
    for path in report.files:
        expected = MENDED.get((path.name, flags), RECORDED[path.name][flags])
        found = report.issues.get(path, [])
        if expected == ["npz load error: <message>"]:
            assert len(found) == 1 and found[0].startswith("npz load error: ")
        else:
            assert found == expected, path.name
    assert report.exit_code == 2


def _arrays(**changes):
    arrays = {
        "X": np.full((4, 156), 0.5, np.float32),
        "mask": np.ones((4, 78), bool),
        "timestamps_ms": np.arange(4, dtype=np.int64) * 33,
        "meta": np.str_(json.dumps(META)),
        "X2048": np.ones((4, 2048), np.float32),
    } | changes
    return {key: value for key, value in arrays.items() if value is not None}


def _messages(folder, arrays, **flags):
    np.savez(folder / "clip.npz", **arrays)
    return validate.validate_file(folder / "clip.npz", **flags)


def test_report_names_files_and_messages(tmp_path):
    (tmp_path / "b" / "c").mkdir(parents=True)
    np.savez(tmp_path / "good.npz", **_arrays())
    np.savez(tmp_path / "b" / "c" / "bad.npz", **_arrays(mask=None))
    np.savez(tmp_path / ".half written.npz", **_arrays(mask=None))
    report = validate.validate_tree(tmp_path)
    bad = tmp_path / "b" / "c" / "bad.npz"
    assert report.text() == f"Checked 2 files; 1 with issues.\n- {bad}\n  * missing key: mask"
    bad.unlink()
    clean = validate.validate_tree(tmp_path)
    assert (clean.text(), clean.exit_code) == ("Checked 1 files; 0 with issues.", 0)
    assert validate.validate_tree(tmp_path / "good.npz").files == [tmp_path / "good.npz"]


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        validate.validate_tree(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"X2048": np.ones((5, 2048), np.float32)}, []),
        ({"X": np.ones((5, 2048), np.float32)}, []),
        ({"X": np.full((5, 2048), np.nan, np.float32)}, ["X has non-finite values"]),
        ({"X2048": np.ones((5, 9), np.float32)}, ["X2048 bad shape/dtype: (5, 9) float32"]),
        ({"X2048": np.ones((0, 2048), np.float32)}, ["empty sequence (T == 0)"]),
        (
            {"X2048": np.ones((5, 2048), np.float32), "timestamps_ms": np.array([3, 2])},
            [
                "T mismatch among X2048/timestamps_ms",
                "timestamps_ms not monotonic nondecreasing",
            ],
        ),
    ],
)
def test_features_alone_are_enough_where_they_are_required(tmp_path, arrays, expected):
    assert _messages(tmp_path, arrays, require_x2048=True) == expected
    assert _messages(tmp_path, arrays) != []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.full((4, 156), "a")}, "X bad shape/dtype: (4, 156) <U1"),
        ({"X": np.float32(1)}, "X bad shape/dtype: () float32"),
        ({"mask": np.full((4, 78), "y")}, "mask bad shape/dtype: (4, 78) <U1"),
        ({"timestamps_ms": np.array(list("abcd"))}, "timestamps_ms bad shape/dtype: (4,) <U1"),
        ({"timestamps_ms": np.int64(0)}, "timestamps_ms bad shape/dtype: () int64"),
        ({"X2048": np.full((4, 2048), "a")}, "X2048 bad shape/dtype: (4, 2048) <U1"),
        ({"meta": np.arange(3)}, "meta field is not a JSON-encoded string"),
        ({"meta": np.str_("[1]")}, "bad meta json: expected an object, found list"),
        ({"X": np.full((4, 156), np.inf, np.float32)}, "X has non-finite values"),
    ],
)
def test_odd_types_are_reported_without_a_crash(tmp_path, change, message):
    assert message in _messages(tmp_path, _arrays(**change))


def test_pickled_and_single_arrays_are_load_errors(tmp_path):
    found = _messages(tmp_path, _arrays(X=np.array([{"a": 1}], object)))
    assert len(found) == 1 and found[0].startswith("npz load error: ")
    with open(tmp_path / "single.npz", "wb") as file:
        np.save(file, np.ones(3))
    (message,) = validate.validate_file(tmp_path / "single.npz")
    assert message.startswith("npz load error: ") and "not an .npz file" in message


def _sidecar(path, rows=4, bits=78, **columns):
    table = {"t_ms": list(range(rows)), "mask_bits": ["1" * bits] * rows} | columns
    table = {key: value for key, value in table.items() if value is not None}
    pyarrow.parquet.write_table(pyarrow.table(table), path)


def test_parquet_beside_the_clip(tmp_path):
    shutil.copy(FOLDER / "ok.npz", tmp_path / "a.b.npz")
    check, sidecar = validate.validate_file, tmp_path / "a.b.parquet"
    _sidecar(sidecar)
    assert check(tmp_path / "a.b.npz") == []
    _sidecar(sidecar, rows=3, bits=77)
    assert check(tmp_path / "a.b.npz") == [
        "parquet row count 3 != T 4",
        "parquet mask_bits not length 78 for all rows",
    ]
    _sidecar(sidecar, mask_bits=None)
    assert check(tmp_path / "a.b.npz") == ["parquet missing column: mask_bits"]
    sidecar.write_bytes(b"no parquet")
    assert check(tmp_path / "a.b.npz")[0].startswith("parquet read error: ")
    assert check(tmp_path / "a.b.npz", skip_parquet=True) == []


@pytest.mark.parametrize("name", ["clips", "google_islr", "pose", "store"])
def test_other_formats_are_read_as_what_they_are(tmp_path, capsys, name):
    points = np.full((3, 543, 3), 0.5, np.float32)
    for stem in ("a", "b"):
        clips.Clip(points, np.arange(3) / 30, fps=30.0).save(tmp_path / "in" / f"{stem}.clip.npz")
    place = tmp_path / name
    formats.write_collection(formats.open_collection(tmp_path / "in"), place, name)
    assert cli.main(["validate", str(place)]) == 0
    assert "Checked 2 files; 0 with issues." in capsys.readouterr().out
    if name != "store":
        path = sorted(place.rglob(f"*{formats.get(name).suffix}"))[0]
        path.write_bytes(path.read_bytes()[:200])
        assert cli.main(["validate", str(place)]) == 2
        assert f"- {path}" in capsys.readouterr().out
