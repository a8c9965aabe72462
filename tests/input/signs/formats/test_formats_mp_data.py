"""The tutorial's layout: MP_Data/WORD/N/F.npy."""

import numpy as np
import pytest

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.input.signs import clip as clips
from jaxsign.input.signs import formats, sources
from jaxsign.input.signs.validate import validate_format

FACE = slice(132, 1536)
LEFT, RIGHT = slice(1536, 1599), slice(1599, 1662)


def frames(count, seed=0, width=1662):
    return np.random.default_rng(seed).uniform(0.2, 0.8, (count, width))


def a_folder(root, words=("hello", "thanks"), count=2, length=3):
    """MP_Data as the tutorial writes it; the frames by the sequences' names."""
    held = {}
    for word in words:
        for number in range(count):
            name = f"{word}/{number}"
            held[name] = frames(length, len(held))
            (root / name).mkdir(parents=True)
            for i, frame in enumerate(held[name]):
                np.save(root / name / f"{i}.npy", frame)
    return held


def test_frames_are_read_in_the_order_of_their_numbers(tmp_path, caplog):
    held = a_folder(tmp_path, length=12)
    (tmp_path / "hello" / "0" / "._3.npy").write_bytes(b"macOS")
    found = formats.open_collection(tmp_path)
    assert (found.format, found.problems) == ("mp_data", [])
    assert [(e.name, e.glosses) for e in found.entries] == [
        (name, (name.partition("/")[0],)) for name in sorted(held)
    ]
    clip = found.read(1)
    rows = held["hello/1"]
    assert len(clip) == found.frames(1) == 12 and clip.fps == 30
    pose = rows[:, :132].reshape(12, 33, 4)
    for part, values in (
        (clips.POSE, pose[..., :3]),
        (clips.FACE, rows[:, FACE].reshape(12, 468, 3)),
        (clips.LEFT_HAND, rows[:, LEFT].reshape(12, 21, 3)),
        (clips.RIGHT_HAND, rows[:, RIGHT].reshape(12, 21, 3)),
    ):
        np.testing.assert_array_equal(clip.landmarks[:, part], values.astype(np.float32))
    np.testing.assert_array_equal(clip.visibility, pose[..., 3].astype(np.float32))
    assert "30 assumed" in caplog.text and "--source-fps" in caplog.text


def test_a_given_rate_is_taken_and_nothing_assumed(tmp_path, caplog):
    a_folder(tmp_path)
    clip = formats.open_collection(tmp_path, fps=15).read(0)
    np.testing.assert_allclose(clip.timestamps, [0, 1 / 15, 2 / 15])
    assert "assumed" not in caplog.text


def test_a_part_of_zeros_was_not_found(tmp_path):
    rows = frames(3)
    rows[1, LEFT] = rows[2, :132] = rows[0, FACE] = 0
    rows[0, RIGHT.start] = 0  # one number of zero is a place
    np.save(tmp_path / "a.npy", rows)
    clip = formats.open_collection(tmp_path / "a.npy").read(0)
    seen = {name: shown.tolist() for name, shown in clip.presence.items()}
    assert seen == {
        "face": [False, True, True],
        "left_hand": [True, False, True],
        "pose": [True, True, False],
        "right_hand": [True, True, True],
    }
    assert clip.visibility[2].tolist() == [0] * 33


@pytest.mark.parametrize(("width", "pose"), [(258, 4), (225, 3)])
def test_short_forms_have_no_face(tmp_path, width, pose):
    rows = frames(4, width=width).astype(np.float32)
    (tmp_path / "hello").mkdir()
    np.save(tmp_path / "hello" / "7.npy", rows)
    found = formats.open_collection(tmp_path)
    assert [(e.name, e.glosses) for e in found.entries] == [("hello/7", ("hello",))]
    clip = found.read(0)
    assert found.frames(0) == 4 and np.isnan(clip.landmarks[:, clips.FACE]).all()
    points = rows[:, : 33 * pose].reshape(4, 33, pose)
    np.testing.assert_array_equal(clip.landmarks[:, clips.POSE], points[..., :3])
    np.testing.assert_array_equal(clip.landmarks[:, clips.RIGHT_HAND].reshape(4, 63), rows[:, -63:])
    assert (clip.visibility is None) == (pose == 3)


def test_parts_of_the_layout_alone(tmp_path):
    held = a_folder(tmp_path / "MP_Data")
    place = tmp_path / "MP_Data" / "thanks"
    word = formats.open_collection(place)
    assert [(e.name, e.glosses) for e in word.entries] == [("0", ()), ("1", ())]
    sequence = formats.open_collection(place / "1")
    assert [(e.name, e.glosses) for e in sequence.entries] == [("1", ())]
    expected = held["thanks/1"][:, :3].astype(np.float32)
    np.testing.assert_array_equal(sequence.read(0).landmarks[:, clips.POSE.start], expected)
    assert len(formats.open_collection(place / "1" / "2.npy").read(0)) == 1


def test_splits_stand_before_words_and_a_word_may_be_called_train(tmp_path):
    a_folder(tmp_path / "apart" / "train", ("hello",), 1)
    a_folder(tmp_path / "apart" / "val", ("hello",), 1)
    found = formats.open_collection(tmp_path / "apart").entries
    assert [(e.split, e.glosses) for e in found] == [("train", ("hello",)), ("val", ("hello",))]
    a_folder(tmp_path / "words", ("train",), 1)
    found = formats.open_collection(tmp_path / "words").entries
    assert [(e.split, e.glosses) for e in found] == [("", ("train",))]


def test_gaps_are_told_and_other_counts_are_fine(tmp_path, caplog):
    held = a_folder(tmp_path, ("hello",), 2, 5)
    (tmp_path / "hello" / "1" / "3.npy").unlink()
    (tmp_path / "hello" / "0" / "4.npy").unlink()
    found = formats.open_collection(tmp_path)
    assert [found.frames(i) for i in range(2)] == [4, 4] and not found.problems
    assert "1 of 2 sequences lack frames" in caplog.text and "hello/1 lacks 1" in caplog.text
    kept = held["hello/1"][[0, 1, 2, 4], 0].astype(np.float32)
    np.testing.assert_array_equal(found.read(1).landmarks[:, clips.POSE.start, 0], kept)


def test_what_is_wrong_is_named(tmp_path):
    a_folder(tmp_path, ("a", "b", "c", "d/deeper"), 1)
    np.save(tmp_path / "a" / "0" / "1.npy", np.zeros(1434))
    np.save(tmp_path / "b" / "0" / "00.npy", np.zeros(1662))
    np.save(tmp_path / "c" / "0" / "last.npy", np.zeros(1662))
    np.save(tmp_path / "words.npy", np.array(["a", "b"]))
    text = validate_format(tmp_path).text()
    assert "1.npy: [1434] float64, expected numbers [1662]" in text
    assert "00.npy" in text and "has the number of 0" in text.replace("0.npy", "0")
    assert "last.npy: its name has no number" in text
    assert "1 sequences lie deeper than WORD/N (first: d/deeper/0)" in text
    assert "words.npy\n  * [2], expected a frame of 1662, 258, 225 numbers" in text


def test_one_word_in_both_forms_of_unicode_is_one_class(tmp_path):
    a_folder(tmp_path, ("caf\u00e9",), 1)
    a_folder(tmp_path / "other", ("cafe\u0301",), 1)
    (tmp_path / "other" / "cafe\u0301" / "0").rename(tmp_path / "other" / "cafe\u0301" / "5")
    (tmp_path / "other" / "cafe\u0301").rename(tmp_path / "cafe\u0301")
    found = formats.open_collection(tmp_path)
    assert found.classes()[0] == ("caf\u00e9",) and len(found) == 2


def test_training_reads_it(tmp_path):
    a_folder(tmp_path)
    data = configs.base().data
    data.source, data.train.path, data.source_fps = "collection", str(tmp_path), 10.0
    source = sources.open_source(data, "train")
    assert source.class_names["gloss"] == ("hello", "thanks")
    assert source.labels["gloss"].tolist() == [0, 0, 1, 1] and source.lengths.tolist() == [3] * 4
    assert source.read(3).fps == 10
    with pytest.raises(UserError, match="no clips of the split val"):
        data.val.path = ""
        sources.open_source(data, "val")
