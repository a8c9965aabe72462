"""Films as clips, and their answers."""

import json

import extract_fakes
import numpy as np
import pytest
import run_helpers

from jaxsign.errors import UserError
from jaxsign.infer import clip_items, files, predict
from jaxsign.infer import run as runs
from jaxsign.input.signs.extract import films, recording
from jaxsign.input.signs.extract.settings import ExtractionSettings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run_helpers.save_run(tmp_path_factory.mktemp("run") / "r")


def test_films_are_answered_as_their_clips_and_bad_ones_are_told(folder, tmp_path, capsys):
    for name, frames in (("a.mp4", 6), ("deep/b.mp4", 9)):
        extract_fakes.movie(tmp_path / "films" / name, frames)
    (tmp_path / "films" / "c.mp4").write_bytes(b"no film")
    green = extract_fakes.movie(tmp_path / "films" / "d.mp4", 3, colour=extract_fakes.GREEN)
    finder = films.Finder(extract_fakes.Fake)
    out = tmp_path / "p.json"

    def told(source, **rest):
        failed = predict.predict_files(folder, source, out=out, batch_size=2, **rest)
        return failed, json.loads(out.read_text())

    failed, found = told(tmp_path / "films", finder=finder)
    printed = capsys.readouterr().err
    assert failed == 2 and "c.mp4" in printed
    assert f"{green}: RuntimeError: the graph has no more frames" in printed
    assert [row.pop("file") for row in found] == ["a.mp4", "deep/b.mp4"]
    for name in ("a", "deep/b"):
        film = tmp_path / "films" / f"{name}.mp4"
        clip, _ = recording.record(film, extract_fakes.Fake(), ExtractionSettings())
        clip.save(tmp_path / "clips" / f"{name}.clip.npz")
    _, expected = told(tmp_path / "clips")
    assert [row.pop("file") for row in expected] == ["a.clip.npz", "deep/b.clip.npz"]
    assert found == expected


def test_models_that_cannot_be_loaded_stop_before_the_first_film(tmp_path):
    extract_fakes.movie(tmp_path / "a.mp4", 3)
    with pytest.raises(UserError, match="model.task: cannot be loaded"):
        clip_items.find(tmp_path, films.Finder(extract_fakes.refusing))


def test_runs_of_features_do_not_look_for_landmarks(tmp_path):
    run = runs.load_run(run_helpers.save_run(tmp_path / "r", "iv3_gru"))
    finder = films.Finder(extract_fakes.Fake)
    (item,) = clip_items.find(extract_fakes.movie(tmp_path / "a.mp4", 3), finder)
    with pytest.raises(UserError, match="2048 stored features.*jaxsign features"):
        files.read(item, run)


def test_a_film_is_seen_as_its_settings_say(tmp_path):
    path = extract_fakes.movie(tmp_path / "a.mp4", 6)
    (item,) = clip_items.find(
        path, films.Finder(extract_fakes.Fake, ExtractionSettings(every_nth=2))
    )
    clip = item.collection.read(item.index)
    assert len(clip) == 3 and np.isfinite(clip.landmarks).any()
