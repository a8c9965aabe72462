"""`jaxsign scene` on stored scenes, and relations told from pairs of frames."""

import dataclasses
import itertools
import json
import signal

import numpy as np
import pytest
from PIL import Image

from jaxsign import api, cli
from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.infer.graphs import looker, outputs, session, sliding
from jaxsign.input import film
from jaxsign.input.scenes import cutting
from tests.infer.graphs import told


@pytest.fixture(scope="module")
def run(made_once):
    return made_once("relations_run", told.save_run)


@pytest.fixture(scope="module")
def follower(run):
    made = sliding.FrameFollower(runs.load_run(run))
    made.candidates = False
    return made


def numbers(answers):
    return [[one.score for one in answer.relations] for answer in answers]


def test_frames_cut_out_of_a_scene_make_the_scene_again():
    scene = told.scene()
    parts = list(cutting.frames(scene))
    assert [len(part) for part in parts] == [1] * len(scene)
    again = cutting.joined(parts)
    for name, value in dataclasses.replace(scene, truth=None).arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], value, err_msg=name)


def test_a_film_in_one_go_and_in_pieces_is_told_the_same(follower):
    scene = told.scene()
    follower.begin()
    whole = list(follower.follow([scene]))
    assert [one.name for one in whole] == list(scene.frames)
    parts = list(cutting.frames(scene))
    follower.begin()
    pieces = [cutting.joined(parts[:2]), parts[2], cutting.joined(parts[3:])]
    found = []
    for piece in pieces:  # each is told before the next one comes
        found += [*follower.push(piece), *follower.flush()]
    assert [one.name for one in found] == list(scene.frames)
    for one, other in zip(numbers(whole), numbers(found), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_pairs_of_frames_tell_what_the_whole_video_tells(run, follower, tmp_path):
    path = told.scene().save(tmp_path / "a.scene.npz")
    assert (
        cli.main(["predict", "--workdir", str(run), str(path), "--out", str(tmp_path / "p.json")])
        == 0
    )
    wanted = json.loads((tmp_path / "p.json").read_text())["frames"]
    follower.begin()
    for frame, expected in zip(follower.follow([told.scene()]), wanted, strict=True):
        np.testing.assert_allclose(
            [one.score for one in frame.relations],
            [one["score"] for one in expected["relations"]],
            atol=1e-5,
        )


def test_the_verb_writes_a_film_over_its_pictures(run, tmp_path, capsys):
    scene = told.scene()
    path = scene.save(tmp_path / "kitchen.scene.npz")
    width, height = scene.image_sizes[0].tolist()
    with film.Writer(tmp_path / "kitchen.mp4") as writer:
        for number, time in enumerate(scene.times.tolist()):
            writer.add(Image.new("RGB", (width, height), (40 * number, 90, 0)), time)
    words = ["scene", str(path), "--workdir", str(run), "--out", str(tmp_path / "out")]
    assert cli.main([*words, "--pictures", str(tmp_path / "kitchen.mp4"), "--every", "2"]) == 0
    assert f"{tmp_path}/out: 3 frames: " in capsys.readouterr().out
    told_of = json.loads((tmp_path / "out" / "graph.json").read_text())
    assert [one["name"] for one in told_of["frames"]] == list(scene.frames[::2])
    assert told_of["metadata"]["film"] == "kitchen"
    assert {p.name for p in (tmp_path / "out").iterdir()} == set(outputs.NAMES)
    assert cli.main(words) == 1
    assert "holds film.mp4, graph.csv, graph.json ... already" in capsys.readouterr().err


def test_pictures_are_those_of_the_frames(tmp_path):
    from jaxsign.infer.graphs import pictures

    scene = told.scene()
    with film.Writer(tmp_path / "a.mp4") as writer:
        for number in range(2 * len(scene)):  # twice as many as were looked at
            at = scene.times[0] + number * (scene.times[1] - scene.times[0]) / 2
            writer.add(Image.new("RGB", (64, 48), (20 * number, 20 * number, 20 * number)), at)
    moved = dataclasses.replace(scene, times=scene.times - scene.times[0])
    found = [image.mean() for image in pictures.of_scene(moved, tmp_path / "a.mp4")]
    np.testing.assert_allclose(found, [40 * n for n in range(len(scene))], atol=3)
    late = dataclasses.replace(scene, times=scene.times + 60)
    with pytest.raises(UserError, match="ends before frame"):
        list(pictures.of_scene(late, tmp_path / "a.mp4"))
    with pytest.raises(UserError, match="5 of 5 frames are absent"):
        pictures.of_scene(scene, tmp_path)


def test_scenes_of_other_classes_and_runs_of_other_tasks_are_refused(follower, run, tmp_path):
    words = dataclasses.replace(told.scene().vocabulary, objects=("__background__", "person", "x"))
    scene = told.scene()
    few = dataclasses.replace(
        scene, vocabulary=words, labels=np.minimum(scene.labels, 2), distribution=None
    )
    follower.begin()
    with pytest.raises(UserError, match="classes|objects"):
        list(follower.follow([few]))
    follower.begin()
    wide = dataclasses.replace(scene, features=np.zeros((len(scene.boxes), 9), np.float32))
    with pytest.raises(UserError, match="net.feature_dim=6, but the data have 9"):
        list(follower.follow([wide]))


def test_ctrl_c_ends_a_film_as_if_it_ended(follower, tmp_path):
    def frames():
        for number, frame in enumerate(cutting.frames(told.scene())):
            if number == 3:
                signal.raise_signal(signal.SIGINT)
            yield frame, None

    wanted = outputs.Wanted(film=False)
    with pytest.raises(KeyboardInterrupt):
        session.tell(follower, frames(), tmp_path, "kitchen", wanted)
    graph = json.loads((tmp_path / "graph.json").read_text())
    assert [one["name"] for one in graph["frames"]] == list(told.scene().frames[:4])
    assert graph["statistics"]["frames"] == 4
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_live_frames_are_told_as_soon_as_they_come(run, monkeypatch):
    parts, taken = list(cutting.frames(told.scene())), []

    def opened(run, path, chunk):
        def looks(film, frames):
            while part := list(itertools.islice(frames, chunk)):
                yield from ((parts[one.number], one.image) for one in part)

        return looks

    def images():
        for number in range(len(parts)):
            taken.append(number)
            yield np.zeros((8, 8, 3), np.uint8)

    monkeypatch.setattr(looker, "opened", opened)
    graphs = api.load_graphs(run, "detector", live=True)
    waited = [len(taken) for _ in graphs.frames(images())]
    assert waited == [2, 2, 3, 4, 5]  # the first is told with the second


def test_several_scenes_get_folders_of_their_own(follower, tmp_path):
    from jaxsign.input.scenes import sources

    for name in ("a", "b"):
        told.scene().save(tmp_path / "in" / f"{name}.scene.npz")
    source = sources.of_folder(tmp_path / "in")
    wanted = outputs.Wanted(film=False)
    made = session.tell_scenes(follower, source, None, tmp_path / "out", wanted)
    assert [one.folder.name for one in made] == ["a", "b"]
    assert (tmp_path / "out" / "b" / "graph.json").is_file()
    (tmp_path / "one.mp4").touch()
    with pytest.raises(UserError, match="Say which: --clip NAME"):
        next(session.tell_scenes(follower, source, tmp_path / "one.mp4", tmp_path, wanted))
    assert session.one_of(source, "b").read(0).source.endswith("b.scene.npz")
    with pytest.raises(UserError, match="holds no such scene"):
        session.one_of(source, "c")
