"""The page of a run that tells relations, asked while it runs in this process."""

import json
import threading

import pytest
import serving
from PIL import Image

from jaxsign import cli
from jaxsign.infer import run as runs
from jaxsign.infer.graphs import films, looker, outputs, sliding
from jaxsign.infer.serve import scenes, server
from jaxsign.input import film
from jaxsign.input.scenes import vocabulary
from tests.infer.detect import detectors
from tests.infer.graphs import told

OBJECTS = vocabulary.ACTION_GENOME.objects


@pytest.fixture(scope="module")
def told_by(tmp_path_factory):
    """A run that tells relations, and what finds boxes for it."""
    folder = tmp_path_factory.mktemp("run") / "r"
    told.save_film_run(folder, (detectors.net(), detectors.variables()), OBJECTS)
    run = runs.load_run(folder)
    looks = looker.FilmLooker(run, detectors.detector(OBJECTS), folder)
    return sliding.FrameFollower(run), looks


@pytest.fixture(scope="module")
def served(told_by, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uploads")
    with server.PageServer(0, serving.MOST) as page:
        page.show(scenes.SceneShowing(*told_by), folder)
        threading.Thread(target=page.serve_forever, daemon=True).start()
        yield serving.Served(page, told_by[0].run.workdir, folder)
        page.shutdown()


def a_film(path, count=5):
    with film.Writer(path) as writer:
        for number in range(count):
            writer.add(Image.fromarray(detectors.frame(number, (48, 64))), number / 10)
    return path


def test_a_film_is_told_as_the_verb_scene_tells_it(served, told_by, tmp_path):
    path, out = a_film(tmp_path / "kitchen.mp4"), tmp_path / "out"
    films.tell_film(*told_by, path, out, outputs.USUAL)
    graph = json.loads((out / "graph.json").read_text("utf-8"))
    found, key = serving.whole(served, "name=kitchen.mp4", path.read_bytes())
    assert found["answer"] == graph and found["said"].startswith("5 frames: ")
    assert found["csv"] == (out / "graph.csv").read_text("utf-8")
    things = found["timeline"]["things"]
    most = [graph["statistics"][name][:12] for name in ("objects", "relations")]
    assert [one["name"] for one in things] == [one["name"] for one in most[0] + most[1]] != []
    assert all(0 <= start <= end <= 0.4 for one in things for start, end in one["spells"])
    for name, kind in (("film", "video/mp4"), ("picture", "image/png")):
        status, headers, _ = serving.ask(served, "GET", f"/jobs/{key}/{name}")
        assert status == 200 and headers["Content-Type"] == kind
    serving.ask(served, "DELETE", f"/jobs/{key}")
    assert serving.predict(served, path) == (200, graph)
    assert list(served.folder.iterdir()) == []


def test_what_is_no_film_is_told(served, tmp_path):
    (tmp_path / "text.mp4").write_text("no film")
    status, answer = serving.predict(served, tmp_path / "text.mp4")
    assert status == 422 and answer["error"].startswith("text.mp4: cannot be read as a video")
    assert not serving.ask(served, "GET", "/run")[2]["example"]


def test_options_that_say_nothing_of_these_films_are_refused(told_by, capsys):
    run = told_by[0].run.workdir
    line = f"serve --port 0 --workdir {run} --every-nth 1 --static"
    for detector in (f" --detector {run} --language 0", ""):  # known before and behind loading
        assert cli.main((line + detector).split()) == 1
        language = ", --language" if detector else ""
        expected = f"--every-nth, --static{language}: cannot be given for a run of relations"
        assert expected in capsys.readouterr().err


def test_a_model_that_comes_with_the_package_is_no_detector(told_by, capsys):
    run = told_by[0].run.workdir
    words = ["serve", "--workdir", str(run), "--port", "0", "--detector"]
    assert cli.main([*words, "model:traduttore33"]) == 1
    assert "no detector. Give a run of" in capsys.readouterr().err
    assert cli.main([*words, "model:traduttore"]) == 1
    assert "Known: model:traduttore33" in capsys.readouterr().err


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    with serving.scenes_opened(tmp_path_factory.mktemp("stored")) as served:
        yield served


def test_a_stored_scene_is_told_as_the_verb_scene_tells_it(stored, tmp_path):
    path, out = told.scene().save(tmp_path / "kitchen.scene.npz"), tmp_path / "out"
    assert cli.main(["scene", str(path), "--workdir", str(stored.run), "--out", str(out)]) == 0
    graph = json.loads((out / "graph.json").read_text("utf-8"))
    found, key = serving.whole(stored, "name=kitchen.scene.npz", path.read_bytes())
    assert found["answer"] == graph and found["film"] and found["picture"]
    assert found["timeline"]["things"] and found["csv"] == (out / "graph.csv").read_text("utf-8")
    serving.ask(stored, "DELETE", f"/jobs/{key}")
    assert serving.predict(stored, path) == (200, graph)


def test_an_example_is_a_scene_made_by_code(stored):
    assert serving.ask(stored, "GET", "/run")[2]["example"] == "scene"
    found, key = serving.whole(stored, "example=1")
    assert found["frames"] == 5 and found["answer"]["metadata"]["film"] == "test_0000"
    serving.ask(stored, "DELETE", f"/jobs/{key}")
    assert list(stored.folder.iterdir()) == []


def test_an_example_is_a_film_where_films_are_looked_at(stored, tmp_path):
    follower = sliding.FrameFollower(runs.load_run(stored.run))

    def looks(name, frames):
        raise NotImplementedError

    path = scenes.SceneShowing(follower, looks).example(tmp_path)
    assert path.name == "test_0000.mp4" and len(list(films.frames_of(path))) == 5


def test_what_is_no_scene_is_told(stored, tmp_path):
    asked = serving.ask(stored, "GET", "/run")[2]
    assert not asked["films"] and asked["takes"] == "a scene file"
    status, answer = serving.predict(stored, a_film(tmp_path / "kitchen.mp4"))
    assert status == 422 and "start jaxsign serve with --detector RUN" in answer["error"]
    (tmp_path / "other.npz").write_bytes(b"PK")
    status, answer = serving.predict(stored, tmp_path / "other.npz")
    assert status == 422 and answer["error"].startswith("other.npz: ")
