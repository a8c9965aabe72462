"""Folds: their recipes, and what they answer together."""

import json

import pytest
import run_helpers

from jaxsign import cli
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.infer import folds
from jaxsign.train import commands

WORDS = (
    "--config.data.source=synthetic",
    "--config.data.synthetic.signs=5",
    "--config.data.synthetic.signers=3",
    "--config.data.synthetic.val_signers=1",
    "--config.data.synthetic.clips_per_signer=2",
    "--config.data.synthetic.frames=(8,14)",
    "--config.data.folds.count=2",
)


def test_every_fold_has_a_folder_and_a_recipe_of_its_own(tmp_path):
    config = configs.load("fslr_transformer", WORDS)
    made = list(folds.recipes(config, tmp_path))
    assert [path.name for path, _ in made] == ["fold-1", "fold-2"]
    assert [one.data.folds.number for _, one in made] == [1, 2]
    (tmp_path / "fold-3").mkdir()
    with pytest.raises(UserError, match="more than 2 folds"):
        list(folds.recipes(config, tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="holds a run of its own"):
        list(folds.recipes(config, tmp_path))


def test_mean_and_spread_are_over_folds():
    found = folds.summary([{"gloss": 0.5}, {"gloss": 0.7}, {"gloss": 0.9}])
    assert found["gloss"]["mean"] == pytest.approx(0.7)
    assert found["gloss"]["spread"] == pytest.approx(0.2)


def test_the_answers_of_all_folds_are_one_score(tmp_path, capsys):
    for number in (1, 2):
        words = [*WORDS, f"--config.data.folds.number={number}"]
        run_helpers.save_run(tmp_path / f"fold-{number}", seed=number, words=words)
    told = folds.evaluate(tmp_path, 2)
    complete = told.complete
    out = " ".join(capsys.readouterr().out.split())
    assert complete["dataset_info"] == {"total_samples": 20}
    numbers = told.spreads["gloss"]
    assert told.clips == 20 and complete["folds"] == told.spreads
    assert complete["overall_results"]["gloss_accuracy"] == pytest.approx(numbers["mean"])
    assert "gloss: mean of 2 folds" in out and "accuracy (95%)" in out
    stored = json.loads((tmp_path / "out-of-fold/complete_validation_results.json").read_text())
    assert stored["folds"]["gloss"]["accuracy"] == numbers["accuracy"]
    assert (tmp_path / "out-of-fold/confusion_gloss.png").is_file()


def test_the_command_that_goes_on_names_the_folds():
    words = cli.parser("train").parse_args(["train", "--config", "a", "--folds", "5"])
    words.workdir, words.rest, words.max_bytes = "r", ["--config.seed=2"], None
    assert commands.again(words) == (
        "jaxsign train --config a --workdir r --folds 5 --config.seed=2"
    )


def test_folds_are_several_and_of_signs(tmp_path, capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--config", "fslr_transformer", "--folds", "1"])
    assert "expected 2 folds or more" in capsys.readouterr().err
    words = ["--config", "whisper_sign:synthetic", "--workdir", str(tmp_path / "r"), "--folds", "2"]
    assert cli.main(["train", *words]) == 1
    assert "one sign a clip" in capsys.readouterr().err


def test_a_run_of_its_own_does_not_go_into_a_folder_of_folds(tmp_path, capsys):
    (tmp_path / "fold-1").mkdir()
    assert cli.main(["train", "--config", "fslr_transformer", "--workdir", str(tmp_path)]) == 1
    assert "holds 1 folds, to go on with which --folds 1 is given" in capsys.readouterr().err
    assert not (tmp_path / "config.json").exists()


def test_a_damaged_fold_is_trained_anew(tmp_path):
    for number in (1, 2):
        words = [*WORDS, f"--config.data.folds.number={number}"]
        run_helpers.save_run(tmp_path / f"fold-{number}", seed=number, words=words)
    for path in (tmp_path / "fold-2/checkpoints/best").rglob("*"):
        if path.is_file() and "d" in path.parent.name:
            path.write_bytes(b"")
    with pytest.raises(UserError, match="Remove .*fold-2 and give the same command again"):
        folds.evaluate(tmp_path, 2)
