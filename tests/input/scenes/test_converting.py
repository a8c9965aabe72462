"""Scenes of other systems' files, and what `jaxsign convert` makes of them."""

import json

import numpy as np
import pytest

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.input.scenes import kinds, layout
from tests import helpers
from tests.input.scenes.layout_folder import a_video, write
from tests.input.scenes.test_scene import made


def a_box(tid, x=0):
    return {"tid": tid, "bbox": {"xmin": x, "ymin": 1, "xmax": x + 9, "ymax": 20}, "generated": 0}


def a_relation(subject, predicate, other, begin, end):
    return {"subject_tid": subject, "object_tid": other, "predicate": predicate,
            "begin_fid": begin, "end_fid": end}  # fmt: skip


def vidor(path, **changed):
    """Five frames: an adult (4) beside a dog (7) that chases it, and goes before the last but one;
    in the last there is nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    row = {
        "width": 64,
        "height": 48,
        "fps": 10,
        "subject/objects": [{"tid": 4, "category": "adult"}, {"tid": 7, "category": "dog"}],
        "trajectories": [[a_box(7), a_box(4, number)] for number in range(3)] + [[a_box(4)], []],
        "relation_instances": [
            a_relation(7, "chase", 4, 1, 5),
            a_relation(4, "watch", 7, 0, 2),
            a_relation(7, "next_to", 4, 0, 2),
        ],
    }
    path.write_text(json.dumps(row | changed))
    return path


def told(scene):
    """The relations of each frame, as (class, predicate, class)."""
    names, predicates = scene.vocabulary.objects, scene.vocabulary.predicates
    found = [[] for _ in scene.frames]
    for pair, frame, row in zip(scene.pairs, scene.pair_frames, scene.relations, strict=True):
        subject, other = (names[scene.labels[box]] for box in pair)
        found[frame] += [(subject, predicates[n], other) for n in np.flatnonzero(row)]
    return found


def test_vidor(tmp_path):
    (video,) = kinds.opened(vidor(tmp_path / "a.json")).videos
    scene = video.read()
    assert scene.vocabulary.objects == ("__background__", "adult", "dog")
    assert scene.frames[1] == "a/000001.jpg" and scene.times.tolist() == [0, 0.1, 0.2, 0.3]
    assert scene.boxes[3].tolist() == [1, 1, 10, 20] and scene.box_frames[-1] == 3
    # A relation ends before its last frame, and holds where both its boxes are there.
    assert told(scene) == [
        [("adult", "watch", "dog"), ("dog", "next_to", "adult")],
        [("dog", "chase", "adult"), ("dog", "next_to", "adult"), ("adult", "watch", "dog")],
        [("dog", "chase", "adult")],
        [],
    ]


def test_vidor_folders_are_splits_with_one_list_of_classes(tmp_path, capsys):
    vidor(tmp_path / "set/training/0001/a.json")
    person = [{"tid": 4, "category": "person"}, {"tid": 7, "category": "bear"}]
    vidor(tmp_path / "set/validation/0002/b.json", **{"subject/objects": person})
    out = tmp_path / "out"
    assert cli.main(["convert", str(tmp_path / "set"), "--out", str(out), "--every", "2"]) == 0
    assert "2 videos as scenes (from vidor)" in capsys.readouterr().out
    found = layout.read(out)
    assert found.vocabulary.objects == ("__background__", "person", "adult", "bear", "dog")
    assert [(video.name, video.split) for video in found.videos] == [("a", "train"), ("b", "val")]
    assert found.videos[0].scene.frames == ("a/000000.jpg", "a/000002.jpg")
    # Another set can be given the same classes; one that they lack is told.
    again = ["convert", str(tmp_path / "set/training"), "--classes", str(out / "classes.json")]
    assert cli.main([*again, "--out", str(tmp_path / "more")]) == 0
    assert layout.read(tmp_path / "more").vocabulary == found.vocabulary
    cats = [{"tid": 4, "category": "cat"}, {"tid": 7, "category": "dog"}]
    vidor(tmp_path / "set/training/0001/a.json", **{"subject/objects": cats})
    assert cli.main([*again, "--out", str(tmp_path / "third")]) == 1
    assert "object 'cat' is unknown" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changed",
    [
        {"fps": 0},
        {"subject/objects": [{"tid": 4}]},
        {"subject/objects": [{"tid": 4, "category": "dog"}]},
        {"trajectories": [[{"tid": 4, "bbox": [0, 0, 1, 1]}]]},
        {"relation_instances": [{"predicate": "chase"}]},
    ],
)
def test_vidor_in_another_form(tmp_path, changed):
    path = vidor(tmp_path / "a.json", **changed)
    with pytest.raises(UserError, match=r"a.json: is in another form.*Expected VidOR's form"):
        kinds.opened(path).videos[0].read()


@pytest.mark.shared
def test_a_real_video_of_vidor():
    (video,) = kinds.opened(helpers.SHARED / "data/vidor_sample/3598080384.json").videos
    scene = video.read()
    assert len(scene) == 368 and scene.vocabulary.objects[1:] == ("adult", "stingray")
    rows = json.loads((helpers.SHARED / "data/vidor_sample/3598080384.json").read_text())
    counts = [one["end_fid"] - one["begin_fid"] for one in rows["relation_instances"]]
    assert scene.relations.sum() == sum(counts)


BOXES = [
    {"id": 31, "image_id": 5, "category_id": 9, "bbox": [1, 2, 10, 20]},
    {"id": 32, "image_id": 5, "category_id": 3, "bbox": [5, 5, 10, 10], "score": 0.5},
    {"id": 33, "image_id": 2, "category_id": 9, "bbox": [1, 2, 10, 20]},
    {"id": 34, "image_id": 2, "category_id": 3, "bbox": [5, 5, 10, 10]},
]


def coco(path, **changed):
    """A cup (3) and a person (9) in two frames of a video, which stand in the wrong order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sizes = {"width": 64, "height": 48}
    rows = {
        "videos": [{"id": 1, "name": "kitchen"}],
        "images": [
            {"id": 5, "file_name": "k/2.jpg", "video_id": 1, "frame_id": 2, **sizes},
            {"id": 2, "file_name": "k/1.jpg", "video_id": 1, "frame_id": 1, **sizes},
        ],
        "annotations": BOXES,
        "categories": [{"id": 3, "name": "cup"}, {"id": 9, "name": "person"}],
        "rel_categories": [{"id": 0, "name": "near"}, {"id": 4, "name": "holds"}],
        "rel_annotations": [
            {"id": 0, "subject_id": 31, "predicate_id": 4, "object_id": 32, "image_id": 5},
            {"id": 1, "subject_id": 34, "predicate_id": 0, "object_id": 33, "image_id": 2},
        ],
    }
    rows |= changed
    path.write_text(json.dumps({key: value for key, value in rows.items() if value is not None}))
    return path


def check_coco(scene):
    assert scene.vocabulary.objects == ("__background__", "person", "cup")
    assert scene.vocabulary.predicates == ("near", "holds")
    assert scene.frames == ("k/1.jpg", "k/2.jpg")
    assert scene.boxes[2].tolist() == [1, 2, 11, 22] and scene.scores.tolist() == [1, 1, 1, 0.5]
    assert told(scene) == [[("cup", "near", "person")], [("person", "holds", "cup")]]


def test_coco_with_relations_of_its_own(tmp_path):
    (video,) = kinds.opened(coco(tmp_path / "all.json")).videos
    assert (video.name, video.split) == ("kitchen", "")
    check_coco(video.read())


def test_coco_with_relations_beside(tmp_path):
    relations = {
        "train": {"5": [[0, 1, 2]], "2": [[1, 0, 1]]},
        "val": {"5": [], "2": []},
        "rel_categories": ["__background__", "near", "holds"],
    }
    (tmp_path / "rel.json").write_text(json.dumps(relations))
    for name in ("train", "val"):
        coco(tmp_path / f"{name}.json", rel_annotations=None, rel_categories=None)
    first, second = kinds.opened(tmp_path).videos
    assert (first.split, second.split) == ("train", "val")
    check_coco(first.read())
    assert told(second.read()) == [[], []]


def test_images_of_no_video_are_videos_of_one_frame(tmp_path):
    images = [{"id": i, "file_name": f"{i}.jpg", "width": 9, "height": 9} for i in (5, 2)]
    found = kinds.opened(coco(tmp_path / "a.json", videos=None, images=images))
    assert [video.name for video in found.videos] == ["5", "2"]
    assert found.videos[0].read().frames == ("5.jpg",)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"categories": [{"id": 3, "name": "cup"}]}, "2 annotations of category_id 9"),
        ({"annotations": [*BOXES[1:], BOXES[0] | {"image_id": "5"}]}, "of image_id '5', expected"),
        ({"annotations": [*BOXES, BOXES[0]]}, "annotation id 31: is there 2 times"),
        ({"rel_annotations": [{"subject_id": 31, "object_id": 99, "predicate_id": 0}]}, "99"),
        ({"rel_annotations": [{"subject_id": 31, "object_id": 33, "predicate_id": 0}]},
         "between boxes of images 5 and 2"),
        ({"annotations": [*BOXES[1:], BOXES[0] | {"bbox": [1, 2]}]}, "not enough values"),
        ({"rel_annotations": None}, "rel.json: no such file"),
    ],
)  # fmt: skip
def test_coco_in_another_form(tmp_path, changed, message):
    with pytest.raises(UserError, match=message):
        kinds.opened(coco(tmp_path / "a.json", **changed))


def test_frames_of_coco_stand_in_the_order_of_numbers_that_are_texts(tmp_path):
    sizes = {"width": 64, "height": 48, "video_id": 1}
    images = [
        {"id": 5, "file_name": "k\\10.jpg", "frame_id": "10", **sizes},
        {"id": 2, "file_name": "k\\9.jpg", "frame_id": "9", **sizes},
    ]
    (video,) = kinds.opened(coco(tmp_path / "a.json", images=images)).videos
    assert video.read().frames == ("k/9.jpg", "k/10.jpg")


def test_boxes_of_coco_that_are_shares_are_refused(tmp_path):
    boxes = [one | {"bbox": [0.1, 0.25, 0.5, 0.75]} for one in BOXES]
    path = coco(tmp_path / "a.json", annotations=boxes)
    with pytest.raises(UserError, match="between 0 and 1, as shares.*Expected pixels"):
        kinds.opened(path).videos[0].read()


def test_a_relation_of_nobody_is_told_and_other_json_files_may_lie_beside(tmp_path):
    (tmp_path / "set").mkdir()
    for name in ("0.json", "z.json"):
        (tmp_path / "set" / name).write_text("{}")
    vidor(tmp_path / "set/a.json")
    assert kinds.of_path(tmp_path / "set") == "vidor"
    relation = {
        "subject_tid": "4",
        "object_tid": 7,
        "predicate": "chase",
        "begin_fid": 0,
        "end_fid": 2,
    }
    path = vidor(tmp_path / "b.json", relation_instances=[relation])
    with pytest.raises(UserError, match="subject_tid '4' is none of subject/objects"):
        kinds.opened(path).videos[0].read()


def test_validate_reads_annotations_that_convert_reads(tmp_path, capsys):
    far = [one | {"bbox": [30, 2, 60, 20]} for one in BOXES]
    assert cli.main(["validate", str(coco(tmp_path / "a.json", annotations=far))]) == 0
    told = capsys.readouterr().out
    assert "annotations of kind coco: 1 videos, 2 frames, 4 boxes" in told
    assert "far beyond their images: 4 boxes of 1 videos" in told


def test_a_box_of_negative_width_is_told(tmp_path):
    path = coco(tmp_path / "a.json", annotations=[*BOXES[:3], BOXES[3] | {"bbox": [9, 1, -5, 2]}])
    with pytest.raises(UserError, match=r"a.json \(kitchen\): is no good scene.*this one is rev"):
        kinds.opened(path).videos[0].read()


def test_features_and_candidates_go_there_and_back(tmp_path):
    given = made(
        times=np.array([0.0, 0.1]),
        pairs=np.array([[1, 0], [0, 1], [3, 2], [2, 3]]),
        pair_frames=np.array([0, 0, 1, 1]),
        relations=np.array([[0] * 4, [1, 0, 1, 1], [0] * 4, [0, 1, 0, 0]], bool),
        labelled=np.array([False, True, False, True]),
        boxes=np.array([[0, 0, 20.1, 40], [30, 30, 40, 40]] * 2, np.float32),
        scores=np.array([1, 0.7, 1, 1], np.float32),
        features=np.arange(12, dtype=np.float32).reshape(4, 3),
        union_features=np.arange(4 * 49, dtype=np.float32).reshape(4, 7, 7, 1),
        distribution=np.full((4, 2), 0.5, np.float32),
    )
    given.save(tmp_path / "a.scene.npz")
    out, back = tmp_path / "out", tmp_path / "back.scene.npz"
    assert cli.main(["convert", str(tmp_path / "a.scene.npz"), "--out", str(out)]) == 0
    assert cli.main(["convert", str(out), "--out", str(back)]) == 0
    (video,) = kinds.opened(back).videos
    found = video.read()
    order = [1, 0, 3, 2]  # of a frame, labelled pairs come first
    for name in ("pairs", "relations", "labelled", "union_features", "pair_frames"):
        assert np.array_equal(found.arrays()[name], given.arrays()[name][order]), name
    for name in ("boxes", "scores", "labels", "times", "features", "distribution", "frames"):
        assert np.array_equal(found.arrays()[name], given.arrays()[name]), name
    assert found.vocabulary == given.vocabulary


def test_convert_refuses_what_does_nothing(tmp_path, capsys):
    write(tmp_path / "in", a_video())
    start = ["convert", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    for more, message in (
        (["--parquet"], "--parquet: it is of clips of signs, and these are scenes"),
        (["--every", "2"], "is of kind scenes, whose classes and frames are taken as they are"),
        (["--to", "clips"], "--to clips: scenes are written as scenes, scene_files, scene_store"),
        (["--float16"], "--float16: goes with --to scene_store"),
        (["--split", "val"], "no video of val; it has no split"),
        (["--from", "coco"], "in: names 0 classes of objects and 0 predicates"),
    ):
        assert cli.main([*start, *more]) == 1
        assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_video_that_cannot_be_read_is_left_out_and_told(tmp_path, capsys):
    for name in ("a", "b"):
        made().save(tmp_path / f"in/{name}.scene.npz")
    (tmp_path / "in/b.scene.npz").write_bytes(b"PK")
    start = ["convert", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    assert cli.main([*start, "--strict"]) == 1 and not (tmp_path / "out").exists()
    assert cli.main(start) == 2
    assert "1 left out:" in capsys.readouterr().err
    assert [video.name for video in layout.read(tmp_path / "out").videos] == ["a"]
