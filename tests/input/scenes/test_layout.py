"""One's own scenes in the open layout: what becomes of them, and what is refused."""

import json

import numpy as np
import pytest

from jaxsign import cli
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.input.scenes import examples, geometry, layout, sources
from jaxsign.train import setup
from tests.input.scenes.layout_folder import CLASSES, a_box, a_frame, a_video, write
from tests.input.scenes.test_scene_examples import recipe


def only(folder):
    (video,) = layout.read(folder).videos
    return video


def test_a_video(tmp_path):
    frames = [
        a_frame(0, time=0.5, pairs=[[1, 2]], relations=[[0, "near", 1]]),
        a_frame(1, time=1, width=100, boxes=[a_box(score=0.5)], relations=[]),
    ]
    classes = {"objects": CLASSES["objects"], "groups": CLASSES["groups"][1:]}
    video = only(write(tmp_path, a_video(frames=frames, split="val"), classes=classes))
    found = video.scene
    assert (video.name, video.split) == ("a", "val")
    assert found.frames == ("a/0.jpg", "a/1.jpg") and found.times.tolist() == [0.5, 1]
    assert found.image_sizes.tolist() == [[64, 48], [100, 48]]
    assert found.vocabulary.objects == ("__background__", "person", "cup", "dog")
    assert found.labels.tolist() == [1, 2, 3, 2] and found.scores.tolist() == [1, 1, 1, 0.5]
    assert found.boxes[0].tolist() == [0, 0, 20, 40] and found.box_frames.tolist() == [0, 0, 0, 1]
    # Pairs without a relation first, then those that have one.
    assert found.pairs.tolist() == [[1, 2], [0, 1]] and found.labelled.all()
    assert found.relations.tolist() == [[False, False], [False, True]]


GIVEN = {
    "features": np.ones((6, 4), np.float32),
    "union_features": np.ones((4, 7, 7, 3), np.float32),
}


def test_features_lie_beside(tmp_path):
    write(tmp_path, a_video(features="a.npz"))
    given = GIVEN | {
        "union_features": np.arange(4 * 49 * 3, dtype=np.float16).reshape(4, 7, 7, 3),
        "distribution": np.full((6, 3), 0.2, np.float32),
    }
    np.savez(tmp_path / "a.npz", **given)
    found = sources.of_folder(tmp_path)
    assert (found.outlines[0].feature_dim, found.outlines[0].union_dim) == (4, 3)
    assert not found.remarks
    held = found.read(0).arrays()
    assert all(np.array_equal(held[name], array) for name, array in given.items())


def test_features_that_do_not_fit(tmp_path):
    write(tmp_path, a_video("a", features="a.npz"), a_video("b"))
    np.savez(tmp_path / "a.npz", **GIVEN | {"features": np.ones((5, 4))})
    told = (
        r"(?s)2 videos.*a.npz: .*features \[5, 4\], expected \[6, any\].*\(b\): names no features"
    )
    with pytest.raises(UserError, match=told):
        sources.of_folder(tmp_path)
    np.savez(tmp_path / "a.npz", **GIVEN | {"features": np.full((6, 4), np.nan, np.float32)})
    write(tmp_path, a_video("a", features="a.npz"))
    with pytest.raises(UserError, match="a.npz: is no good scene: features: row 0 holds NaN"):
        sources.of_folder(tmp_path).read(0)


def test_what_other_programs_write_is_the_same_video(tmp_path):
    """Whole numbers with a point, backslashes, a byte order mark, letters in two parts."""
    frames = [a_frame(number) for number in range(2)]
    frames[0]["relations"] = [[float(one), name, float(other)] for one, name, other in
                              frames[0]["relations"]]  # fmt: skip
    frames[0]["file"], frames[0]["width"] = "a\\0.jpg", 64.0
    line = json.dumps(a_video(frames=frames, features="f\\café.npz"), ensure_ascii=False)
    write(tmp_path / "in", a_video())
    (tmp_path / "in/scenes.jsonl").write_text(line + "\r\n", encoding="utf-8-sig")
    (tmp_path / "in/f").mkdir()
    names = np.array(["a\\0.jpg", "a\\1.jpg"])
    np.savez(tmp_path / "in/f/x.npz", **GIVEN, frames=names)
    (tmp_path / "in/f/x.npz").rename(tmp_path / "in/f/cafe\u0301.NPZ")
    found, plain = only(tmp_path / "in"), only(write(tmp_path / "plain", a_video()))
    for name, value in plain.scene.known.items():
        np.testing.assert_array_equal(found.scene.known[name], value)
    assert found.scene.frames == plain.scene.frames
    assert sources.of_folder(tmp_path / "in").read(0).features.shape == (6, 4)


def test_boxes_that_are_shares_of_the_picture_are_refused(tmp_path):
    boxes = [
        a_box("person", (0, 0, 0.5, 1)),
        a_box(box=(0.2, 0.2, 0.4, 0.75)),
        a_box("dog", (0, 0, 1, 1)),
    ]
    write(tmp_path, a_video(frames=[a_frame(boxes=boxes)]))
    with pytest.raises(UserError, match=r"line 1 \(a\): all its boxes lie between 0 and 1"):
        layout.read(tmp_path)
    write(tmp_path, a_video(frames=[a_frame(boxes=boxes, width=1, height=1)]))
    assert len(only(tmp_path).scene.boxes) == 3  # of a picture of one pixel they may be pixels


def test_features_of_no_box_are_no_features(tmp_path):
    write(tmp_path, a_video(features="a.npz"))
    np.savez(tmp_path / "a.npz", **GIVEN, boxes=np.full((6, 4), np.nan, np.float32))
    with pytest.raises(UserError, match=r"boxes: row 0 is \[nan, nan, nan, nan\], expected"):
        sources.of_folder(tmp_path)


def test_classes_that_capitals_tell_apart_are_told(tmp_path, caplog):
    write(tmp_path, a_video(), classes=CLASSES | {"objects": ["person", "cup", "dog", "Cup"]})
    assert only(tmp_path).name == "a"
    assert "classes.json: 'cup' and 'Cup' are two names. If they are one, spell them" in caplog.text


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"boxes": [a_box(box=(9, 0, 3, 5))]}, r"box 0: box is \[9, 0, 3, 5\], expected x1 <= x2"),
        ({"boxes": [a_box(box=(9, 0, 3))]}, r"box 0: box is \[9, 0, 3\], expected \[x1, y1, x2"),
        ({"boxes": [a_box(box=(0, 0, float("nan"), 5))]}, "box 0: box holds nan"),
        ({"boxes": [a_box(box=(0, "0", 3, 5))]}, 'box 0: box holds "0", expected a number'),
        ({"boxes": [a_box(box=(0, 0, 10**400, 5))]}, "box 0: box holds 1000.*expected a finite"),
        ({"boxes": [a_box("cupp")]}, "box 0: label \"cupp\" is unknown. Did you mean 'cup'"),
        ({"boxes": [a_box(score=1.5)]}, "box 0: score is 1.5, expected 0 to 1"),
        ({"boxes": [a_box(scor=1)]}, "box 0: 'scor' is no key of a box. Did you mean 'score'"),
        ({"boxes": [{"label": "cup"}]}, "box 0: has no 'box'"),
        ({"relations": [[0, "at", 3]]}, "relation 0: names box 3, and the frame has 3"),
        ({"relations": [[0, "at", 0]]}, "relation 0: names box 0 twice"),
        ({"relations": [[0, "hold", 1]]}, "relation 0: predicate \"hold\" is unknown.*'holds'"),
        ({"relations": [[0, 1]]}, r"relation 0: is \[0, 1\], expected \[subject box, pred"),
        (
            {"relations": [[0, "holds", 1]]},
            "pair of boxes 0 and 1 has none of group 'look', expected ex",
        ),
        (
            {"relations": [[0, "at", 1], [0, "away", 1]]},
            "pair of boxes 0 and 1 has at, away of group 'look'",
        ),
        ({"pairs": [[0, True]]}, "pair 0: names box true"),
        ({"width": 0}, "width is 0, expected the picture's"),
        ({"boxes": 3}, "boxes is 3, expected a list"),
        ({"time": "1"}, 'time holds "1", expected a number'),
    ],
)
def test_a_bad_frame_is_told_with_its_line(tmp_path, changed, told):
    frames = [a_frame(0), a_frame(1, **{"relations": []} | changed)]
    write(tmp_path, a_video("good"), "", a_video("bad", frames))
    where = r"scenes.jsonl line 3 \(bad\), frame 1 \(a/1.jpg\)"
    with pytest.raises(UserError, match=rf"(?s)1 problem found.*{where}[,:] {told}"):
        layout.read(tmp_path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "scenes.jsonl line 1: "),
        ("[]", r"line 1: is \[\], expected a video"),
        (a_video("", split="val"), 'line 1: name is "", expected a text'),
        (a_video("../a"), "'../a' is no name for a file"),
        (a_video("/a"), "'/a' is no name for a file"),
        (a_video("a\0b"), "holds a control character"),
        (a_video("a/" + "b" * 300), "too long for a file: 300 bytes"),
        (a_video(split="dev"), 'line 1 .a.: split is "dev", expected one of train'),
        (a_video(width=None), "frame 0 .*width is missing"),
        (a_video(frames=0), "it has no frame"),
        (a_video(frames=[a_frame(), a_frame()]), "two of its frames have one name"),
        (a_video(frames=[a_frame(0, time=1), a_frame(1)]), "1 of 2 frames have a time"),
        (a_video(frames=[a_frame(0, time=1), a_frame(1, time=0)]), "times decrease"),
    ],
)
def test_bad_lines(tmp_path, line, told):
    with pytest.raises(UserError, match=told):
        layout.read(write(tmp_path, line))


def test_bad_lists(tmp_path):
    with pytest.raises(
        UserError, match="(?s)3 problems.*'a' is the name of several.*'a' has no spl"
    ):
        layout.read(write(tmp_path, a_video(), a_video(split="val"), a_video("b", "x")))
    with pytest.raises(UserError, match="holds no video"):
        layout.read(write(tmp_path, ""))
    (tmp_path / "classes.json").unlink()
    with pytest.raises(UserError, match="classes.json: no such file.*Expected a folder with"):
        layout.read(tmp_path)


@pytest.mark.parametrize("rows", [[a_video()], a_video()])
def test_one_value_in_place_of_a_line_for_each_video(tmp_path, rows):
    write(tmp_path)
    (tmp_path / "scenes.jsonl").write_text(json.dumps(rows, indent=1))
    with pytest.raises(UserError, match="holds one JSON value.*Expected a line for each video"):
        layout.read(tmp_path)


def test_classes_without_persons_and_with_persons_in_another_place(tmp_path):
    dogs = CLASSES | {"objects": ["dog", "cup"]}
    frame = a_frame(boxes=[a_box("dog"), a_box()], relations=[[0, "at", 1]])
    found = only(write(tmp_path, a_video(frames=[frame], split="train"), classes=dogs))
    assert found.scene.labels.tolist() == [1, 2]
    with pytest.raises(UserError, match="no class 'person', whom mode sgcls looks for"):
        examples.open_examples(recipe(path=tmp_path, mode="sgcls"), "train")
    write(tmp_path, classes=CLASSES | {"objects": ["dog", "person"]})
    with pytest.raises(UserError, match="objects begin with __background__, dog; expected"):
        layout.read(tmp_path)


def test_one_folder_serves_all_splits_where_its_lines_tell_them(tmp_path):
    write(tmp_path / "a", a_video("x", split="train"), a_video("y", split="val"))
    of = recipe(path=tmp_path / "a")
    assert examples.open_examples(of, "train").ids == ["x"]
    assert examples.open_examples(of, "val").ids == ["y"]
    with pytest.raises(UserError, match="no video of split 'test'; it has train, val"):
        examples.open_examples(of, "test")


def test_a_share_is_held_back_where_nothing_tells_what_to_validate_on(tmp_path):
    names = [f"v{number}" for number in range(8)]
    write(tmp_path, *(a_video(name, number + 1) for number, name in enumerate(names)))
    of = recipe(path=tmp_path)
    of.data.val_share = 0.25
    train, val = (examples.open_examples(of, split) for split in ("train", "val"))
    assert len(val) == 2 and sorted([*train.ids, *val.ids]) == names
    for part in (train, val):
        frames = [
            len(part.example(number)["of_frames"]["valid_frames"]) for number in range(len(part))
        ]
        assert frames == [names.index(name) + 1 for name in part.ids] == part.sizes[:, 0].tolist()
    with pytest.raises(UserError, match="data.test.path is empty.*or give every video a split"):
        examples.open_examples(of, "test")
    of.data.val.path = str(tmp_path)
    assert [len(examples.open_examples(of, split)) for split in ("train", "val")] == [8, 8]
    of.data.val_share, of.data.val.path = 0.0, ""
    with pytest.raises(UserError, match="val_share=0 of 8 .* or set data.val.path, or give every"):
        examples.open_examples(of, "val")


def test_scenes_without_features_get_those_of_their_geometry(tmp_path):
    found = sources.of_folder(write(tmp_path, a_video()))
    assert found.remarks == (
        f"{tmp_path}: holds no features; they are made of the places and sizes of its boxes "
        "(jaxsign detect makes them of frames)",
    )
    given = examples.SceneExamples(found)
    assert tuple(given.widths.values()) == (geometry.BOX_WIDTH, geometry.PAIR_WIDTH)
    scene = found.read(0)
    # The person: centre (10, 20) of 64 x 48, sides 20 and 40, score 1.
    wanted = [10 / 32 - 1, 20 / 24 - 1, 40 / 64, 80 / 48, 1]
    np.testing.assert_allclose(scene.features[0], wanted, rtol=1e-6)
    # The cup is 25 and 15 pixels from the person's centre, whose sides are 21 and 41 pixels.
    side = (21 * 41) ** 0.5
    way = np.array([25, 15]) / side
    wanted = [*way, np.hypot(*way), np.log(11 / 21), np.log(11 / 41), 0, 0]
    np.testing.assert_allclose(scene.union_features[0, 3, 5], wanted, rtol=1e-6)
    # The dog lies within 8 x 11 of its 8 x 16 pixels in the person, who has 21 x 41.
    inside = geometry.of_pairs(found.read(0).__class__(**vars(scene) | {
        "pairs": np.array([[0, 2]] * 4), "pair_frames": np.zeros(4, int)}))[0, 5:]  # fmt: skip
    np.testing.assert_allclose(inside, [88 / (21 * 41 + 8 * 16 - 88), 88 / 128], rtol=1e-6)


def test_validate(tmp_path, capsys):
    write(tmp_path, *(a_video(name, split=name, features="f.npz") for name in ("train", "val")))
    np.savez(tmp_path / "f.npz", **GIVEN)
    assert cli.main(["validate", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "train: 1 videos, 2 frames, 6 boxes, 4 pairs, 8 relations" in told and "val: 1" in told
    (tmp_path / "frames/a").mkdir(parents=True)
    (tmp_path / "frames/a/0.jpg").touch()
    np.savez(tmp_path / "f.npz", **GIVEN | {"features": np.full((6, 4), np.nan)})
    assert cli.main(["validate", str(tmp_path / "scenes.jsonl")]) == 2
    told = capsys.readouterr().out
    assert "2 frames of 2 videos are absent: a/1.jpg, a/1.jpg" in told
    assert told.count("features: row 0 holds NaN") == 2


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"objects": ["person", "dog", "cup"]}, "objects are the same names in another order"),
        ({"groups": CLASSES["groups"][::-1]}, "predicates are the same names in another order"),
    ],
)
def test_what_validates_has_the_classes_of_training_in_their_order(tmp_path, changed, told):
    asked = configs.load("sttran:scenes")
    for split, classes in (("train", CLASSES), ("val", CLASSES | changed)):
        asked.data[split].path = str(write(tmp_path / split, a_video(), classes=classes))
    with pytest.raises(UserError, match=f"val: {told}"):
        setup.prepare(asked, tmp_path / "run")
