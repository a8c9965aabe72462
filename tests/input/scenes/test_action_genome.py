"""Action Genome's annotations: what becomes of them, and what is refused."""

import json
import os
import pickle

import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.input.scenes import action_genome
from jaxsign.input.scenes.vocabulary import ACTION_GENOME
from tests import helpers
from tests.input.scenes.action_genome_folder import PERSON, a_person, an_object, of_frames, write

KEYS = ("A.mp4/000010.png", "A.mp4/000002.png", "A.mp4/000030.png")


def read(folder, **options):
    return action_genome.read(folder, action_genome.Options(**{"split": "train"} | options))


def cups(**changed):
    return {key: [an_object("cup/glass/bottle", **changed)] for key in KEYS}


def test_a_video(tmp_path):
    (found,) = read(of_frames(tmp_path, cups())).scenes
    assert found.frames == (KEYS[1], KEYS[0], KEYS[2])  # by their numbers
    assert found.boxes[:2].tolist() == [PERSON[0].tolist(), [5, 6, 35, 26]]
    assert found.labels.tolist() == [1, 11] * 3
    assert found.pairs.tolist() == [[0, 1], [2, 3], [4, 5]]
    told = [ACTION_GENOME.predicates[n] for n in np.flatnonzero(found.relations[0])]
    assert told == ["looking_at", "above", "in_front_of", "holding"]


def test_frames_and_videos_that_do_not_count(tmp_path):
    entries = cups() | {
        "B.mp4/000001.png": [an_object()],
        "B.mp4/000002.png": [an_object(box=None)],
        "B.mp4/000003.png": [an_object()],
        "C.mp4/000001.png": [an_object(split="test")],
        "D.mp4/000001.png": [],
    }
    persons = {key: a_person() for key in entries}
    persons["B.mp4/000003.png"] = a_person(PERSON[:0])
    found = read(write(tmp_path, persons, entries))
    assert [one.frames[0][0] for one in found.scenes] == ["A"]
    assert found.left_out == {
        "frames without a visible object": 1,
        "frames without a person": 1,
        "frames without annotated objects": 1,
        "videos of one or two frames": 1,
    }


def test_objects_that_are_small(tmp_path):
    entries = {key: [an_object(), an_object("chair", (0, 0, 16, 30))] for key in KEYS}
    found = read(of_frames(tmp_path, entries), without_small=True)
    assert found.scenes[0].labels.tolist() == [1, 2] * 3 and len(found.remarks) == 1
    assert len(read(tmp_path).scenes[0].labels) == 9
    of_frames(tmp_path, cups(), name=action_genome.WITHOUT_SMALL)
    of_frames(tmp_path, entries)
    found = read(tmp_path, without_small=True)
    assert len(found.scenes[0].labels) == 6 and not found.remarks


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "unicorn"}, "unicorn: the class is unknown"),
        ({"box": (5, 6, -3, 4)}, "corners"),
        ({"box": (5, 6, np.nan, 4)}, "corners"),
        ({"box": None, "visible": True}, "corners None"),
        ({"attention_relationship": []}, "0 labels of attention"),
        ({"attention_relationship": ["unsure", "looking_at"]}, "2 labels of attention"),
        ({"spatial_relationship": []}, "no label of spatial"),
        ({"contacting_relationship": ["hugging"]}, "contacting 'hugging' is unknown"),
    ],
)
def test_annotations_that_cannot_be_right(tmp_path, changed, message):
    entries = cups() | {KEYS[0]: [an_object(**changed)]}
    with pytest.raises(UserError, match=message) as told:
        read(of_frames(tmp_path, entries))
    assert "A.mp4/000010.png" in str(told.value)


class Harm:
    def __reduce__(self):
        return os.system, ("touch harmed",)


def test_pickles_that_would_run_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="system.*refused"):
        read(write(tmp_path / "d", {KEYS[0]: a_person() | {"more": Harm()}}, cups()))
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps(list(KEYS))])
def test_pickles_of_another_kind(tmp_path, content):
    of_frames(tmp_path, cups())
    (tmp_path / action_genome.PERSONS).write_bytes(content)
    with pytest.raises(UserError, match=r"person_bbox.pkl: .*VIDEO.mp4"):
        read(tmp_path)


def test_a_pickle_cut_short(tmp_path):
    path = of_frames(tmp_path, cups()) / action_genome.OBJECTS
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="cut short"):
        read(tmp_path)


def test_a_size_that_is_none(tmp_path):
    persons = {key: a_person() | {"bbox_size": ("wide", 48)} for key in cups()}
    write(tmp_path, persons, cups())
    with pytest.raises(UserError, match=r"bbox_size is \('wide', 48\), expected \(width, height"):
        read(tmp_path)


def test_another_list_of_classes(tmp_path):
    of_frames(tmp_path, cups())
    (tmp_path / "annotations/object_classes.txt").write_text("person\nunicorn\n")
    with pytest.raises(UserError, match="'unicorn' in place of 'bag'"):
        read(tmp_path)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 300\n"
    (tmp_path / "annotations/object_classes.txt").write_text(pointer)
    with pytest.raises(UserError, match="object_classes.txt: is a Git LFS pointer"):
        read(tmp_path)


@pytest.mark.shared
@pytest.mark.parametrize("split", ["train", "test"])
def test_recorded_videos(split):
    """Those that the original loader makes of its own files."""
    folder = helpers.SHARED / "golden/vidsgg/mini_action_genome"
    wanted = json.loads((folder / "expected.json").read_text())[split]
    for found, video in zip(read(folder, split=split).scenes, wanted, strict=True):
        assert list(found.frames) == video["frames"]
        assert found.image_sizes[0].tolist() == video["size"]
        entries = [one for frame in video["annotations"] for one in frame]
        boxes = [one["bbox"] if "cls" in one else one["person_bbox"][0] for one in entries]
        np.testing.assert_allclose(found.boxes, boxes, rtol=1e-6)
        objects = [one for one in entries if "cls" in one]
        assert found.labels[found.pairs[:, 1]].tolist() == [one["cls"] for one in objects]
        for name, part in zip(
            ("attention", "spatial", "contacting"), ACTION_GENOME.parts, strict=True
        ):
            told = [np.flatnonzero(row).tolist() for row in found.relations[:, part]]
            assert told == [sorted(one[name]) for one in objects]
