"""Several runs that answer together."""

import json

import numpy as np
import pytest
import run_helpers

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.infer import ensemble, evaluate, predict
from jaxsign.infer import run as runs
from jaxsign.tasks.classes import metrics

WORDS = (
    "--config.data.source=synthetic",
    "--config.data.synthetic.signs=5",
    "--config.data.synthetic.signers=3",
    "--config.data.synthetic.val_signers=1",
    "--config.data.synthetic.clips_per_signer=1",
    "--config.data.synthetic.frames=(8,14)",
)
SIGNS = {"gloss": run_helpers.NAMES["gloss"], "cat": run_helpers.NAMES["cat"]}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    base = tmp_path_factory.mktemp("runs")
    return [run_helpers.save_run(base / name, seed=i, words=WORDS) for i, name in enumerate("ab")]


def probabilities(run, examples):
    found = evaluate.score(run, examples, run.task.scorer(run, {}))
    return metrics.softmax(found.scores["gloss"])


def test_the_mean_is_that_of_probabilities():
    a, b = np.log([[0.9, 0.1]]), np.log([[0.2, 0.8]])
    np.testing.assert_allclose(metrics.softmax(metrics.log_mean([a, b])), [[0.55, 0.45]], atol=1e-6)
    sure = np.array([[0.0, -500.0]])
    assert np.isfinite(metrics.log_mean([sure, sure])).all()


def test_evaluate_and_predict_tell_the_mean_of_all_runs(folders, tmp_path, capsys):
    complete = evaluate.evaluate(folders, split="test", out=tmp_path / "e")
    members = [runs.load_run(folder) for folder in folders]
    data = evaluate.data_section(members[0], "test", None, None)
    examples = evaluate.open_split(members[0], data, "test")
    mean = np.mean([probabilities(run, examples) for run in members], axis=0)
    right = (mean.argmax(1) == examples.source.labels["gloss"]).mean()
    assert complete["overall_results"]["gloss_accuracy"] == pytest.approx(right)
    assert complete["model_info"]["runs"] == [str(folder) for folder in folders]

    clip = run_helpers.save_clip(tmp_path / "c.npz", 12)
    out = tmp_path / "p.json"
    words = ["predict", "--workdir", *map(str, folders), str(clip), "--out", str(out)]
    assert cli.main(words) == 0
    alone = []
    for folder in folders:
        predict.predict_files(folder, clip, out=tmp_path / "one.json")
        alone.append(dict(json.loads((tmp_path / "one.json").read_text())["gloss_top5"]))
    for name, p in json.loads(out.read_text())["gloss_top5"]:
        assert p == pytest.approx(np.mean([one[name] for one in alone]), abs=1e-5)


def test_a_stream_is_heard_by_all_runs(folders, tmp_path, capsys):
    frames = 40
    x = np.random.default_rng(3).random((frames, 156), np.float32)
    np.save(tmp_path / "x.npy", x)
    told = []
    for chosen in (folders[:1], folders[1:], folders):
        out = tmp_path / "s.json"
        words = ["stream", "--workdir", *map(str, chosen), str(tmp_path / "x.npy")]
        words += ["--json", str(out), "--threshold", "0", "--vote", "1", "--window", "0.4"]
        assert cli.main([*words, "--overlap", "0"]) == 0
        (stream,) = json.loads(out.read_text())["streams"]
        told.append([(sign["gloss"], sign["confidence"]) for sign in stream["glosses"]])
    assert told[0] != told[1] and told[2] not in told[:2]


def test_folds_are_members_of_their_folder(folders, tmp_path):
    for number in range(1, 12):
        folder = tmp_path / f"fold-{number}"
        folder.mkdir()
        (folder / "config.json").write_text("{}")
    from jaxsign.infer import run_folder

    assert [path.name for path in run_folder.members(tmp_path)] == [
        f"fold-{number}" for number in range(1, 12)
    ]
    assert run_folder.members(folders[0]) == [folders[0]]
    with pytest.raises(UserError, match="holds 11 folds, each a run. Give one"):
        run_folder.check(tmp_path)


def test_what_folds_hold_back_is_not_asked_of_all(tmp_path):
    for number in (1, 2):
        words = [*WORDS, "--config.data.folds.count=2", f"--config.data.folds.number={number}"]
        run_helpers.save_run(tmp_path / f"fold-{number}", seed=number, words=words)
    with pytest.raises(UserError, match="learnt by the others.*--split test"):
        evaluate.evaluate(tmp_path)


@pytest.mark.parametrize(
    ("fields", "names", "message"),
    [
        ({"num_gloss": 4}, {"gloss": SIGNS["gloss"][:4], "cat": SIGNS["cat"]}, "has 5 classes in"),
        ({}, {"gloss": SIGNS["gloss"][::-1], "cat": SIGNS["cat"]}, "class 0 of gloss is 'HELLO'"),
    ],
)
def test_runs_of_other_signs_are_refused(folders, tmp_path, fields, names, message):
    other = run_helpers.save_run(tmp_path / "o", names=names, words=WORDS, **fields)
    with pytest.raises(UserError, match=message):
        ensemble.load([folders[0], other])


def test_words_behind_the_runs_are_the_input(folders, tmp_path, capsys):
    a, b = map(str, folders)
    clip = str(run_helpers.save_clip(tmp_path / "c.npz", 4))
    parser = cli.parser("predict")
    for words in ([a, b, clip], [a, b, "--out", "x", clip]):
        found = parser.parse_args(["predict", "--workdir", *words])
        assert found.workdir == [a, b] and found.input == [clip]
    found = parser.parse_args(["predict", clip, "--workdir", a, b])
    assert found.workdir == [a, b] and found.input == [clip]
    found = cli.parser("stream").parse_args(["stream", "--workdir", a, b, "-", clip])
    assert found.workdir == [a, b] and found.input == ["-", clip]
    assert cli.main(["predict", "--workdir", a, b]) == 1
    assert "predict what? Give INPUT" in capsys.readouterr().err
    assert cli.main(["predict", "--workdir", a, "nowhere", clip]) == 1
    assert "nowhere: no such file or folder" in capsys.readouterr().err
