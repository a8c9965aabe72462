"""The library: what docs/api.md shows runs, and agrees with the command line."""

import io
import json
import re
from contextlib import redirect_stdout

import numpy as np
import pytest
from helpers import ROOT, SHARED
from run_helpers import recorded, save_clip, save_run

from jaxsign import api, cli
from jaxsign.errors import UserError
from jaxsign.train import records

BLOCKS = re.findall(
    r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.DOTALL
)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The page's blocks in one program, but for those that need other files; what it prints."""
    place, text, names = tmp_path_factory.mktemp("page"), io.StringIO(), {}
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(text):
        patch.chdir(place)
        for block in BLOCKS:
            if ".task" not in block and "detector" not in block:
                exec(compile(block, "docs/api.md", "exec"), names)
    return place, text.getvalue(), names


def test_the_page_runs(told):
    place, text, names = told
    assert (place / "runs" / "first" / "metrics.csv").is_file()
    assert "(2, 32)" in text and names["result"].epochs == 2


@pytest.mark.shared
def test_films(told, monkeypatch):
    place, _, names = told
    (place / "models").mkdir()
    models = SHARED / "data" / "mediapipe_models"
    found = next(models.rglob("holistic_landmarker*.task"))
    (place / "models" / "holistic_landmarker.task").symlink_to(found)
    film = SHARED / "data" / "sign_clip_mit" / "clips" / "test_video.mp4"
    (place / "film.mp4").symlink_to(film)
    monkeypatch.chdir(place)
    text = io.StringIO()
    with redirect_stdout(text):
        exec(compile(next(b for b in BLOCKS if ".task" in b), "docs/api.md", "exec"), names)
    assert (place / "film.clip.npz").is_file() and text.getvalue().strip()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return api.load(save_run(tmp_path_factory.mktemp("run")))


def test_files_arrays_and_clips_are_answered_as_by_the_command_line(model, tmp_path):
    path = save_clip(tmp_path / "a.npz", 6)
    assert cli.main(
        [
            "predict",
            "--workdir",
            str(model.run.workdir),
            str(path),
            "--out",
            str(tmp_path / "a.json"),
        ]
    ) in (0, None)
    told = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    with np.load(path) as arrays:
        asked = [path, arrays["X"]]
    for answer in [model.predict(path), *model.predict(asked)]:
        assert answer.json()["gloss_prediction"] == told["gloss_prediction"]
        assert answer.json()["gloss_probability"] == pytest.approx(told["gloss_probability"])
    assert model.predict(recorded(7)).json()["gloss_prediction"]


def test_embeddings_do_not_depend_on_padding(model):
    x = np.random.default_rng(0).random((5, 156), np.float32)
    one, other = model.embed(x), model.embed([x, x[:3]])
    assert one.shape == (16,) and len(other) == 2
    np.testing.assert_allclose(one, other[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (np.zeros((4, 7), np.float32), "156"),
        (np.full((4, 156), np.nan, np.float32), "NaN"),
        ("nowhere.npz", "no such file"),
    ],
)
def test_what_cannot_be_asked(model, asked, words):
    with pytest.raises(UserError, match=words):
        model.predict(asked)


def test_unknown_outputs_options_and_keys(model, tmp_path):
    with pytest.raises(UserError, match="Did you mean 'embedding'"):
        model.embed(np.zeros((4, 156), np.float32), "embeding")
    with pytest.raises(UserError, match="--beam"):
        model.predict(np.zeros((4, 156), np.float32), beam=3)
    with pytest.raises(UserError, match="Did you mean 'optim.lr'"):
        api.train("fslr_transformer:synthetic", tmp_path, **{"optim.lrr": 1.0})
    with pytest.raises(UserError, match="another type"):
        api.train("fslr_transformer:synthetic", tmp_path, **{"optim.lr": "fast"})


def test_train_model_gives_the_monitors_best_value_and_stops_early(told, tmp_path):
    place, text, names = told
    assert 0 <= names["score"] <= 1 and f"accuracy {names['score']:.3f}" in text
    small = {**names["small"], "train.epochs": 6, "schedule.warmup": 1}
    # Nothing is better by 100: the first validation is the best, the third ends the training.
    stop = api.EarlyStopping(2, 100.0, "loss")
    score = api.train_model(
        "fslr_transformer:synthetic", workdir=tmp_path / "run", early_stopping=stop, **small
    )
    rows = records.read_csv(tmp_path / "run" / "metrics.csv")
    assert len(rows) == 3
    assert score == pytest.approx(max(float(row["val_gloss_acc"]) for row in rows), abs=1e-6)


def test_mistakes_of_train_model():
    with pytest.raises(UserError, match="patience=0: expected 1 or more"):
        api.EarlyStopping(0)
    for stop, said in (
        (api.EarlyStopping(1, -1.0), "train.min_delta=-1.0"),
        (api.EarlyStopping(1, 0.0, "los"), "train.stop_monitor='los'"),
    ):
        with pytest.raises(UserError, match=said):
            api.train_model("fslr_transformer:synthetic", early_stopping=stop)
    with pytest.raises(UserError, match="unknown key 'optim.lrr'"):
        api.train_model("fslr_transformer:synthetic", **{"optim.lrr": 1})
    with pytest.raises(UserError, match="train.epochs: would hold in no stage"):
        api.train_model("sttran:progressive", **{"train.epochs": 1})
