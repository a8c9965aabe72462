"""Scenes: what is refused, and their file."""

import dataclasses
import json

import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.input.scenes import scene, vocabulary
from jaxsign.input.scenes.vocabulary import ACTION_GENOME, Group, Vocabulary

WORDS = Vocabulary(
    ("__background__", "person", "cup"),
    (Group("look", ("at", "away"), "one"), Group("touch", ("holding", "near"), "several")),
)


def made(**changed):
    """Two frames with a person and a cup each, and a pair in each; `changed` replaces fields."""
    fields = dict(
        source="films/a",
        vocabulary=WORDS,
        frames=("a/1.png", "a/2.png"),
        image_sizes=np.full((2, 2), 64),
        boxes=np.array([[0, 0, 20, 40], [30, 30, 40, 40]] * 2, np.float32),
        box_frames=np.array([0, 0, 1, 1]),
        labels=np.array([1, 2, 1, 2]),
        scores=np.ones(4),
        pairs=np.array([[0, 1], [2, 3]]),
        pair_frames=np.array([0, 1]),
        relations=np.array([[1, 0, 1, 1], [0, 1, 0, 0]], bool),
        labelled=np.array([True, True]),
    )
    return scene.Scene(**fields | changed)


def test_size_and_counts():
    found = made(box_frames=np.array([0, 0, 0, 1]), pairs=np.array([[0, 1], [0, 2]]),
                 pair_frames=np.array([0, 0]))  # fmt: skip
    assert found.size == (2, 3, 2)
    assert found.boxes_of_frames.tolist() == [3, 1]
    assert found.pairs_of_frames.tolist() == [2, 0]


def test_a_scene_without_boxes_has_a_size():
    none = np.zeros((0, 4), np.float32)
    empty = np.zeros(0, np.int32)
    found = made(boxes=none, box_frames=empty, labels=empty, scores=empty, pairs=none[:, :2],
                 pair_frames=empty, relations=none > 0, labelled=empty > 0)  # fmt: skip
    assert found.size == (2, 1, 1)


def test_file_holds_everything(tmp_path):
    given = made(
        times=np.array([0.0, 0.5]),
        distribution=np.full((4, 2), 0.5, np.float32),
        features=np.arange(12, dtype=np.float32).reshape(4, 3),
        union_features=np.ones((2, 7, 7, 5), np.float16),
    )
    read = scene.load(given.save(tmp_path / "a.scene.npz"))
    for field in dataclasses.fields(scene.Scene):
        if field.name != "source":
            one, other = getattr(given, field.name), getattr(read, field.name)
            assert np.array_equal(one, other), field.name
            assert getattr(one, "dtype", None) == getattr(other, "dtype", None)
    assert read.source == str(tmp_path / "a.scene.npz")


BOX = [[0, 0, 20, 40], [30, 30, 40, 40]]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"frames": ()}, "no frame"),
        ({"frames": ("a", "a")}, "one name"),
        ({"times": np.array([1.0, 0.0])}, "times decrease"),
        ({"image_sizes": np.zeros((2, 2), int)}, "image_sizes: row 0"),
        ({"boxes": np.array([[20, 0, 0, 40], BOX[1], *BOX], float)}, "boxes: row 0.*reversed"),
        ({"boxes": np.array([[np.nan, 0, 0, 40], BOX[1], *BOX])}, "boxes: row 0 holds NaN"),
        ({"labels": np.array([1, 3, 1, 2])}, "labels: row 1 is 3, expected 0 to 2"),
        ({"scores": np.array([1, 1, 1.5, 1])}, "scores: row 2 is 1.5, expected 0 to 1"),
        ({"features": np.ones((3, 5), np.float32)}, r"features \[3, 5\], expected \[4, any\]"),
        ({"features": np.full((4, 5), np.nan, np.float32)}, "features: row 0 holds NaN"),
        ({"union_features": np.ones((2, 3, 3, 8), np.float32)}, "union_features"),
        ({"union_features": np.full((2, 7, 7, 1), np.nan, np.float16)}, "union_features: row 0"),
        ({"union_features": np.full((2, 7, 7, 1), -np.inf, np.float16)}, "union_features: row 0"),
        ({"distribution": np.ones((4, 3), np.float32)}, r"distribution \[4, 3\], expected \[4, 2"),
        ({"pairs": np.array([[0, 1], [2, 4]])}, "pairs: row 1.*rows of the 4 boxes"),
        ({"pairs": np.array([[0, 1], [2, 1]])}, "pairs: row 1.*own frame"),
        ({"pairs": np.array([[0, 0], [2, 3]])}, "pairs: row 0.*two boxes"),
        ({"box_frames": np.array([0, 1, 0, 1])}, "box_frames decrease"),
        ({"pair_frames": np.array([0, 2])}, "pair_frames: row 1 is 2, expected a frame from 0"),
        ({"relations": np.zeros((2, 4), bool)}, "exactly one relation of group 'look'"),
        ({"relations": np.ones((2, 4), bool)}, "row 0 is 2.*exactly one"),
        ({"labelled": np.array([True, False])}, "no relations where a pair is not labelled"),
    ],
)
def test_impossible_scenes_are_refused(changed, told):
    with pytest.raises(UserError, match=f"^films/a: is no good scene: .*{told}"):
        made(**changed)


def test_empty_boxes_and_boxes_beyond_the_image_are_held():
    boxes = np.array([[5, 5, 5, 40], [30, 30, 400, 40], *BOX])
    assert np.array_equal(made(boxes=boxes).boxes, boxes.astype(np.float32))


def detected():
    """Boxes of a detector, with a pair that nobody labelled, and what is true: `made`'s."""
    found = dict(pairs=np.array([[0, 1]]), pair_frames=np.array([1]), labelled=np.array([False]),
                 boxes=np.array([[1, 2, 20, 40], [31, 30, 44, 40]]), labels=np.array([1, 2]),
                 box_frames=np.array([1, 1]), scores=np.array([0.9, 0.6]),
                 relations=np.zeros((1, 4), bool))  # fmt: skip
    return made(**found, truth=made())


def test_what_is_true_beside_detected_boxes_is_kept(tmp_path):
    given = detected()
    found = scene.load(given.save(tmp_path / "a.scene.npz"))
    assert len(found.boxes) == 2 and not found.labelled.any()
    for name, value in made().arrays().items():
        if name != "source":
            assert np.array_equal(found.truth.arrays()[name], value)
    held = given.arrays()
    np.savez(tmp_path / "b.scene.npz", **{k: v for k, v in held.items() if k != "true_labels"})
    with pytest.raises(UserError, match="b.scene.npz.*true_labels are missing"):
        scene.load(tmp_path / "b.scene.npz")
    held["true_boxes"] = held["true_boxes"][:, ::-1]
    np.savez(tmp_path / "c.scene.npz", **held)
    with pytest.raises(UserError, match=r"c.scene.npz: what is true .*boxes: row 0.*reversed"):
        scene.load(tmp_path / "c.scene.npz")
    with pytest.raises(UserError, match="other frames"):
        made(truth=made(frames=("a/1.png", "a/3.png")))


def test_files_that_are_no_scenes_are_refused(tmp_path):
    path = made().save(tmp_path / "a.scene.npz")
    held = dict(np.load(path))
    del held["boxes"]
    np.savez(path, **held)
    with pytest.raises(UserError, match="no scene file: boxes are missing"):
        scene.load(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match="not an .npz file"):
        scene.load(path)
    with pytest.raises(UserError, match="must end with"):
        made().save(tmp_path / "a.npz")


def test_action_genome_has_the_published_numbers():
    words = ACTION_GENOME
    assert len(words.objects) == 37 and [len(group) for group in words.groups] == [3, 6, 17]
    assert [words.objects[i] for i in (5, 8, 9, 11, 17, 23, 24, 31, 36)] == [
        "book", "chair", "closet/cabinet", "cup/glass/bottle", "food", "paper/notebook",
        "phone/camera", "sofa/couch", "window",
    ]  # fmt: skip
    assert [words.predicates[i] for i in (0, 2, 3, 8, 9, 17, 25)] == [
        "looking_at", "unsure", "above", "in", "carrying", "not_contacting", "writing_on",
    ]  # fmt: skip
    assert [group.reversed for group in words.groups] == [False, True, False]


def test_vocabularies_are_read_back_and_compared():
    text = json.loads(ACTION_GENOME.to_json())
    assert vocabulary.from_json(text, "here") == ACTION_GENOME
    text["objects"][2:4] = text["objects"][3:1:-1]
    other = vocabulary.from_json(text, "here")
    with pytest.raises(UserError, match="here: objects are the same names in another order: num"):
        vocabulary.check_same(other, ACTION_GENOME, "here")
    with pytest.raises(UserError, match="predicate 'holdin' is unknown. Did you mean 'holding'"):
        ACTION_GENOME.predicate("holdin", "here")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"objects": ["a"]}, "are no classes of scenes"),
        ({"objects": ["__background__", "cup", "person"], "groups": []}, "begin with"),
        ({"objects": ["__background__", "person", "a", "a"], "groups": []}, "'a' stands there"),
        ({"objects": ["__background__", "person", "a"],
          "groups": [{"name": "g", "predicates": ["x"], "kind": "all"}]}, "kind is 'all'"),
    ],
)  # fmt: skip
def test_impossible_classes_are_refused(value, told):
    with pytest.raises(UserError, match=f"^classes.json: .*{told}"):
        vocabulary.from_json(value, "classes.json")
