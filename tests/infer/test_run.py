"""Loading a run folder, and logits that do not depend on padding or batch."""

import json

import numpy as np
import pytest
import run_helpers
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.infer import run as runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run_helpers.save_run(tmp_path_factory.mktemp("run") / "r")


@pytest.fixture(scope="module")
def run(folder):
    return runs.load_run(folder)


def _clip(frames, seed=0):
    x = np.random.default_rng(seed).random((frames, 156), np.float32)
    return runs.Clip(x, np.ones(frames, bool))


def test_everything_comes_from_the_folder(run):
    assert run.heads == ("gloss", "cat") and run.input_dim == 156
    assert run.labels["gloss"][3] == "DON’T KNOW"
    assert run.max_length == 32 and run.info["epoch"] == 7 and run.net.emb_dim == 16


def test_logits_are_those_of_the_net(run):
    clip = _clip(11)
    expected = run.net.apply(run.variables, clip.x[None], clip.valid[None])["logits"]
    found = run.logits({"x": clip.x[None]})
    for head in run.heads:
        np.testing.assert_allclose(found[head], expected[head], rtol=1e-5, atol=1e-6)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 32), min_size=1, max_size=9), st.sampled_from([1, 3]))
def test_a_clip_alone_and_in_any_batch_agree(run, lengths, batch_size):
    clips = [_clip(frames, seed) for seed, frames in enumerate(lengths)]
    together = run.classify(clips, batch_size)
    for row, clip in enumerate(clips):
        alone = run.logits({"x": clip.x[None]})
        for head in run.heads:
            np.testing.assert_allclose(together[head][row], alone[head][0], rtol=1e-4, atol=1e-5)


def test_lengths_fall_into_few_buckets(run):
    assert {run.bucket(frames) for frames in range(1, 33)} == {8, 16, 32}
    with pytest.raises(ValueError, match="cut the clip"):
        run.bucket(33)
    assert len(run.cut(_clip(50).x)) == 32


def test_compiled_programs_are_bounded_by_buckets(folder):
    run = runs.load_run(folder)
    run.classify([_clip(frames) for frames in range(1, 33)], 4)
    assert run._apply._cache_size() == 3


def test_cls_pooling_takes_one_frame_less(tmp_path):
    run = runs.load_run(run_helpers.save_run(tmp_path / "r", pooling="cls"))
    assert run.max_length == 31
    assert run.logits({"x": _clip(31).x[None]})["gloss"].shape == (1, 5)


def test_without_labels_json_there_are_no_names(tmp_path):
    run = runs.load_run(run_helpers.save_run(tmp_path / "r", names=None))
    assert run.labels == {"gloss": None, "cat": None}


@pytest.mark.parametrize("kind", ["absent", "empty", "file", "pt"])
def test_what_is_no_run_folder_is_said(tmp_path, kind):
    place = tmp_path / ("x.pt" if kind == "pt" else "x")
    if kind == "empty":
        place.mkdir()
    elif kind != "absent":
        place.write_text("x")
    with pytest.raises(UserError, match="is not a run folder.*config.json.*checkpoints") as error:
        runs.load_run(place)
    assert ("jaxsign import" in str(error.value)) and (kind != "pt" or "Bring" in str(error.value))


def test_no_checkpoint_yet_is_said(tmp_path):
    configs.save_run_config(configs.load("fslr_transformer"), tmp_path)
    with pytest.raises(UserError, match="no best checkpoint yet"):
        runs.load_run(tmp_path)


def _edit(folder, change):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def test_unknown_keys_name_the_nearest(tmp_path):
    folder = run_helpers.save_run(tmp_path / "r")
    _edit(folder, lambda c: c["optim"].update(weigth_decay=1))
    with pytest.raises(UserError, match="optim.weigth_decay.*optim.weight_decay"):
        runs.load_run(folder)


def test_keys_of_a_later_version_get_their_defaults(tmp_path):
    folder = run_helpers.save_run(tmp_path / "r")
    _edit(folder, lambda c: c.pop("smoke") and c["input"].pop("threads"))
    assert runs.load_run(folder).config.input.threads == configs.base().input.threads


def test_damaged_labels_are_said(tmp_path):
    folder = run_helpers.save_run(tmp_path / "r")
    (folder / "labels.json").write_text('["HELLO"]')
    with pytest.raises(UserError, match="labels.json: not readable"):
        runs.load_run(folder)
