"""Run folders side by side: `jaxsign runs` and `jaxsign compare`."""

import json

import pytest
from PIL import Image

from jaxsign import cli
from jaxsign import config as configs
from jaxsign.infer.comparing import known_runs, tables

_METRICS = (
    "epoch,train_loss,val_loss,val_gloss_acc,epoch_time\n"
    "1,2.0,1.9,0.25,60.0\n2,1.5,,,30.0\n3,1.0,1.2,{best},40.0\n"
)


def _make(folder, best=0.5, *, ended=None, **keys):
    """A run folder as a training leaves it, without weights."""
    words = [f"--config.{key}={value}" for key, value in keys.items()]
    folder.mkdir(parents=True)
    configs.save_run_config(configs.load("fslr_transformer:synthetic", words), folder)
    (folder / "metrics.csv").write_text(_METRICS.format(best=best))
    told = {
        "epochs_done": 3, "best_epoch": 3, "best_metric": best, "monitor": "gloss",
        "monitor_column": "val_gloss_acc", "parameters": 7352, "train_examples": 40,
        "written": "2026-01-02T03:04:05+00:00",
    }  # fmt: skip
    if ended is not None:  # runs of earlier versions do not tell
        told["ended"] = ended
    (folder / "manifest.json").write_text(json.dumps(told))
    return folder


def test_runs_tells_of_all_that_lie_in_a_folder_and_of_those_that_cannot_be_read(tmp_path, capsys):
    _make(tmp_path / "first", best=0.75, **{"train.epochs": 12})
    _make(tmp_path / "folds" / "fold-1")
    _make(tmp_path / "stopped", ended=True, **{"train.epochs": 12})
    _make(tmp_path / "unfinished", ended=False, **{"train.epochs": 12})
    damaged = _make(tmp_path / "folds" / "fold-2")
    (damaged / "manifest.json").write_text("{")
    (damaged / "checkpoints").mkdir()
    assert cli.main(["runs", str(tmp_path)]) == 1
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert lines[1].split()[:7] == [
        "first", "sign_transformer", "gloss", "0.7500", "3", "3/12", "2:10",
    ]  # fmt: skip
    assert lines[2].startswith("folds/fold-1")
    assert lines[3].split()[5:7] == ["3/12", "ended"]
    assert lines[4].split()[5:7] == ["3/12", "2:10"]
    assert len(lines) == 5
    assert "fold-2" in told.err and "manifest.json" in told.err


def test_compare_shows_what_recipes_differ_in_and_draws_the_courses(tmp_path, capsys):
    first = _make(tmp_path / "a" / "run", **{"optim.lr": 0.01})
    second = _make(tmp_path / "b" / "run", **{"optim.lr": 0.02, "net.n_layers": 3})
    runs = [known_runs.read(folder) for folder in (first, second)]
    found = tables.differences(runs)
    assert found["optim.lr"] == ["0.01", "0.02"]
    assert set(found) == {"optim.lr", "net.n_layers"}
    assert [epoch for epoch, _ in runs[0].so_far.course] == [1, 3]  # the second was not validated
    picture = tmp_path / "curves.png"
    assert cli.main(["compare", str(first), str(second), "--png", str(picture)]) == 0
    told = capsys.readouterr().out
    assert "a/run" in told and "b/run" in told and "optim.lr" in told
    with Image.open(picture) as image:
        assert image.width > 1000


def test_compare_says_that_recipes_are_the_same(tmp_path, capsys):
    places = [_make(tmp_path / name) for name in "ab"]
    assert cli.main(["compare", *map(str, places)]) == 0
    assert "their recipes are the same" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["compare", "{run}"], "Give two run folders or more"),
        (["compare", "{run}", "{empty}"], "is not a run folder"),
        (["runs", "{empty}"], "no run folder lies in it"),
        (["compare", "{new}", "{new}", "--png", "x.png"], "none of these runs has an epoch"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path, capsys, words, expected):
    (tmp_path / "empty").mkdir()
    _make(tmp_path / "run")
    new = _make(tmp_path / "new")
    (new / "metrics.csv").unlink()
    places = {name: str(tmp_path / name) for name in ("run", "empty", "new")}
    assert cli.main([word.format(**places) for word in words]) == 1
    assert expected in capsys.readouterr().err
