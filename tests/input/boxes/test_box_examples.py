"""Images with boxes as examples: sizes, mirrors, padding, classes, frames of scenes."""

import dataclasses

import numpy as np
import PIL.Image
import pytest
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.input.boxes import examples, of_scenes, source
from jaxsign.input.scenes import pictures, rendered, synthetic

SIZES = (40, 30), (20, 60)
BOXES = np.array([[4, 2, 20, 12], [0, 0, 40, 30]], np.float32)


def image(index):
    """A picture that tells left from right."""
    width, height = SIZES[index]
    made = np.zeros((height, width, 3), np.uint8)
    made[..., 0] = np.linspace(0, 250, width).astype(np.uint8)
    return made


def made(side=30, sides=(), flip=0.0):
    rows = [
        source.BoxedImage("wide", SIZES[0], BOXES, np.array([2, 1], np.int32),
                          np.array([False, True])),
        source.BoxedImage("tall", SIZES[1], BOXES[:0], np.zeros(0, np.int32), np.zeros(0, bool)),
    ]  # fmt: skip
    names = "__background__", "cup", "person"
    return examples.BoxExamples(source.BoxSource("it", names, rows, image), side, sides, flip)


def test_images_of_two_shapes_are_padded_and_what_is_ignored_is_nothing_to_find():
    found = made(side=60)
    np.testing.assert_array_equal(found.sizes, [[64, 80, 2], [192, 64, 1]])
    batch = found.stack([found.example(0), None, found.example(1)], (192, 80, 2))
    assert batch["image_sizes"].tolist() == [[60, 80], [16, 16], [180, 60]]
    np.testing.assert_allclose(batch["scales"], [2, 1, 3])
    np.testing.assert_array_equal(batch["true_boxes"][0], BOXES * 2)
    assert batch["valid_true"].tolist() == [[True, False], [False] * 2, [False] * 2]
    assert batch["ignored"].tolist() == [[False, True], [False] * 2, [False] * 2]
    wanted, _ = pictures.scaled(image(0), 60)
    np.testing.assert_array_equal(batch["images"][0, :60], wanted)
    assert not batch["images"][0, 60:].any() and not batch["images"][1].any()
    blank = found.blank((64, 80, 2), 3)
    assert {k: (v.shape, v.dtype) for k, v in blank.items()} == {
        k: (v.shape, v.dtype) for k, v in found.stack([None] * 3, (64, 80, 2)).items()
    }


def test_a_mirror_turns_boxes_with_the_image_and_sizes_are_drawn_by_the_rows_key():
    found = made(side=30, flip=1.0)
    rows = [found.example(0, np.random.default_rng(0)), found.example(0)]
    np.testing.assert_array_equal(rows[0]["image"], rows[1]["image"][:, ::-1])
    np.testing.assert_array_equal(rows[0]["boxes"][0], [20, 2, 36, 12])
    several = made(side=30, sides=(30, 48, 60))
    assert several.sizes[0].tolist() == [64, 80, 2]  # the room of the largest
    sides = [several.example(0, np.random.default_rng(i))["image"].shape[0] for i in range(30)]
    assert {*sides} == {30, 48, 60}
    again = [several.example(0, np.random.default_rng(i))["image"].shape[0] for i in range(30)]
    assert sides == again
    assert several.example(0)["image"].shape[0] == 30


def test_the_recipe_takes_classes_and_shapes_from_the_data():
    config, found = configs.load("faster_rcnn:boxes"), made()
    facts = found.facts(config)
    assert facts["net"] == {"num_classes": 3}
    assert facts["task"] == {"objects": ("__background__", "cup", "person")}
    assert facts["input"]["buckets"] == ((32, 48, 2), (96, 32, 1))
    config.net.num_classes = 37
    with pytest.raises(UserError, match=r"net.num_classes=37, but the data have 3"):
        found.facts(config)
    config.task.objects = ("__background__", "person", "cup")
    again = found.under(config)
    assert again.example(0)["labels"].tolist() == [1, 2]
    assert again.class_counts(config)["objects"].tolist() == [0, 1, 1]


def test_frames_of_made_up_scenes_show_their_boxes():
    config = configs.load("faster_rcnn:synthetic")
    config.data.synthetic_scenes.update(val_videos=2, frames=(2, 3))
    found = of_scenes.made_up(ConfigDict(config.data.to_dict()), "val")
    scenes = synthetic.scenes(config.data.synthetic_scenes, "val")
    assert len(found) == sum(map(len, scenes))
    first = found.images[0]
    picture = found.read(0)
    assert picture.shape == (480, 640, 3) and picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, rendered.frame(scenes[0], 0))
    assert (found.read(1) != picture).any()
    # What is drawn fills its box, and stands out from what is around it.
    for box, label in zip(first.boxes.astype(int), first.labels, strict=True):
        x1, y1, x2, y2 = box
        inside = picture[y1:y2, x1:x2].reshape(-1, 3).astype(float)
        assert inside.std(axis=0).max() > 20, label


def test_boxes_of_scenes_are_cut_to_their_frames_and_what_has_no_area_is_left_out_and_told():
    config = configs.load("faster_rcnn:synthetic")
    config.data.synthetic_scenes.update(val_videos=1, frames=(2, 2), feature_dim=2, union_dim=1)
    (scene,) = synthetic.scenes(config.data.synthetic_scenes, "val")
    count = scene.boxes_of_frames.tolist()
    assert min(count) >= 2
    inside = of_scenes.of("it", [scene], rendered.frame)
    limits = np.array([640, 480] * 2)
    boxes = np.clip(scene.boxes, 0, limits).astype(np.float32)
    boxes[0], boxes[count[0]] = (-20, 30, 60, 900), (50, 50, 50, 90)
    found = of_scenes.of("it", [dataclasses.replace(scene, boxes=boxes)], rendered.frame)
    assert found.remarks == [
        "it: 1 boxes that reach beyond their image: cut to it",
        "it: 1 boxes without area in their image, or with corners in the wrong order: left out",
    ]
    np.testing.assert_array_equal(found.images[0].boxes[0], [0, 30, 60, 480])
    np.testing.assert_array_equal(found.images[1].boxes, inside.images[1].boxes[1:])
    np.testing.assert_array_equal(found.images[1].labels, inside.images[1].labels[1:])


def test_a_picture_of_one_pixel_and_one_of_three_hundred_boxes():
    whole = np.tile(np.array([[0, 0, 1, 1]], np.float32), (300, 1))
    one = source.BoxedImage("dot", (1, 1), whole, np.ones(300, np.int32), np.zeros(300, bool))
    names = "__background__", "cup"
    dot = source.BoxSource("it", names, [one], lambda _: np.zeros((1, 1, 3), np.uint8))
    found = examples.BoxExamples(dot, 32, (), 1.0)
    assert found.sizes.tolist() == [[32, 32, 300]]
    batch = found.stack([found.example(0, np.random.default_rng(0))], (32, 32, 300))
    assert batch["valid_true"].all() and (batch["true_boxes"] == [0, 0, 32, 32]).all()


def test_frames_of_ones_own_scenes_come_from_their_folder_and_absent_ones_are_told(tmp_path):
    config = configs.load("faster_rcnn:boxes")
    config.data.synthetic_scenes.update(val_videos=1, frames=(2, 2), feature_dim=2, union_dim=1)
    (scene,) = synthetic.scenes(config.data.synthetic_scenes, "val")
    scene.save(tmp_path / "one.scene.npz")
    config.data.source = "scenes"
    config.data.train.path = config.data.test.path = str(tmp_path)
    with pytest.raises(UserError, match=r"2 frames are absent in .*frames"):
        of_scenes.of_files(config.data, "test")
    for number, name in enumerate(scene.frames):
        path = tmp_path / "frames" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(rendered.frame(scene, number)).save(path)
    found = of_scenes.of_files(config.data, "test")
    assert len(found) == 2
    np.testing.assert_array_equal(found.read(1), rendered.frame(scene, 1))
    PIL.Image.new("RGB", (7, 5)).save(path)
    wide, high = scene.image_sizes[1].tolist()
    with pytest.raises(UserError, match=f"is 7 x 5 pixels, its scene's .* of {wide} x {high}"):
        found.read(1)
