"""STKET starts from what is known of classes beforehand: by the training scenes, or by a file."""

import jax
import numpy as np
import pytest
import recipes

from jaxsign.errors import UserError
from jaxsign.input.scenes import priors, sources
from jaxsign.train import initial, setup


def started(tmp_path, **train):
    config = recipes.small("stket:synthetic", tmp_path)
    config.train.update(**train)
    run = setup.prepare(config, tmp_path / "run")
    session = setup.begin(run, run.stages[0], None)
    made, notes = initial.variables(session.stage.config, session.task, session.train_batches)
    source = sources.open_source(run.config.data, "train")
    return made["params"], [note for note in notes if note.startswith("priors")], source


def assert_starts_from(params, found):
    for name in ("spatial", "temporal"):
        np.testing.assert_array_equal(
            params[f"{name}_priors"]["initial"], found.initial.astype("f")
        )
    specific = params["temporal_priors"]["specific"]
    np.testing.assert_array_equal(specific, found.specific.astype("f"))


def test_a_run_starts_from_its_training_scenes_or_a_file(tmp_path):
    params, (note,), source = started(tmp_path)
    found = priors.of_scenes(map(source.read, range(len(source.ids))), source.vocabulary)
    assert found.specific.any() and "known from synthetic scenes (train)" in note
    assert_starts_from(params, found)
    halved = priors.ClassPriors(found.initial / 2, found.specific / 2, found.contacts)
    path = tmp_path / "p.json"
    priors.write(path, halved, source.vocabulary)
    params, (note,), _ = started(tmp_path, priors=str(path))
    assert str(path) in note
    assert_starts_from(params, halved)
    assert any(leaf.any() for leaf in jax.tree.leaves(params["base_heads"]))  # the rest is random


def test_a_file_of_other_classes_is_refused_before_anything_is_told(tmp_path):
    for name, content, told in (
        ("p.json", "{}", "3 classes|is not there"),
        ("cut.json", '{"2": {', "cut.json: is no JSON .*ends early"),
        ("absent.json", None, "absent.json"),
    ):
        if content is not None:
            (tmp_path / name).write_text(content)
        config = recipes.small("stket:synthetic", tmp_path)
        config.train.priors = str(tmp_path / name)
        with pytest.raises(UserError, match=told):
            setup.prepare(config, tmp_path / "run")
