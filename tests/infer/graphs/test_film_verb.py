"""`jaxsign scene` on films: a detector once a frame, and films that are none or broken."""

import functools
import json
import re

import numpy as np
import pytest
from helpers import ROOT
from PIL import Image

from jaxsign import api, cli
from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.infer.graphs import films, looker, outputs, session, sliding
from jaxsign.input import film
from jaxsign.input.scenes import videos, vocabulary
from tests.infer.detect import detectors
from tests.infer.graphs import told

OBJECTS = vocabulary.ACTION_GENOME.objects


@pytest.fixture(scope="module")
def place(made_once):
    def make(folder):
        folder.mkdir()
        detectors.file(folder)
        told.save_film_run(folder / "run", (detectors.net(), detectors.variables()), OBJECTS)
        write(folder / "film.mp4", range(7))

    return made_once("film_of_graphs", make)


def write(path, numbers, size=(48, 64)):
    with film.Writer(path) as writer:
        for number in numbers:
            writer.add(Image.fromarray(detectors.frame(number, size)), number / 10)
    return path


def scene(place, source, out, *more):
    words = ["scene", str(source), "--workdir", str(place / "run"), "--out", str(out), "--detector"]
    return cli.main([*words, str(place / "faster_rcnn_ag.pth"), *more])


@pytest.fixture(scope="module")
def graph(place, tmp_path_factory):
    out = tmp_path_factory.mktemp("told") / "out"
    assert scene(place, place / "film.mp4", out) == 0
    assert {path.name for path in out.iterdir()} == set(outputs.NAMES)
    return json.loads((out / "graph.json").read_text())


def test_a_film_is_told_frame_by_frame(graph):
    assert [one["number"] for one in graph["frames"]] == list(range(7))
    assert graph["frames"][3]["seconds"] == pytest.approx(0.3, abs=1e-3)
    assert graph["statistics"]["boxes"] > 7 and graph["metadata"]["mode"] == "sgdet"
    assert any(one["relations"] for one in graph["frames"])


@pytest.fixture(scope="module")
def run(place):
    return runs.load_run(place / "run")


@pytest.fixture(scope="module")
def follower(run):
    return sliding.FrameFollower(run)


@pytest.fixture(scope="module")
def seeing(run):
    return detectors.detector(OBJECTS, chunk=4)


def film_told(follower, looks, path, out, most=0):
    wanted = outputs.Wanted(film=False)
    made = films.tell_film(follower, looks, path, out, wanted, session.ChosenFrames(1, most))
    return made, json.loads((out / "graph.json").read_text())["frames"]


def parts_of(frame):
    """Numbers of a frame's boxes, and of its relations by what they tell."""
    answer = frame.answer
    relations = {(one.subject, one.predicate, one.object): one.score for one in answer.relations}
    return answer.name, answer.classes, answer.boxes, answer.scores, relations


def test_a_film_in_one_go_in_pieces_and_in_other_chunks_is_told_the_same(place, follower, seeing):
    shown = [videos.ShownFrame(f"{n}", n, detectors.frame(n), n / 10) for n in range(9)]

    def told_of(detector, frames):
        follower.begin()
        looks = looker.FilmLooker(follower.run, detector, place)
        return [parts_of(one) for one in session.seen(follower, looks("film", frames))]

    whole = told_of(seeing, shown)
    # A piece begins with the frame before it, from which its relations are told as well.
    pieces = told_of(seeing, shown[:3]) + told_of(seeing, shown[2:])[1:]
    one_by_one = told_of(detectors.detector(OBJECTS, chunk=1), shown)
    assert [one[0] for one in whole] == [f"{n}" for n in range(9)]
    assert sum(len(one[4]) for one in whole) > 9
    for other in (pieces, one_by_one):
        for one, two in zip(whole, other, strict=True):
            assert one[:2] == two[:2] and one[4].keys() == two[4].keys()
            np.testing.assert_allclose(one[2], two[2], atol=1e-2)
            np.testing.assert_allclose(one[3], two[3], atol=1e-3)
            np.testing.assert_allclose([*one[4].values()], [two[4][k] for k in one[4]], atol=1e-3)


def test_boxes_of_another_detector_are_taken(place, follower, seeing, tmp_path):
    rows = [
        {"frame": 2, "category": "Person", "score": 0.9, "bbox": [2, 2, 20, 40]},
        {"frame": 2, "category": "chair", "score": 0.5, "bbox": [30, 20, 20, 20]},
    ]
    (tmp_path / "boxes.json").write_text(json.dumps(rows))
    looks = looker.FilmLooker(follower.run, seeing, place, boxes=tmp_path / "boxes.json")
    _, frames = film_told(follower, looks, place / "film.mp4", tmp_path / "out", 4)
    assert [[one["label"] for one in frame["objects"]] for frame in frames] == [
        [], [], ["person", "chair"], [],
    ]  # fmt: skip
    assert len(frames[2]["relations"]) == 3 and not frames[3]["relations"]


def test_boxes_find_the_pictures_of_a_folder(place, follower, seeing, tmp_path, capsys):
    folder = tmp_path / "kitchen"
    folder.mkdir()
    for number in range(1, 5):
        Image.fromarray(detectors.frame(number)).save(folder / f"view_{number}.png")
    (folder / "view_2.png").write_bytes(b"no picture")
    row = {"category": "person", "score": 0.9, "bbox": [2, 2, 20, 40]}
    by_name, by_number = row | {"frame": "view_3.png"}, row | {"frame": 3, "category": "chair"}
    (tmp_path / "boxes.json").write_text(json.dumps([by_name, by_number]))
    looks = looker.FilmLooker(follower.run, seeing, place, boxes=tmp_path / "boxes.json")
    _, frames = film_told(follower, looks, folder, tmp_path / "out")
    assert [(one["name"], [box["label"] for box in one["objects"]]) for one in frames] == [
        ("view_1.png", []), ("view_3.png", ["person"]), ("view_4.png", ["chair"]),
    ]  # fmt: skip
    assert "view_2.png cannot be read" in capsys.readouterr().err


def test_nothing_seen_anywhere_is_told(place, follower, seeing, tmp_path, caplog):
    (tmp_path / "boxes.csv").write_text("frame,class,score,x1,y1,x2,y2\n99,person,1,0,0,9,9\n")
    looks = looker.FilmLooker(follower.run, seeing, place, boxes=tmp_path / "boxes.csv")
    made, _ = film_told(follower, looks, place / "film.mp4", tmp_path / "out")
    assert made.line == "7 frames: no relations"
    assert "film: 1 of its 1 boxes in" in caplog.text and "these were 000000 to" in caplog.text
    assert "7 frames without a box" in (tmp_path / "out" / outputs.SUMMARY).read_text()
    assert len(made.files) == len(outputs.NAMES) - 1


def test_boxes_of_other_films_only_are_refused(place, follower, seeing, tmp_path):
    lines = "video,frame,class,score,x1,y1,x2,y2\nfilm.mp4,1,person,1,0,0,9,9\n"
    (tmp_path / "boxes.csv").write_text(lines)
    looks = looker.FilmLooker(follower.run, seeing, place, boxes=tmp_path / "boxes.csv")
    with pytest.raises(UserError, match=r"(?s)films that are not there:.*film.mp4.*mean 'film'"):
        looks("film", [])


def test_what_is_no_film_is_told(place, follower, seeing, tmp_path):
    looks = looker.FilmLooker(follower.run, seeing, place)
    (tmp_path / "text.mp4").write_text("no film at all")
    (tmp_path / "empty.mp4").touch()
    for name, said in (("text.mp4", "cannot be read as a video"), ("empty.mp4", "is empty")):
        with pytest.raises(UserError, match=said):
            film_told(follower, looks, tmp_path / name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_film_of_one_frame_and_one_with_a_broken_end_are_told(
    place, follower, seeing, tmp_path, capsys
):
    looks = looker.FilmLooker(follower.run, seeing, place)
    made, _ = film_told(follower, looks, write(tmp_path / "one.mp4", [0]), tmp_path / "a")
    assert made.line.startswith("1 frame: ")
    whole = write(tmp_path / "whole.mkv", range(24), (96, 128)).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    _, frames = film_told(follower, looks, tmp_path / "cut.mkv", tmp_path / "b")
    assert 0 < len(frames) < 24 and "damaged" in capsys.readouterr().err


def test_detectors_that_do_not_fit_the_run_are_refused(place, seeing):
    run = runs.load_run(place / "run")
    fits = functools.partial(looker.FilmLooker, run, seeing, place)
    run.config.task.detector = "0123"
    with pytest.raises(UserError, match=r"were made with 0123: to its net these are other numbers"):
        fits()
    run.config.task.detector = seeing.digest
    run.config.net.feature_dim = 7
    with pytest.raises(UserError, match=r"gives features of feature_dim 512, not 7"):
        fits()
    run.config.net.mode = "sgcls"
    with pytest.raises(UserError, match="tells the classes of given boxes"):
        fits()
    run.config.net.mode = "sgdet"
    run.config.task.objects = (*OBJECTS[:-1], "lamp")
    with pytest.raises(UserError, match="Give the detector that its scenes were made with"):
        fits()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["film.mp4"], "is no scene file (*.scene.npz). Give the detector that finds boxes"),
        ([], "scene of what? Give INPUT, or --camera N, and not both"),
        (["--camera", "0"], "--camera: give the detector that finds boxes"),
        (["film.mp4", "--boxes", "film.mp4"], "--boxes goes with a film and --detector"),
        (["film.mp4", "--detector", "film.mp4", "--clip", "x"], "--clip goes with stored scenes"),
        (["film.mp4", "--recipe", "paper"], "--recipe goes with a film and --detector"),
        (["film.mp4", "--source-fps", "5"], "--source-fps goes with a film and --detector"),
        (["film.mp4", "--no-window"], "--no-window goes with --camera"),
        (["film.mp4", "--detector", "film.mp4", "--box-classes", "film.mp4"], "Give --boxes FILE"),
        (["--camera", "0", "--detector", "film.mp4", "--source-fps", "5"], "camera's frames have"),
    ],
)
def test_words_that_do_not_go_together(place, tmp_path, monkeypatch, capsys, more, said):
    monkeypatch.chdir(place)
    assert cli.main(["scene", *more, "--workdir", "run", "--out", str(tmp_path / "o")]) == 1
    assert said in capsys.readouterr().err


def test_a_camera_is_told_until_its_frames_end(place, follower, seeing, tmp_path, monkeypatch):
    from jaxsign.infer.live import frames

    images = [(n / 10, detectors.frame(n)) for n in range(4)]
    monkeypatch.setattr(frames, "camera", lambda number: iter(images))
    looks = looker.FilmLooker(follower.run, seeing, place)
    films.tell_camera(
        follower, looks, 0, tmp_path, outputs.Wanted(), session.ChosenFrames(2), shown=False
    )
    told_of = json.loads((tmp_path / "graph.json").read_text())
    assert told_of["metadata"]["film"] == "camera 0"
    assert [one["name"] for one in told_of["frames"]] == ["000000", "000002"]
    np.testing.assert_allclose([one["seconds"] for one in told_of["frames"]], [0, 0.2])


def test_the_page_of_the_library_tells_of_films(place, seeing, tmp_path, monkeypatch, capsys):
    # A second detector would be compiled as long as all other tests here take together.
    monkeypatch.setattr(
        looker, "opened", lambda run, path, chunk: looker.FilmLooker(run, seeing, path)
    )
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    block = next(
        one for one in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "graphs" in one
    )
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "relations").symlink_to(place / "run")
    (tmp_path / "runs" / "detector").symlink_to(place / "faster_rcnn_ag.pth")
    (tmp_path / "film.mp4").symlink_to(place / "film.mp4")
    monkeypatch.chdir(tmp_path)
    names = {"api": api}
    exec(compile(block, "docs/api.md", "exec"), names)
    assert "0.60 s person" in capsys.readouterr().out
    # A file does not hold the size that a detector sees frames in: the verb's boxes are others.
    written = json.loads((tmp_path / "told/film/graph.json").read_text())["frames"]
    assert written == [one.json() for one in names["graphs"].frames("film.mp4")]
    images = (detectors.frame(number) for number in range(3))
    told_of = [one.json() for one in names["graphs"].frames(images)]
    assert [one["number"] for one in told_of] == [0, 1, 2] and told_of[1]["relations"]
