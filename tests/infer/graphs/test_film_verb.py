"""`jaxsign scene` on films: a detector once a frame, and films that are none or broken."""

import json
import re

import numpy as np
import pytest
from helpers import ROOT
from PIL import Image

from jaxsign import api, cli
from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.infer.graphs import looker, outputs
from jaxsign.input import film
from jaxsign.input.scenes import vocabulary
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


def test_boxes_of_another_detector_are_taken(place, tmp_path):
    rows = [
        {"frame": 2, "category": "Person", "score": 0.9, "bbox": [2, 2, 20, 40]},
        {"frame": 2, "category": "chair", "score": 0.5, "bbox": [30, 20, 20, 20]},
    ]
    (tmp_path / "boxes.json").write_text(json.dumps(rows))
    out = tmp_path / "out"
    given = "--boxes", str(tmp_path / "boxes.json"), "--max-frames", "4", "--no-film"
    assert scene(place, place / "film.mp4", out, *given) == 0
    frames = json.loads((out / "graph.json").read_text())["frames"]
    assert [[one["label"] for one in frame["objects"]] for frame in frames] == [
        [], [], ["person", "chair"], [],
    ]  # fmt: skip
    assert len(frames[2]["relations"]) == 3 and not frames[3]["relations"]


def test_what_is_no_film_is_told(place, tmp_path, capsys):
    (tmp_path / "text.mp4").write_text("no film at all")
    (tmp_path / "empty.mp4").touch()
    for name, said in (("text.mp4", "cannot be read as a video"), ("empty.mp4", "is empty")):
        assert scene(place, tmp_path / name, tmp_path / "out") == 1
        assert said in capsys.readouterr().err
        assert not list((tmp_path / "out").glob("*"))


def test_a_film_of_one_frame_and_one_with_a_broken_end_are_told(place, graph, tmp_path, capsys):
    one = write(tmp_path / "one.mp4", [0])
    assert scene(place, one, tmp_path / "a", "--no-film") == 0
    assert "a: 1 frames: " in capsys.readouterr().out
    whole = write(tmp_path / "whole.mkv", range(60), (96, 128)).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    assert scene(place, tmp_path / "cut.mkv", tmp_path / "b", "--no-film") == 0
    told_of = capsys.readouterr()
    assert "b: " in told_of.out and "damaged" in told_of.err


def test_nothing_seen_anywhere_is_told(place, tmp_path, capsys):
    (tmp_path / "boxes.csv").write_text("frame,class,score,x1,y1,x2,y2\n99,person,1,0,0,9,9\n")
    out = tmp_path / "out"
    assert scene(place, place / "film.mp4", out, "--boxes", str(tmp_path / "boxes.csv")) == 0
    assert "7 frames: no relations" in capsys.readouterr().out
    assert "7 frames without a box" in (out / outputs.SUMMARY).read_text()
    assert {path.name for path in out.iterdir()} == set(outputs.NAMES)


def test_detectors_that_do_not_fit_the_run_are_refused(place, tmp_path):
    run = runs.load_run(place / "run")
    run.config.net.feature_dim = 7
    with pytest.raises(UserError, match=r"gives features of feature_dim 512, not 7"):
        looker.FilmLooker(run, place / "faster_rcnn_ag.pth")
    run.config.net.mode = "sgcls"
    with pytest.raises(UserError, match="tells the classes of given boxes"):
        looker.FilmLooker(run, place / "faster_rcnn_ag.pth")
    run.config.net.mode = "sgdet"
    run.config.task.objects = (*OBJECTS[:-1], "lamp")
    with pytest.raises(UserError, match="Give the detector that its scenes were made with"):
        looker.FilmLooker(run, place / "faster_rcnn_ag.pth")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["film.mp4"], "is no scene file (*.scene.npz). Give the detector that finds boxes"),
        ([], "scene of what? Give INPUT, or --camera N, and not both"),
        (["--camera", "0"], "--camera: give the detector that finds boxes"),
        (["film.mp4", "--boxes", "film.mp4"], "--boxes goes with a film and --detector"),
        (["film.mp4", "--detector", "film.mp4", "--clip", "x"], "--clip goes with stored scenes"),
    ],
)
def test_words_that_do_not_go_together(place, tmp_path, monkeypatch, capsys, more, said):
    monkeypatch.chdir(place)
    assert cli.main(["scene", *more, "--workdir", "run", "--out", str(tmp_path / "o")]) == 1
    assert said in capsys.readouterr().err


def test_a_camera_is_told_until_its_frames_end(place, tmp_path, monkeypatch):
    from jaxsign.infer.live import frames

    images = [(n / 10, detectors.frame(n)) for n in range(4)]
    monkeypatch.setattr(frames, "camera", lambda number: iter(images))
    words = ["scene", "--camera", "0", "--no-window", "--workdir", str(place / "run"), "--out"]
    detector = "--detector", str(place / "faster_rcnn_ag.pth")
    assert cli.main([*words, str(tmp_path / "out"), *detector, "--every", "2"]) == 0
    told_of = json.loads((tmp_path / "out" / "graph.json").read_text())
    assert [one["name"] for one in told_of["frames"]] == ["000000", "000002"]
    np.testing.assert_allclose([one["seconds"] for one in told_of["frames"]], [0, 0.2])


def test_the_page_of_the_library_tells_of_films(place, graph, tmp_path, monkeypatch, capsys):
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
    assert "0.20 s person" in capsys.readouterr().out
    assert json.loads((tmp_path / "told/film/graph.json").read_text())["frames"] == graph["frames"]
    images = (detectors.frame(number) for number in range(3))
    told_of = [one.json() for one in names["graphs"].frames(images)]
    assert [one["number"] for one in told_of] == [0, 1, 2] and told_of[1]["relations"]
