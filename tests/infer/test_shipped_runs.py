"""What models that come with the package answer, and how such a model is made."""

import json
import shutil

import jax
import numpy as np
import pytest
import shipped_answers

from benchmarks import shipping
from jaxsign import api, cli, shipped
from jaxsign import config as configs
from jaxsign.infer import evaluate
from jaxsign.train import weights

RECORDED = json.loads(shipped_answers.FILE.read_text(encoding="utf-8"))
# Logits go up to about 10; machines add up float32 in other orders.
CLOSE = 2e-3

pytestmark = pytest.mark.slow  # one program for a clip of 20 frames, one for a tiny training


@pytest.fixture(scope="module")
def model():
    return api.load(shipped_answers.MODEL)


def check(model, asked, recorded):
    found = shipped_answers.answers(model, asked)
    names = [[line.rpartition(" ")[0] for line in told["best"]] for told in (found, recorded)]
    assert names[0] == names[1]
    np.testing.assert_allclose(found["logits"], recorded["logits"], atol=CLOSE)


def test_a_model_answers_as_it_did_when_it_was_shipped(model):
    check(model, [shipped_answers.waving()], RECORDED["waving"])


@pytest.mark.shared
def test_a_model_answers_clips_of_its_data_as_it_did(model):
    check(model, shipped_answers.of_test(), RECORDED["test"])


@pytest.mark.shared
def test_a_model_is_as_often_right_as_it_says(model, tmp_path):
    places = (shipped_answers.data(), shipped_answers.save_other_signer(tmp_path / "other"))
    for place, measured in zip(places, shipped.read("traduttore33").measured, strict=True):
        section = evaluate.data_section(model.run, "test", place, None)
        examples = evaluate.open_split(model.run, section, "test")
        scored = evaluate.score(model.run, examples, model.run.task.scorer(model.run, {}))
        assert (scored.right(), len(examples)) == ({"gloss": measured.right}, measured.count)


def test_a_clip_is_predicted_by_the_name_of_a_model(tmp_path, capsys):
    shipped_answers.waving().save(tmp_path / "me.clip.npz")
    words = ["predict", "--workdir", shipped_answers.MODEL, str(tmp_path / "me.clip.npz")]
    assert cli.main(words) == 0
    best = RECORDED["waving"]["best"][0].partition(" ")[0]
    assert f"Gloss: {best} " in capsys.readouterr().out


TINY = {
    "net.dim": 16,
    "input.buckets": (8,),
    "input.max_length": 8,
    "input.batch_size": 4,
    "input.threads": 0,
    "train.epochs": 1,
    "schedule.warmup": 0,
    "log.tensorboard": False,
}


def save_data(folder):
    """Two signs of 8 frames in the layout of the model's data, six clips each."""
    rng = np.random.default_rng(0)
    landmarks = rng.random((12, 8, 75, 3), np.float32).astype(np.float16)
    split = np.array([0, 0, 0, 0, 1, 2] * 2)
    folder.mkdir()
    np.savez(
        folder / "sequences.npz", landmarks=landmarks, label=np.arange(12) // 6, split=split,
        pose_visibility=np.ones((12, 8, 33), np.float16), classes=np.array(["yes", "no"]),
    )  # fmt: skip
    return folder


def train(folder, recipe, **keys):
    data = save_data(folder / "data")
    paths = {f"data.{split}.path": str(data) for split in ("train", "val")}
    api.train(recipe, folder / "run", quiet=True, **{**TINY, **paths, **keys})
    return folder / "run"


def test_the_recipe_of_a_model_makes_one(tmp_path):
    run, made = train(tmp_path, shipped.read("traduttore33").recipe), tmp_path / "made"
    made.mkdir()
    for name in ("README.md", shipped.ABOUT):
        shutil.copy(shipped.FOLDER / "traduttore33" / name, made)
    shipping.ship(run, made)
    half, whole = (jax.tree.leaves(weights.load_variables(folder)[0]) for folder in (made, run))
    assert {array.dtype for array in half} == {array.dtype for array in whole}
    for one, other in zip(half, whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-6)
    assert shipped.read("made", tmp_path).files
    stored = (made / "config.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in stored


@pytest.mark.shared
def test_a_training_starts_from_a_model(tmp_path):
    recipe = shipped.read("traduttore33").recipe
    keys = {"net.dim": 192, "train.init_from": shipped_answers.MODEL, "optim.lr": 1e-9}
    run = train(tmp_path, recipe, **keys)
    assert configs.load_run_config(run).train.init_from == shipped_answers.MODEL
    ours, theirs = (
        weights.load_variables(folder)[0]["params"]["stem"]["kernel"]
        for folder in (run, shipped.FOLDER / "traduttore33")
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
