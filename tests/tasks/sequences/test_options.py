"""Which decoding a run takes: its recipe's, what is asked for, what its decoder is worth."""

import dataclasses

import numpy as np
import pytest
import sequence_runs

from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.tasks.sequences import options
from jaxsign.tasks.sequences.options import DecodingOptions


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return runs.load_run(sequence_runs.save_run(tmp_path_factory.mktemp("run") / "r"))


def changed(run, *words, **info):
    """The run with another recipe and another epoch."""
    from jaxsign import config as configs

    config = configs.load("whisper_sign", words)
    return dataclasses.replace(run, config=config, info={**run.info, **info})


def test_the_recipe_decides_and_words_change_it(run):
    assert options.of_run(run) == DecodingOptions("two_pass", 10, 8, 0.3, 0.0)
    own = changed(run, "--config.decode.ctc_weight=0.5", "--config.decode.beam=20")
    assert options.of_run(own) == DecodingOptions("two_pass", 20, 8, 0.5, 0.0)
    assert options.of_run(changed(run, "--config.stage.stage3.loss.alpha=0.2")).ctc_weight == 0.2
    assert options.of_run(own, mode="greedy", beam=None).mode == "greedy"


def test_beam_and_n_best_follow_each_other(run):
    assert options.of_run(run, beam=4).n_best == 4
    assert options.of_run(run, n_best=30).beam == 30
    with pytest.raises(UserError, match="n_best <= beam"):
        options.of_run(run, beam=4, n_best=5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"mode": "tow_pass"}, "two_pass"),
        ({"beam": 0}, "n_best <= beam"),
        ({"ctc_weight": 1.2}, "between 0 and 1"),
    ],
)
def test_nonsense_is_refused(given, message):
    with pytest.raises(UserError, match=message):
        DecodingOptions(**given)


def test_a_setting_that_there_is_not_names_the_nearest(run):
    with pytest.raises(UserError, match="Did you mean 'beam'"):
        options.of_run(run, beem=3)


def test_a_decoder_that_no_stage_has_reached_is_left_out(run, capsys):
    first = changed(run, epoch=30)  # the last epoch of stage 1
    assert options.of_run(first).mode == "beam"
    assert options.of_run(changed(run, epoch=31)).mode == "two_pass"
    alone = changed(run, "--config.stages=stage1")
    assert options.of_run(alone).mode == "beam"
    assert not capsys.readouterr().err
    options.of_run(first, mode="two_pass")
    assert "never trained" in capsys.readouterr().err


def test_a_frozen_decoder_has_learned_nothing(run):
    own = changed(run, "--config.stages=stage1,stage2")
    assert options.of_run(own).mode == "two_pass"
    with own.config.unlocked():
        own.config.stage.stage2.train.frozen = ("^attention_decoder/",)
    assert options.of_run(own).mode == "beam"


def test_an_imported_decoder_whose_norm_is_fresh_was_never_trained(tmp_path):
    folder = sequence_runs.save_run(tmp_path / "r", epoch=0, manifest={"imported": {}})
    run = runs.load_run(folder)
    assert options.of_run(run).mode == "two_pass"
    decoder = dict(run.variables["params"]["attention_decoder"])
    fresh = {"scale": np.ones(16), "bias": np.zeros(16)}
    assert decoder["final_norm"].keys() == fresh.keys()
    decoder["final_norm"] = fresh
    params = {**run.variables["params"], "attention_decoder": decoder}
    original = dataclasses.replace(run, variables={**run.variables, "params": params})
    assert options.of_run(original).mode == "beam"


@pytest.mark.parametrize("values", [{"beam": 100_000}, {"length_bonus": float("nan")}])
def test_settings_that_nothing_can_be_made_of_are_refused(values):
    with pytest.raises(UserError, match=f"{next(iter(values))}="):
        DecodingOptions(**values)
