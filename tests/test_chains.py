"""Runs that one recipe names: what each of them is, and what such a chain cannot be."""

import pytest
from ml_collections import ConfigDict

from jaxsign import chains, cli, tasks
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.train import setup


def recipe(chain, **links):
    config = configs.load("fslr_transformer")
    config.unlock()
    config.chain, config.link = chain, ConfigDict(links)
    return config


def test_a_recipe_without_a_chain_is_one_run():
    assert chains.resolve(recipe("")) == ()
    chains.refuse(recipe(""))


def test_a_run_of_a_chain_may_change_any_section_and_starts_from_the_one_before(tmp_path):
    config = recipe(
        "first, second,first",
        first={"data": {"train": {"path": "a"}}, "net": {"emb_dim": 8}},
        second={"stages": "", "train": {"epochs": 3, "init_match": "strict"}},
    )
    config.train.init_from = "begun"
    runs = chains.resolve(config)
    assert [run.folder for run in runs] == ["1-first", "2-second", "3-first"]
    first, second, third = (run.config for run in runs)
    assert (first.data.train.path, first.net.emb_dim, first.train.epochs) == ("a", 8, 20)
    assert (second.data.train.path, second.train.epochs) == ("", 3)
    assert [one.train.init_match for one in (first, second, third)] == [
        "strict", "strict", "matching",
    ]  # fmt: skip
    assert all((one.chain, dict(one.link)) == ("", {}) for one in (first, second, third))
    assert first.train.init_from == "begun"
    assert runs[2].behind(tmp_path).train.init_from == str(tmp_path)
    assert config.net.emb_dim != 8


@pytest.mark.parametrize(
    ("chain", "links", "message"),
    [
        ("frist", {"first": {}}, "config.chain names 'frist'.* Did you mean 'first'"),
        ("a", {"a": {"optim": {"lrr": 1}}}, "link.a: unknown key 'optim.lrr'.*'optim.lr'"),
        ("a", {"a": {"optim": {"lr": "fast"}}}, "link.a: a value of another type"),
        ("a", {"a": {"chain": "b"}}, "link.a.chain: a run of a chain starts from"),
        ("a", {"a": {"train": {"init_from": "x"}}}, "link.a.train.init_from.*of the recipe"),
        ("a/b", {"a/b": {}}, "link.a/b: its run folder is named so"),
    ],
)
def test_wrong_chains_are_refused(chain, links, message):
    with pytest.raises(UserError, match=message):
        chains.resolve(recipe(chain, **links))


def test_a_chain_is_no_run_and_has_no_folds(tmp_path, capsys):
    with pytest.raises(UserError, match="chain='a': this recipe is several runs"):
        setup.prepare(recipe("a", a={}), tmp_path)
    words = ["train", "--config", "sttran:synthetic-sets", "--workdir", str(tmp_path / "r")]
    assert cli.main([*words, "--folds", "3"]) == 1
    assert "the runs of a chain have no folds" in capsys.readouterr().err


def test_keys_of_a_chain_are_explained(capsys):
    words = ["train", "--config", "sttran:sets", "--list-keys", "link.easg"]
    assert cli.main(words) == 0
    told = capsys.readouterr().out
    assert "--config.link.easg.data.source='easg'\n    in link easg: layout of the data" in told


def test_of_two_sets_a_detector_looks_at_the_frames_of_the_first():
    config = configs.load("sttran:sets", ["--config.net.detector=runs/detector"])
    runs = [run.config for run in chains.resolve(config)]
    assert [run.net.detector for run in runs] == ["runs/detector", ""]
    assert not any("detector" in wrong for run in runs for wrong in tasks.check(run))


def test_folders_are_told_apart(tmp_path):
    links = chains.resolve(recipe("a,b", a={}, b={}))
    assert chains.recorded(tmp_path) == chains.begun(tmp_path, links) == []
    chains.check_alone(tmp_path)
    made = [
        chains.Recorded("1-a", ended=True, recipe={"seed": 1}),
        chains.Recorded("2-b", False, {}),
    ]
    chains.record(tmp_path, made)
    for run in ("1-a", "2-b"):
        (tmp_path / run).mkdir()
        (tmp_path / run / "config.json").write_text("{}")
    assert chains.begun(tmp_path, links) == made
    with pytest.raises(UserError, match=r"holds a chain of runs \(1-a, 2-b\)"):
        chains.check_alone(tmp_path)
    longer = chains.resolve(recipe("a,b,a", a={}, b={}))
    assert chains.begun(tmp_path, longer) == made
    with pytest.raises(UserError, match="holds the runs 1-a, 2-b; the recipe's chain is 1-a, 2-a"):
        chains.begun(tmp_path, chains.resolve(recipe("a,a", a={})))
    with pytest.raises(UserError, match="holds a run of its own"):
        chains.begun(tmp_path / "1-a", links)
    (tmp_path / "manifest.json").write_text('{"chain": [{"run": "1-a"}]}')
    with pytest.raises(UserError, match="no manifest of a chain"):
        chains.recorded(tmp_path)
    (tmp_path / "manifest.json").write_text('{"net": "of a run whose config.json is gone"}')
    assert chains.recorded(tmp_path) == []
