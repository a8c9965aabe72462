import json

import helpers
import making
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats
from jaxsign.input.signs.formats import _google_parquet, google_islr

MINI = helpers.GOLDEN / "asl_hybrid" / "mini_islr"
# The order of the ASL hybrid's model: face, pose, left hand, right hand.
MODEL = np.r_[clips.FACE, clips.POSE, clips.LEFT_HAND, clips.RIGHT_HAND]


def written(tmp_path, clip, change=lambda table: table):
    """A file of the clip's points after `change` of its table."""
    path = tmp_path / "x.parquet"
    google_islr.write_clip(path, clip)
    pyarrow.parquet.write_table(change(pyarrow.parquet.read_table(path)), path)
    return path


def load(path):
    return formats.open_collection(path).read(0)


def test_the_small_data_set():
    recorded = json.loads((MINI.parent / "mini_islr_expected.json").read_text())
    found = formats.open_collection(MINI)
    assert found.format == "google_islr" and found.glosses == ("hello", "please", "thankyou")
    bad = list(found.problems)
    good = []
    for i, entry in enumerate(found.entries):
        try:
            clip = found.read(i)
        except UserError as error:
            bad.append(str(error))
            with pytest.raises(UserError):  # the length tells a bad file too
                found.frames(i)
            continue
        assert len(clip) == found.frames(i)
        good.append((int(entry.name.split("/")[1]), found.glosses.index(entry.glosses[0])))
        assert entry.signer == entry.name.split("/")[0]
        # Absent rows are absent points; the model's tensor has zeros there.
        tensor = _google_parquet.read_tensor(entry.path)
        there = ~np.isnan(clip.landmarks[:, MODEL])
        np.testing.assert_array_equal(tensor[there], clip.landmarks[:, MODEL][there])
    assert good == [(row["sequence_id"], row["label"]) for row in recorded["loaded"]]
    assert len(bad) == len(recorded["rejected"])
    text = "\n".join(bad)
    for word in ("9000000.parquet: has no rows", "column(s) z", "9000002", "'zebra'", "9000004"):
        assert word in text


def test_points_are_placed_by_type_and_index_not_by_order(tmp_path):
    clip = making.clip(4)
    order = np.random.default_rng(0).permutation(4 * 543)
    path = written(tmp_path, clip, lambda table: table.take(order))
    np.testing.assert_array_equal(load(path).landmarks, clip.landmarks)


def test_missing_types_unknown_types_and_irises(tmp_path):
    def change(table):
        kind = np.array(table["type"].to_pylist(), object)
        index = table["landmark_index"].to_numpy().copy()
        kind[kind == "left_hand"] = "tail"
        iris = np.flatnonzero(kind == "face")[:3]
        index[iris] = (468, 472, 477)
        table = table.set_column(2, "type", pyarrow.array(kind))
        return table.set_column(3, "landmark_index", pyarrow.array(index))

    clip = making.clip(2, visibility=False)
    found = load(written(tmp_path, clip, change)).landmarks
    assert np.isnan(found[:, clips.LEFT_HAND]).all()
    np.testing.assert_array_equal(found[:, clips.POSE], clip.landmarks[:, clips.POSE])
    assert np.isnan(found[0, :3]).all()


def test_repeated_rows_are_fine_if_they_agree(tmp_path):
    clip = making.clip(3)
    path = written(
        tmp_path, clip, lambda table: pyarrow.concat_tables([table, table.slice(5, 900)])
    )
    np.testing.assert_array_equal(load(path).landmarks, clip.landmarks)

    def contradict(table):
        again = table.slice(480, 1)
        return pyarrow.concat_tables([table, again.set_column(4, "x", pyarrow.array([0.123]))])

    with pytest.raises(UserError, match="1 rows repeat a point.*frame 0, left_hand 12"):
        load(written(tmp_path, clip, contradict))


def test_an_index_beyond_its_type_is_an_error(tmp_path):
    def change(table):
        index = table["landmark_index"].to_numpy().copy()
        index[470] = 33
        return table.set_column(3, "landmark_index", pyarrow.array(index))

    with pytest.raises(
        UserError, match="row 470: left_hand has landmark_index 33, expected 0 to 20"
    ):
        load(written(tmp_path, making.clip(1), change))


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("frame", pyarrow.nulls(543, pyarrow.int16()), "543 rows without a value"),
        ("frame", pyarrow.array(np.full(543, 0.5)), "whole numbers"),
        ("x", pyarrow.array(["a"] * 543), "column x holds string"),
        ("frame", pyarrow.array(np.full(543, 1e300)), "whole numbers"),
        ("type", pyarrow.array(np.zeros((543,)).tolist()), "none of face, .*; found 0"),
        ("type", pyarrow.array(["FACE", "HAND", None] * 181), "none of face, .*; found FACE, HAND"),
        ("x", pyarrow.array(np.full(543, 1e300)), "infinite"),
        ("z", pyarrow.array(np.full(543, np.inf)), "infinite"),
    ],
)
def test_other_contents_are_errors_that_name_the_file(tmp_path, column, values, words):
    def change(table):
        return table.set_column(table.column_names.index(column), column, values)

    path = written(tmp_path, making.clip(1, visibility=False), change)
    with pytest.raises(UserError, match=f"x.parquet.*{words}"):
        load(path)


def test_a_column_that_stands_twice_is_an_error(tmp_path):
    path = written(tmp_path, making.clip(1), lambda table: table.append_column("x", table["y"]))
    with pytest.raises(UserError, match="x.parquet: has several columns of the name x"):
        load(path)


def test_a_damaged_file_of_ours_never_gives_another_clip(tmp_path):
    clip, path = making.clip(2), tmp_path / "x.parquet"
    google_islr.write_clip(path, clip)
    data = path.read_bytes()
    random = np.random.default_rng(0)
    failed = 0
    for place in random.integers(4, len(data), 60):
        damaged = bytearray(data)
        damaged[place] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        try:
            np.testing.assert_array_equal(load(path).landmarks, clip.landmarks)
        except UserError:
            failed += 1
    assert failed > 40


def test_gaps_in_the_numbering_are_gaps_in_time(tmp_path):
    def change(table):
        frames = table["frame"].to_numpy().copy()
        frames[frames == 2] = 7
        return table.set_column(0, "frame", pyarrow.array(frames))

    path = written(tmp_path, making.clip(3), change)
    np.testing.assert_allclose(load(path).timestamps * 30, [0, 1, 7])
    assert _google_parquet.read_tensor(path, 2).shape == (2, 543, 3)


def test_a_folder_split_into_train_and_test(tmp_path):
    for part, signs in (("train", {"a": 0, "b": 1}), ("test", {"a": 0, "b": 1})):
        folder = tmp_path / part
        google_islr.write_clip(folder / "f" / "1.parquet", making.clip())
        (folder / "train.csv").write_text(
            "path,participant_id,sequence_id,sign\nf/1.parquet,9,1,b\n"
        )
        (folder / google_islr.INDEX).write_text(json.dumps(signs))
    found = formats.open_collection(tmp_path)
    assert [(e.name, e.split, e.glosses) for e in found.entries] == [
        ("train/f/1", "train", ("b",)),
        ("test/f/1", "test", ("b",)),
    ]
    (tmp_path / "test" / google_islr.INDEX).write_text(json.dumps({"a": 1, "b": 0}))
    with pytest.raises(UserError, match="same index map"):
        formats.open_collection(tmp_path)
    (tmp_path / "test" / google_islr.INDEX).unlink()
    (tmp_path / "test" / "train.csv").write_text("path,sign\n")
    with pytest.raises(
        UserError, match="sign_to_prediction_index_map.json: no such file. Expected"
    ):
        formats.open_collection(tmp_path)


@pytest.mark.shared
def test_real_files_in_another_row_order_have_hands_at_the_wrists():
    found = formats.open_collection(helpers.SHARED / "data" / "islr_parquet_fingerspelling")
    assert len(found) == 96 and not found.problems and len(found.glosses) == 24
    distances = []
    for i in range(len(found)):
        points = found.read(i).landmarks[0, :, :2]
        hands = points[[clips.LEFT_HAND.start, clips.RIGHT_HAND.start]]
        wrists = points[[clips.POSE.start + 15, clips.POSE.start + 16]]
        distances.append(np.linalg.norm(hands - wrists, axis=1))
    left, right = np.median(distances, axis=0)
    assert left < 0.01 and right < 0.03


def a_folder(
    folder, rows, numbers='{"a": 0, "b": 1}', header="path,participant_id,sequence_id,sign"
):
    google_islr.write_clip(folder / "train_landmark_files" / "1.parquet", making.clip(1))
    (folder / "train.csv").write_text("\n".join([header, *rows]) + "\n")
    (folder / google_islr.INDEX).write_text(numbers)
    return folder


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ('{"a": 0.4, "b": 1.9}', "the number of 'a' is 0.4"),
        ('{"a": false, "b": true}', "the number of 'a' is False"),
        ('{"a": Infinity, "b": 1}', "the number of 'a' is inf"),
        ('{"a": 0, "b": 1, "a": 1, "b": 0}', "'a' stands 2 times"),
        ('{"a": 0, "b": 2}', "must be 0 to 1, each once"),
        ('["a", "b"]', "not readable"),
        ("[" * 100_000, "not readable"),
    ],
)
def test_index_maps_that_are_none(tmp_path, numbers, words):
    folder = a_folder(tmp_path, ["train_landmark_files/1.parquet,7,1,a"], numbers)
    with pytest.raises(UserError, match=f"{google_islr.INDEX}: .*{words}"):
        formats.open_collection(folder)


def test_one_file_under_two_spellings_is_told(tmp_path):
    paths = ("train_landmark_files/1.parquet", "./train_landmark_files//1.parquet")
    found = formats.open_collection(a_folder(tmp_path, [f"{path},7,1,a" for path in paths]))
    assert [entry.name for entry in found.entries] == ["1"]
    assert len(found.problems) == 1 and "line 3" in found.problems[0]


@pytest.mark.parametrize("header", ["path,participant_id,sequence_id,sign,sign", "x" * 200_000])
def test_headers_that_are_none(tmp_path, header):
    rows = ["train_landmark_files/1.parquet,7,1,a,b"]
    with pytest.raises(UserError, match=r"train.csv( line 1)?: (has several columns|not readable)"):
        formats.open_collection(a_folder(tmp_path, rows, header=header))
