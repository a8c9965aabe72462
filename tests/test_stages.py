"""Stages and the choice of parameters that train."""

import pytest
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import stages as stage
from jaxsign.errors import UserError
from jaxsign.train import by_path

PATHS = ("backbone/conv/kernel", "cls_token", "head/out/kernel", "layer_0/norm1/scale")


def recipe(stages="", **entries):
    config = configs.load("fslr_transformer")
    config.unlock()
    config.stages, config.stage = stages, ConfigDict(entries)
    return config


def test_a_plain_run_has_one_stage():
    (only,) = stage.resolve(recipe())
    assert (only.name, only.epochs) == ("main", 20)


def test_a_key_that_each_stage_sets_anew_is_not_set_for_the_run():
    config = recipe(
        "a,b", a={"optim": {"lr": 1.0}, "train": {"epochs": 2}}, b={"optim": {"lr": 2.0}}
    )
    stage.check_taken(config, ["train.epochs", "optim.name", "stage.a.optim.lr"])
    with pytest.raises(UserError, match="optim.lr: .* Set stage.a.optim.lr, stage.b.optim.lr"):
        stage.check_taken(config, ["train.epochs", "optim.lr"])
    stage.check_taken(recipe(a={"optim": {"lr": 1.0}}), ["optim.lr"])  # which no run goes through
    # The run answers with the net's own mode.
    modes = {name: {"net": {"mode": name}} for name in ("predcls", "sgcls")}
    stage.check_taken(recipe("predcls,sgcls", **modes), ["net.mode"])


def test_only_a_plateau_goes_on_from_another():
    plateau = {"schedule": {"name": "plateau"}}
    stage.resolve(recipe("a,b", a=plateau, b={**plateau, "keep_schedule": True}))
    with pytest.raises(UserError, match="stage.b.keep_schedule: only a plateau goes on"):
        stage.resolve(recipe("a,b", a={}, b={**plateau, "keep_schedule": True}))


def test_a_stage_whose_early_stopping_counts_on_may_begin():
    until = {"monitor": "loss", "patience": 5}

    def resolved(stop, monitor="loss"):
        plateau = {"schedule": {"name": "plateau"}}
        train = {"early_stop": stop, "stop_monitor": monitor}
        after = {**plateau, "train": train, "keep_schedule": True}
        return stage.resolve(recipe("a,b", a={**plateau, "until": until}, b=after))

    for stop, monitor in ((0, "loss"), (6, "loss"), (5, "gloss")):
        assert resolved(stop, monitor)[1].config.train.early_stop == stop
    with pytest.raises(UserError, match=r"stage.b: train.early_stop=5 counts on.*more than 5, or"):
        resolved(5)


def test_stages_change_any_section_while_they_run():
    config = recipe(
        "head, all",
        head={"train": {"frozen": ("^layer_",), "epochs": 5}, "optim": {"lr": 1e-2}},
        all={"train": {"epochs": 7}, "start": "best"},
    )
    head, everything = stage.resolve(config)
    assert (head.epochs, everything.epochs) == (5, 7)
    assert head.config.train.frozen == ("^layer_",)
    assert (head.config.optim.lr, everything.config.optim.lr) == (1e-2, 1e-4)
    assert (head.start, everything.start) == ("last", "best")
    assert config.optim.lr == 1e-4


@pytest.mark.parametrize(
    ("stages", "entries", "message"),
    [
        ("hed", {"head": {}}, "Did you mean 'head'"),
        ("a", {"a": {"optim": {"lrr": 1}}}, "optim.lrr.*Did you mean 'optim.lr'"),
        ("a", {"a": {"start": "first"}}, "must be 'last' or 'best'"),
        ("a", {"a": {"train": {"epochs": 0}}}, "expected >= 1"),
        ("a", {"a": {"until": {"patince": 1}}}, "Did you mean 'patience'"),
        ("a", {"a": {"until": {"patience": 0}}}, "expected epochs, 1 or more"),
        (
            "a",
            {"a": {"data": {"max_clips": 3}}},
            "stage.a.data.max_clips: this holds for the whole",
        ),
        ("a", {"a": {"view": {"max_gap": 3}}}, "stage.a.view.max_gap"),
        ("a", {"a": {"net": {"dropout": 0.5}}}, "can change input, .* train.epochs"),
        ("a", {"a": {"train": {"init_from": "x"}}}, "stage.a.train.init_from"),
        ("a", {"a": {"seed": 1}}, "stage.a.seed"),
    ],
)
def test_wrong_stages_are_refused(stages, entries, message):
    with pytest.raises(UserError, match=message):
        stage.resolve(recipe(stages, **entries))


def test_a_stage_that_ends_when_it_has_converged():
    (row,) = stage.resolve(
        recipe("a", a={"until": {"monitor": "loss", "patience": 3, "min_delta": 0.1}})
    )
    train = row.config.train
    assert (train.stop_monitor, train.early_stop, train.min_delta) == ("loss", 3, 0.1)
    assert row.until and row.epochs == 20


def test_selection_by_patterns():
    chosen = by_path.select(PATHS, (".*",), ("^backbone/",), ("^cls_token$",))
    assert chosen == ("head/out/kernel", "layer_0/norm1/scale")


@pytest.mark.parametrize(
    ("trainable", "frozen", "message"),
    [
        (("^haed",), (), "matches no parameter"),
        ((".*",), (".",), "nothing is left to train"),
        (("(",), (), "not a regular expression"),
    ],
)
def test_wrong_patterns_are_refused(trainable, frozen, message):
    with pytest.raises(UserError, match=message):
        by_path.select(PATHS, trainable, frozen)
