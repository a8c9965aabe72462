"""Scenes from frames: annotated ones in every mode, films, what cannot be read, and going on."""

import json
import shutil

import detectors
import numpy as np
import PIL.Image
import pytest

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.infer.detect import folder, looking, making, videos
from jaxsign.input import film
from jaxsign.input.scenes import boxes_of_others, cutting, detect_table, scene, sources, vocabulary

CLASSES = {
    "objects": ["person", "cup", "dog"],
    "groups": [
        {"name": "look", "kind": "one", "predicates": ["at", "away"]},
        {"name": "touch", "predicates": ["holds", "near"]},
    ],
}
WORDS = vocabulary.from_json(CLASSES, "here")
BOXES = [((0, 0, 20, 40), "person"), ((30, 30, 40, 40), "cup"), ((5, 30, 12, 45), "dog")]
RELATIONS = [[0, "at", 1], [0, "holds", 1], [2, "away", 1], [2, "near", 1]]


@pytest.fixture(scope="module")
def looker():
    return detectors.detector(WORDS.objects)


def of_video(name, split, frames=4):
    boxes = [{"box": list(box), "label": label} for box, label in BOXES]
    rows = [
        {"file": f"{name}/{i}.png", "boxes": boxes, "relations": RELATIONS} for i in range(frames)
    ]
    return {"name": name, "split": split, "width": 64, "height": 48, "frames": rows}


def write(place, *listed):
    (place / "frames").mkdir(parents=True)
    (place / "classes.json").write_text(json.dumps(CLASSES))
    (place / "scenes.jsonl").write_text("\n".join(map(json.dumps, listed)) + "\n")
    for video in listed:
        (place / "frames" / video["name"]).mkdir()
        for i in range(len(video["frames"])):
            image = PIL.Image.fromarray(detectors.frame(i))
            image.save(place / "frames" / video["name"] / f"{i}.png")
    return place


@pytest.fixture(scope="module")
def annotated(tmp_path_factory):
    listed = of_video("a", "train"), of_video("b", "val", 2), of_video("c", "test", 3)
    return write(tmp_path_factory.mktemp("annotated") / "set", *listed)


def plan(looker, out, mode, **more):
    others = more.pop("others", None)
    maker = making.SceneMaker(looker, mode, WORDS, others=others is not None, **more)
    return folder.DetectPlan(out, maker, {"mode": mode}, others)


def videos_of(place, out):
    return videos.of_source(place, out, videos.GenomeOptions(), videos.FilmOptions()).videos


def detect(looker, place, out, mode="sgdet", *, shard=(1, 1), **more):
    """The scenes of a place by their names, and how many videos have none."""
    made = plan(looker, out, mode, **more)
    failed = folder.detect(made, videos_of(place, out), shard=shard)
    return {
        path.name.partition(".")[0]: scene.load(path) for path in sorted(out.glob("*.npz"))
    }, failed


def test_boxes_that_are_given(looker, annotated, tmp_path):
    given, _ = detect(looker, annotated, tmp_path / "p", "predcls")
    known = {one.name: one.known for one in videos_of(annotated, tmp_path)}
    for name, one in given.items():
        for field in ("boxes", "labels", "pairs", "relations", "labelled", "frames"):
            np.testing.assert_array_equal(one.__dict__[field], known[name].__dict__[field])
        assert one.union_features.dtype == np.float16 and one.truth is None
    seen = looker.see([detectors.frame(i) for i in range(3)])
    one = given["c"]
    features, distribution = looker.look(seen, one.box_frames, one.boxes)
    np.testing.assert_allclose(one.features, features, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(one.distribution, distribution, rtol=1e-4, atol=1e-5)
    both = np.concatenate(
        [one.boxes[one.pairs].min(1)[:, :2], one.boxes[one.pairs].max(1)[:, 2:]], 1
    )
    around = looker.around(seen, one.pair_frames, both)
    np.testing.assert_allclose(one.union_features, around, rtol=2e-3, atol=1e-3)
    every, _ = detect(looker, annotated, tmp_path / "s", "sgcls", float16=False)
    assert [len(every[name].pairs) for name in "abc"] == [12, 6, 9]  # all of three boxes
    assert every["a"].labelled.sum() == 8 and every["a"].union_features.dtype == np.float32


def test_boxes_that_are_found_are_matched_to_learn_and_compared_to_judge(
    looker, annotated, tmp_path
):
    made, failed = detect(looker, annotated, tmp_path)
    assert not failed
    learned = made["a"]
    assert learned.labelled.all() and learned.truth is None and len(learned.pairs) == 8
    labels = learned.labels[learned.pairs].tolist()
    assert labels == [[1, 2], [3, 2]] * 4 and (learned.scores <= 1).all()
    found = looker.find(looker.see([detectors.frame(i) for i in range(3)]))
    assert len(learned.boxes) > len(found.boxes)
    for name, frames in (("b", 2), ("c", 3)):
        judged = made[name]
        assert not judged.labelled.any() and not judged.relations.any()
        assert judged.truth.pairs.shape == (2 * frames, 2) and judged.truth.relations.any()
        assert (judged.labels[judged.pairs[:, 0]] == 1).all()  # a person and what is none
        assert (judged.labels[judged.pairs[:, 1]] > 1).all()
        assert judged.distribution.shape[1] == 3 and judged.features.shape[1] == 512
    assert detect_table.splits(tmp_path) == {
        "a.scene.npz": "train", "b.scene.npz": "val", "c.scene.npz": "test",
    }  # fmt: skip
    assert sources.of_folder(tmp_path, "val").ids == ["b"]
    with pytest.raises(UserError, match="holds no scenes of other; it has scenes of test, train"):
        sources.of_folder(tmp_path, "other")


def files(out):
    return {p.name: p.read_bytes() for p in out.iterdir() if not p.name.startswith(".")}


def test_what_was_stopped_goes_on_to_the_same_bytes_also_in_parts(
    looker, annotated, tmp_path, monkeypatch, capsys
):
    detect(looker, annotated, tmp_path / "whole")
    wanted = files(tmp_path / "whole")
    out = tmp_path / "stopped"
    one = plan(looker, out, "sgdet")
    listed = videos_of(annotated, out)

    def stopped():
        yield from listed[1].frames()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.detect(one, [listed[0], folder.dataclasses.replace(listed[1], frames=stopped)])
    assert (out / "a.scene.npz").exists() and not (out / "b.scene.npz").exists()
    (out / "detect.csv").write_text((out / "detect.csv").read_text() + "b.scene.npz,half a li")
    before = (out / "a.scene.npz").stat().st_mtime_ns
    detect(looker, annotated, out)
    assert files(out) == wanted and (out / "a.scene.npz").stat().st_mtime_ns == before
    assert "1 video done already; 2 videos to do" in capsys.readouterr().out
    parts = tmp_path / "parts"
    for number in (1, 2):
        detect(looker, annotated, parts, shard=(number, 2))
    assert {n: b for n, b in files(parts).items() if n.endswith("npz")} == {
        n: b for n, b in wanted.items() if n.endswith("npz")
    }
    assert detect_table.splits(parts) == detect_table.splits(out)


def test_other_settings_and_other_videos_in_one_folder_are_refused(looker, annotated, tmp_path):
    detect(looker, annotated, tmp_path / "out")
    with pytest.raises(UserError, match='made with other options.*\n.*mode: was "sgdet", now'):
        detect(looker, annotated, tmp_path / "out", "predcls")
    other = write(tmp_path / "other", of_video("a", "train", 5))
    with pytest.raises(UserError, match="scenes of other videos of the same names"):
        detect(looker, other, tmp_path / "out")
    again = plan(looker, tmp_path / "out", "predcls")
    with pytest.raises(UserError, match="scenes of other videos made with other options"):
        folder.detect(again, videos_of(other, tmp_path / "out"), overwrite=True)
    assert folder.detect(again, videos_of(annotated, tmp_path / "out"), overwrite=True) == 0
    assert scene.load(tmp_path / "out" / "c.scene.npz").truth is None


def test_frames_that_cannot_be_read_are_left_out_and_told(looker, tmp_path, capsys):
    place = write(tmp_path / "set", of_video("a", "val", 7), of_video("b", "val", 1))
    image, frames = PIL.Image.fromarray(detectors.frame(0)), place / "frames" / "a"
    image.convert("L").save(frames / "1.png")
    image.convert("CMYK").save(frames / "2.png", format="jpeg")
    content = (frames / "3.png").read_bytes()
    (frames / "3.png").write_bytes(content[: len(content) // 2])
    image.resize((1, 1)).save(frames / "4.png")
    PIL.Image.fromarray(np.zeros((48, 64), np.uint16)).save(frames / "5.png")
    (frames / "6.png").unlink()
    (place / "frames" / "b" / "0.png").write_bytes(b"nothing")
    made, failed = detect(looker, place, tmp_path / "out")
    assert failed == 1 and made["a"].frames == ("a/0.png", "a/1.png", "a/2.png")
    assert len(made["a"].truth.boxes) == 9
    rows = detect_table.table(tmp_path / "out").read()
    reason = rows["a.scene.npz"].reason
    assert reason.startswith("4 frames left out") and "3.png: cannot be read as a pict" in reason
    assert "4.png: is 1 x 1, but its boxes are told of 64 x 48" in reason
    assert "5.png: holds I;16, expected colours of 8 bits" in reason and "1 more" in reason
    assert "none of its frames can be read" in rows["b.scene.npz"].reason
    assert "none of its frames can be read" in capsys.readouterr().out


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    place = tmp_path_factory.mktemp("films")
    for name, count in (("long", 7), ("one", 1)):
        with film.Writer(place / f"{name}.mp4", 10) as writer:
            for i in range(count):
                writer.add(PIL.Image.fromarray(detectors.frame(i)), i / 10)
    (place / "none.mp4").write_bytes(b"")
    content = (place / "long.mp4").read_bytes()
    (place / "cut.mp4").write_bytes(content[: len(content) // 2])
    return place


def test_actions_lose_the_graphs_of_frames_that_are_left_out(annotated, tmp_path):
    known = videos_of(annotated, tmp_path)[0].known
    assert cutting.actions_of(known, np.array([0])) == {}
    verbs = np.arange(3, dtype=np.float32)[:, None]
    told = {"frame_graphs": np.array([0, 1, 1, 2]), "verb_features": verbs}
    acting = folder.dataclasses.replace(known, **told)
    got = cutting.actions_of(acting, np.array([1, 3]))
    assert got["frame_graphs"].tolist() == [0, 1] and got["verb_features"].tolist() == [[1], [2]]
    assert cutting.frames_of(acting, np.array([1, 3])).frames == ("a/1.png", "a/3.png")


def test_films(looker, films, tmp_path):
    made, failed = detect(looker, films, tmp_path)
    assert failed == 2 and sorted(made) == ["long", "one"]
    assert made["long"].frames == tuple(f"{i:06d}" for i in range(7)) and len(made["one"]) == 1
    np.testing.assert_allclose(made["long"].times, np.arange(7) / 10)
    assert made["long"].truth is None and made["long"].image_sizes.tolist() == [[64, 48]] * 7
    reasons = {row.file: row.reason for row in detect_table.table(tmp_path).read().values()}
    assert "is empty (0 bytes)" in reasons["none.scene.npz"]
    assert "cannot be read as a video" in reasons["cut.scene.npz"]
    thin = videos.FilmOptions(target_fps=5)
    kept = list(videos.film_frames(films / "long.mp4", thin))
    assert [frame.name for frame in kept] == ["000000", "000002", "000004", "000006"]


def test_failures_are_those_of_films_that_are_there(looker, tmp_path):
    place, other, out = tmp_path / "films", tmp_path / "other", tmp_path / "out"
    for path in (place / "a.mp4", place / "b.mp4", other / "c.mp4"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert detect(looker, place, out)[1] == 2
    (place / "a.mp4").unlink()
    assert detect(looker, place, out)[1] == 1
    assert detect(looker, other, out)[1] == 1
    assert set(detect_table.table(out).read()) == {"b.scene.npz", "c.scene.npz"}


def test_a_film_without_boxes_is_no_scene_where_boxes_are_given(looker, films, tmp_path):
    made, failed = detect(looker, films / "one.mp4", tmp_path, "predcls")
    assert failed == 1 and not made
    assert "Give --boxes FILE, or --mode sgdet" in detect_table.table(tmp_path).read()[
        "one.scene.npz"
    ].reason  # fmt: skip


def test_folders_of_pictures(looker, tmp_path):
    place = tmp_path / "pictures"
    (place / "good").mkdir(parents=True)
    (place / "several").mkdir()
    for i in range(3):
        PIL.Image.fromarray(detectors.frame(i)).save(place / "good" / f"{i}.png")
        size = (48, 64) if i else (40, 64)
        PIL.Image.fromarray(detectors.frame(i, size)).save(place / "several" / f"{i}.png")
    (place / "good" / "1.png").write_bytes(b"nothing")
    made, failed = detect(looker, place, tmp_path / "out")
    assert failed == 1 and made["good"].frames == ("0.png", "2.png")
    rows = detect_table.table(tmp_path / "out").read()
    assert "1.png cannot be read" in rows["good.scene.npz"].reason
    assert "expected pictures of one size" in rows["several.scene.npz"].reason


def test_nothing_detected(looker, annotated, tmp_path, monkeypatch):
    monkeypatch.setattr(looker, "likely", looking.Likely(least=1.0))
    made, failed = detect(looker, annotated, tmp_path)
    assert not failed and not len(made["c"].boxes) and len(made["c"].truth.pairs) == 6
    # To learn there are the true boxes all the same.
    assert len(made["a"].boxes) == 12 and made["a"].labels.tolist() == [1, 2, 3] * 4
    assert (made["a"].scores == 1).all() and made["a"].labelled.all()


def test_a_full_disk_costs_what_could_not_be_written(looker, annotated, tmp_path, monkeypatch):
    save = scene.Scene.save

    def full(self, path):
        if path.name.startswith("b"):
            raise OSError(28, "No space left on device")
        return save(self, path)

    monkeypatch.setattr(scene.Scene, "save", full)
    made, failed = detect(looker, annotated, tmp_path)
    assert failed == 1 and sorted(made) == ["a", "c"]
    row = detect_table.table(tmp_path).read()["b.scene.npz"]
    assert "cannot be written (No space left on device)" in row.reason
    monkeypatch.undo()
    assert sorted(detect(looker, annotated, tmp_path)[0]) == ["a", "b", "c"]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 0))
    with pytest.raises(UserError, match="GB are needed, 0.00 GB are free"):
        detect(looker, annotated, tmp_path / "new", "predcls")


FOUND = [
    {"frame": 0, "category": "Human", "score": 0.9, "bbox": [0, 0, 20, 40]},
    {"frame": 0, "category": "human", "score": 0.5, "bbox": [30, 0, 20, 40]},
    {"frame": 0, "category": "Cup", "score": 0.8, "bbox": [30, 30, 100, 10]},
    {"frame": 2, "category": "Tree", "score": 0.8, "bbox": [30, 30, 10, 10]},
    {"frame": 3, "category": "dog", "score": 0.7, "bbox": [30, 30, 10, 10]},
    {"frame": 9, "category": "dog", "score": 0.7, "bbox": [30, 30, 10, 10]},
]


def test_boxes_of_another_detector(looker, films, tmp_path):
    (tmp_path / "boxes.json").write_text(json.dumps(FOUND))
    (tmp_path / "table.csv").write_text("from,to\nHuman,person\nhuman,person\n")
    others = boxes_of_others.read(tmp_path / "boxes.json", WORDS, tmp_path / "table.csv")
    assert others.left_out == {"Tree": 1}
    made, _ = detect(looker, films / "long.mp4", tmp_path / "out", others=others)
    one = made["long"]
    assert one.box_frames.tolist() == [0, 0, 0, 3] and one.labels.tolist() == [1, 1, 2, 3]
    assert one.pairs.tolist() == [[0, 2]] and not one.labelled.any()
    assert one.boxes[2].tolist() == [30, 30, 64, 40]  # within the frame
    reason = detect_table.table(tmp_path / "out").read()["long.scene.npz"].reason
    assert reason.startswith("1 of its 5 boxes in") and "such as in frame 9; these" in reason
    np.testing.assert_allclose(one.distribution[2], [0.1, 0.8, 0.1], rtol=1e-5)
    seen = looker.see([detectors.frame(0)])
    assert looker.look(seen, one.box_frames[:3], one.boxes[:3])[0].shape == one.features[:3].shape
    lines = ["video,frame,class,score,x1,y1,x2,y2", "long,000003,dog,0.7,30,30,40,40"]
    (tmp_path / "boxes.csv").write_text("\n".join(lines))
    table = boxes_of_others.read(tmp_path / "boxes.csv", WORDS)
    got = table.scene("long", ["000003"], np.array([[64, 48]]), [3])
    np.testing.assert_array_equal(got.boxes, one.boxes[3:])
    assert not len(table.scene("other", ["000003"], np.array([[64, 48]]), [3]).boxes)
    table.check(["long", "other"])
    with pytest.raises(UserError, match=r"(?s)films that are not there:.*long\n.*- longer"):
        table.check(["longer", "other"])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("from,to\nTür,cup\n".encode("cp1252"), "is no text in UTF-8"),
        (b"from,to\nhuman,person\ncup\n", "line 3: has no name in `from` or in `to`"),
        (b"from,to\nhuman,persons\n", "persons: no classes of the scenes. Did you mean 'person'"),
        (b"name,to\nhuman,person\n", "lacks the column.* from"),
    ],
)
def test_tables_of_classes_that_are_none(tmp_path, content, told):
    boxes, table = tmp_path / "boxes.csv", tmp_path / "table.csv"
    boxes.write_bytes("frame;class;score;x1;y1;x2;y2\n3;Tür;0,7;1;2;3;4\n".encode("cp1252"))
    table.write_bytes(content)
    with pytest.raises(UserError, match=r"boxes.csv: is no text in UTF-8"):
        boxes_of_others.read(boxes, WORDS, table)
    boxes.write_text("frame;class;score;x1;y1;x2;y2\n3;human;1;1;2;3;4\n")
    with pytest.raises(UserError, match=told):
        boxes_of_others.read(boxes, WORDS, table)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{}", "holds no list"),
        ("[", "is no JSON"),
        ([{**FOUND[0], "bbox": [1, 2, 3]}], "box 0: not enough values"),
        ([{**FOUND[0], "bbox": [9, 9, -3, 4]}], "reversed"),
        ([{**FOUND[0], "score": 7}], "the score 7, expected 0 to 1"),
        ([{"frame": 0}], "box 0: 'bbox' is missing"),
        ([FOUND[3]], "none of its 1 boxes is of a class of the scenes. Its classes: Tree"),
    ],
)
def test_boxes_that_are_none(tmp_path, content, told):
    path = tmp_path / "boxes.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UserError, match=told):
        boxes_of_others.read(path, WORDS)


def test_boxes_that_are_found_need_a_person_to_be_paired_with():
    words = vocabulary.from_json({**CLASSES, "objects": ["cup", "dog"]}, "here")
    other = detectors.detector(("__background__", "person", "cat"))
    for mode, others in (("sgdet", False), ("sgdet", True), ("predcls", True)):
        with pytest.raises(UserError, match="have none among their classes.*cup, dog"):
            making.SceneMaker(other, mode, words, others=others)
    assert making.SceneMaker(other, "predcls", words).words == words
    same = detectors.detector(words.objects)
    assert making.SceneMaker(same, "sgcls", words, others=True).same_classes


def test_boxes_of_another_detector_do_not_take_the_place_of_annotations(
    annotated, tmp_path, capsys
):
    (tmp_path / "boxes.json").write_text("[]")
    words = ["detect", annotated, "--detector", tmp_path, "--out", tmp_path / "out"]
    words += ["--mode", "sgdet", "--boxes", tmp_path / "boxes.json"]
    assert cli.main([*map(str, words)]) == 1
    assert "is annotated, and what is annotated would be lost" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_detector_of_other_classes_only_looks_at_given_boxes(annotated, tmp_path):
    other = detectors.detector(("__background__", "person", "cat"))
    with pytest.raises(UserError, match=r"tells 2 classes \(person, cat\), the scenes have 3"):
        plan(other, tmp_path, "sgdet")
    assert not plan(other, tmp_path, "predcls").maker.same_classes
