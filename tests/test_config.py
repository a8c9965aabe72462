"""Recipes: loading, overriding, storing, and telling two runs apart."""

import argparse
import dataclasses

import pytest
from ml_collections import ConfigDict

from jaxsign import arguments, defaults, fields, nets
from jaxsign import config as configs
from jaxsign.errors import UserError


def test_overrides_are_typed():
    words = ["--config.optim.lr=3e-4", "--config.input.buckets=(8,16)", "--config.seed=7"]
    config = configs.load("fslr_transformer", words)
    assert (config.optim.lr, config.input.buckets, config.seed) == (3e-4, (8, 16), 7)


def test_a_variant_is_chosen_by_the_argument():
    assert configs.load("fslr_transformer:synthetic").data.source == "synthetic"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("--config.optim.lrr=1", "unknown config key 'optim.lrr'. Did you mean 'optim.lr'"),
        ("--config.optim.lr=fast", "optim.lr=fast"),
        ("--config.input.batch_size=2.5", "batch_size=2.5"),
        ("--config.train.epochs", "needs a value"),
        ("--confg.seed=1", "Did you mean '--config.seed'"),
    ],
)
def test_wrong_overrides_name_the_key(word, message):
    with pytest.raises(UserError, match=message.replace("(", r"\(")):
        configs.load("fslr_transformer", [word])


def test_unknown_files_and_variants_list_what_there_is():
    with pytest.raises(UserError, match="Did you mean 'fslr_transformer'"):
        configs.load("fslr_transfromer")
    with pytest.raises(UserError, match="known: synthetic") as caught:
        configs.load("fslr_transformer:synthtic")
    assert "Traceback" not in str(caught.value)


def test_a_stored_recipe_comes_back_equal(tmp_path):
    config = configs.load("fslr_iv3_gru:large")
    configs.save_run_config(config, tmp_path)
    stored = configs.load_run_config(tmp_path)
    assert configs.flatten(stored) == configs.flatten(config)


def test_a_run_older_than_a_key_goes_on_in_its_way(tmp_path):
    config = configs.load("fslr_transformer")
    older = config.to_dict()
    del older["train"]["frozen_statistics"]
    configs.save_run_config(ConfigDict(older), tmp_path)
    stored = configs.load_run_config(tmp_path)
    assert (config.train.frozen_statistics, stored.train.frozen_statistics) == ("still", "move")
    configs.as_begun(config, stored)
    configs.check_same_run(config, stored, tmp_path)


@pytest.mark.parametrize(("name", "floor"), [("fslr_transformer", 0.0), ("whisper_sign", 1e-7)])
def test_a_run_from_when_one_schedule_had_a_lowest_rate_goes_on_so(name, floor, tmp_path):
    config = configs.load(name)
    older = config.to_dict()
    older["schedule"]["min_lr"] = 1e-7
    del older["schedule"]["warmup_updates_before"]
    configs.save_run_config(ConfigDict(older), tmp_path)
    stored = configs.load_run_config(tmp_path)
    assert stored.schedule.min_lr == floor
    configs.check_same_run(config, stored, tmp_path)


@pytest.mark.parametrize(("name", "key"), [("asl_hybrid", "net"), ("traduttore", "view")])
def test_a_run_older_than_local_hands_keeps_its_hands(name, key, tmp_path):
    config = configs.load(name)
    config[key].hands = "local"
    older = config.to_dict()
    del older[key]["hands"]
    configs.save_run_config(ConfigDict(older), tmp_path)
    stored = configs.load_run_config(tmp_path)
    configs.as_begun(config, stored)
    assert config[key].hands == "body"
    configs.check_same_run(config, stored, tmp_path)
    # A run that was asked for hands with the body is another one.
    config[key].hands = "local"
    configs.as_begun(config, stored)
    with pytest.raises(UserError, match=f"{key}.hands: 'body' there, 'local' now"):
        configs.check_same_run(config, stored, tmp_path)


def test_another_recipe_in_the_same_folder_is_refused(tmp_path):
    ours, theirs = configs.base(), configs.base()
    theirs.train.epochs, theirs.log.every_steps = 99, 1
    configs.check_same_run(ours, theirs, tmp_path)
    theirs.optim.lr = 0.5
    with pytest.raises(UserError, match=r"optim.lr: 0.5 there, 0.0001 now"):
        configs.check_same_run(ours, theirs, tmp_path)


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(UserError, match="not a run folder"):
        configs.load_run_config(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match="not a readable config"):
        configs.load_run_config(tmp_path)


def test_merged_refuses_unknown_keys():
    with pytest.raises(UserError, match="Did you mean 'optim.lr'"):
        configs.merged(ConfigDict({"optim": {"lr": 1.0}}), {"optim": {"lrr": 2.0}})


def test_defaults_keep_the_rules_of_their_fields():
    assert defaults.problems(configs.base()) == []
    for name in ("sign_transformer", "iv3_gru", "asl_hybrid", "whisper_sign"):
        net = nets.get(name)
        own = {field.name: field.default for field in dataclasses.fields(net)}
        assert fields.problems(net, own, "net.") == []


def test_problems_are_told_all_at_once_by_their_keys():
    config = configs.base()
    config.optim.lr, config.decode.mode = -1.0, "bean"
    config.input.augment.joints.time_scale = (1.2, 0.8)
    assert defaults.problems(config) == [
        "input.augment.joints.time_scale=(1.2, 0.8): expected (from, to) between 0.1 and 10",
        "optim.lr=-1.0: expected 0 or more",
        "decode.mode='bean': expected 'greedy', 'beam' or 'two_pass'. Did you mean 'beam'?",
    ]


def test_a_key_is_found_by_what_it_means():
    with pytest.raises(UserError, match="'optim.learning'. Did you mean 'optim.lr'"):
        configs.load("fslr_transformer", ["--config.optim.learning=1"])
    with pytest.raises(UserError, match="'optim.warm'. Did you mean 'schedule.warmup'"):
        configs.load("fslr_transformer", ["--config.optim.warm=1"])


@pytest.mark.parametrize("rate", ["1e-320", "1e30", "-1"])
def test_a_rate_is_one_that_there_may_be(rate):
    config = configs.load("fslr_transformer", [f"--config.data.source_fps={rate}"])
    assert defaults.problems(config) == [
        f"data.source_fps={float(rate)!r}: expected 0, or 0.01 to 1000"
    ]
    with pytest.raises(argparse.ArgumentTypeError, match="expected 0.01 to 1000"):
        arguments.rate(rate)
