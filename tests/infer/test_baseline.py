"""The verb `baseline`, and what `evaluate` tells of its numbers."""

import json

import numpy as np
import pytest
import run_helpers

from jaxsign import cli
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.infer import baseline, evaluate
from jaxsign.input.signs import sources
from jaxsign.tasks import baselines
from jaxsign.tasks.classes import summary

WORDS = (
    "--config.data.source=synthetic",
    "--config.data.synthetic.signs=5",
    "--config.data.synthetic.signers=3",
    "--config.data.synthetic.val_signers=1",
    "--config.data.synthetic.clips_per_signer=3",
    "--config.data.synthetic.frames=(8,14)",
    "--config.view.normalise=shoulders",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return run_helpers.save_run(tmp_path_factory.mktemp("synthetic") / "r", words=WORDS)


def test_a_run_is_told_to_be_worse(run, capsys):
    assert cli.main(["baseline", "--workdir", str(run)]) == 0
    out = capsys.readouterr().out
    assert "Baselines (%), of 30 training clips" in out and "logistic regression" in out
    found = baselines.read(run / "baseline.json")
    assert sorted(found.splits) == ["test", "val"] and found.splits["val"].count == 15
    method, accuracy = found.splits["val"].best("gloss")
    assert accuracy > 0.8
    complete = evaluate.evaluate(run, out=run / "o")
    out = " ".join(capsys.readouterr().out.split())
    assert "neighbour 15 gloss" in out
    assert "The run is worse than the baseline: gloss" in out and method in out
    told = complete["baseline"]["gloss"][method]["accuracy"]
    assert told == accuracy == json.loads((run / "o/complete_validation_results.json").read_text())[
        "baseline"]["gloss"][method]["accuracy"]  # fmt: skip


def test_only_the_same_clips_are_compared(run):
    found = baselines.Baseline(
        {"train_clips": 1}, {"val": baselines.Simple(15, {"gloss": {"a": 9}})}
    )
    found.write(run / "baseline.json")
    assert baseline.beside(run, "val", 15, ("gloss", "cat")) == found.splits["val"]
    for split, count, head in (("val", 14, "gloss"), ("test", 15, "gloss"), ("val", 15, "cat")):
        assert baseline.beside(run, split, count, (head,)) is None


@pytest.mark.parametrize(
    "heads", [{}, {"gloss": {}}, {"gloss": {"a": 1}, "cat": {"b": 1}}, {"gloss": {"a": 9}}]
)
def test_numbers_that_no_evaluation_gives_are_refused(tmp_path, heads):
    right = {
        head: {name: {"right": n} for name, n in found.items()} for head, found in heads.items()
    }
    split = {"clips": 8, "heads": right, "same_in_another_split": [], "near_in_another_split": []}
    (tmp_path / "b.json").write_text(json.dumps({"about": {}, "splits": {"val": split}}))
    with pytest.raises(UserError, match=r"b.json: not readable .*make it again, or remove it"):
        baselines.read(tmp_path / "b.json")


def test_a_run_that_is_as_good_is_not_blamed():
    simple = baselines.Simple(8, {"gloss": {"a": 6, "b": 5}})
    said = {score: {"overall_results": {"gloss_accuracy": score}} for score in (0.75, 0.625)}
    assert summary.worse(said[0.75], simple) == []
    assert ["gloss 62.5 %, a 75.0 %" in text for text in summary.worse(said[0.625], simple)] == [
        True
    ]


def test_folders_of_keypoints_have_a_baseline(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for i in range(12):
            clip = run_helpers.recorded(6 + i % 3, seed=i % 2)
            clip.landmarks[:] += 0.01 * rng.standard_normal(clip.landmarks.shape, np.float32)
            clip.save(tmp_path / split / f"{split}{i}.clip.npz")
        rows = "".join(f"{split}{i},{'AB'[i % 2]},c\n" for i in range(12))
        (tmp_path / split / "labels.csv").write_text("file,gloss,cat\n" + rows)
    words = [str(tmp_path / "train"), str(tmp_path / "val"), "--out", str(tmp_path / "b.json")]
    assert cli.main(["baseline", *words]) == 0
    assert baselines.read(tmp_path / "b.json").splits["val"].count == 12
    assert cli.main(["baseline", words[0]]) == 1
    assert "neither clips of val nor of test" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "baseline of what?"),
        (["--config", "whisper_sign:synthetic"], "one sign a clip"),
        (["--workdir", "RUN", "--config.seed=3"], "leave --config.seed=3 out"),
        (["gone"], "gone: no such file or folder"),
        (["."] * 4, "4 places: expected one that knows its splits"),
    ],
)
def test_what_has_no_baseline_is_told(run, words, message, capsys):
    assert cli.main(["baseline", *(str(run) if word == "RUN" else word for word in words)]) == 1
    assert message in capsys.readouterr().err


def test_a_split_is_known_by_its_place_or_by_the_clips(tmp_path):
    config = configs.load("fslr_transformer", [f"--config.data.val.path={tmp_path}"])
    assert sources.has(config.data, "val") and not sources.has(config.data, "test")
    synthetic = configs.load("fslr_transformer", WORDS)
    assert sources.has(synthetic.data, "test")
