"""Evaluation of a run for label sequences: files, numbers, what is refused."""

import csv
import json

import numpy as np
import pytest
import sequence_runs

from jaxsign.errors import UserError
from jaxsign.infer import evaluate
from jaxsign.infer import run as runs
from jaxsign.input.signs import clip_source
from jaxsign.tasks import answering
from jaxsign.tasks.sequences.examples import of_source

CLIPS = [sequence_runs.clip(frames, seed) for seed, frames in enumerate((70, 30, 121, 20))]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return runs.load_run(sequence_runs.save_run(tmp_path_factory.mktemp("run") / "r"))


@pytest.fixture(scope="module")
def said(run):
    features = [run.features(x) for x in CLIPS]
    return [one.glosses for one in sequence_runs.recognise(run, features, mode="greedy")]


@pytest.fixture
def source(said):
    """Clips whose references are what greedy decoding says, but for two errors."""
    truth = [*said[:2], said[2][1:], (*said[3], 0, 0)]
    return clip_source.Source(
        name="memory", ids=[f"sub/clip {i}.npz" for i in range(4)],
        lengths=np.array([len(x) for x in CLIPS], np.int32), labels={},
        reader=CLIPS.__getitem__, sequences=truth, signers=["ann"] * 4,
    )  # fmt: skip


def evaluated(run, source, out, **asked):
    """What is written and printed of a source."""
    examples = of_source(evaluate.recipe(run, run.config.data), source, training=False)
    scored = evaluate.score(run, examples, run.task.scorer(run, asked), 4)
    complete = scored.write(out, {"model_info": {}})
    scored.show()
    return complete


def test_errors_and_files_of_one_mode(run, source, said, tmp_path, capsys):
    complete = evaluated(
        run, source, tmp_path / "o", mode="greedy", sclite=True, costs=None, save_predictions=True
    )
    words = sum(map(len, source.sequences))
    found = complete["results"]
    assert (found["words"], found["deletions"], found["insertions"]) == (words, 2, 1)
    assert found["wer"] == pytest.approx(3 / words) and found["sequence_accuracy"] == 0.5
    assert complete["decoding"]["mode"] == "greedy"
    assert complete["scoring"] == {"costs": [1, 1, 1], "glosses": "as-is"}
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == [
        "errors.png", "hypotheses.ctm", "individual_predictions", "per_gloss.csv",
        "predictions.csv", "references.stm", "results.json",
    ]  # fmt: skip
    assert json.loads((tmp_path / "o/results.json").read_text()) == json.loads(json.dumps(complete))
    with (tmp_path / "o/predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == source.ids
    names = [sequence_runs.NAMES[i] for i in said[0]]
    assert rows[0]["hypothesis"] == " | ".join(names)  # one of the names holds spaces
    assert rows[3]["alignment"].endswith("[HELLO>] | [HELLO>]")
    one = json.loads((tmp_path / "o/individual_predictions/sub_clip 3_validation.json").read_text())
    assert one["errors"] == 2 and not one["correct"]
    assert one["gloss_prediction"] == [f"{sequence_runs.NAMES[i]} ({i})" for i in said[3]]
    streams = capsys.readouterr()
    assert "greedy" in streams.out and not streams.err


def test_all_modes_side_by_side(run, source, tmp_path, capsys):
    complete = evaluated(run, source, tmp_path / "o", mode="all")
    assert list(complete["modes"]) == ["greedy", "beam", "two_pass"]
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == [
        "beam", "greedy", "results.json", "two_pass",
    ]  # fmt: skip
    alone = json.loads((tmp_path / "o/beam/results.json").read_text())
    assert alone["results"] == complete["modes"]["beam"]["results"]
    with (tmp_path / "o/two_pass/predictions.csv").open(encoding="utf-8", newline="") as file:
        assert all(float(row["log_att"]) < 0 for row in csv.DictReader(file))
    out = capsys.readouterr().out
    assert all(name in out for name in ("greedy", "beam", "two-pass"))


def test_costs_and_rules_are_kept_in_the_results(run, source, tmp_path):
    asked = {"costs": (3.0, 3.0, 4.0), "glosses": "phoenix"}
    complete = evaluated(run, source, tmp_path / "o", mode="greedy", **asked)
    assert complete["scoring"] == {"costs": [3, 3, 4], "glosses": "phoenix"}
    with pytest.raises(UserError, match="as-is, phoenix"):
        evaluated(run, source, tmp_path, glosses="fenix")


def test_clips_without_labels_count_what_is_added(run, source, said, tmp_path):
    source.sequences[:] = [()] * 4
    complete = evaluated(run, source, tmp_path, mode="greedy")
    found = complete["results"]
    assert found["wer"] is None and found["insertions"] == sum(map(len, said))


def test_labels_beyond_the_net_are_named(run, source, tmp_path):
    source.sequences[1] = (0, 5)
    with pytest.raises(UserError, match=r"sub/clip 1.npz: gloss 5, the net has 0..4"):
        evaluated(run, source, tmp_path)


def test_clips_of_another_shape_are_named(run, source, tmp_path):
    object.__setattr__(source, "reader", lambda i: np.zeros((9, 21, 7), np.float32))
    with pytest.raises(UserError, match=r"\[T, 42, 7\]"):
        evaluated(run, source, tmp_path)


def test_numbers_that_are_none_name_the_clip(run, source, tmp_path):
    broken = np.full((9, 42, 7), np.nan, np.float32)
    object.__setattr__(source, "reader", lambda i: broken if i == 3 else CLIPS[i])
    with pytest.raises(UserError, match=r"sub/clip 3.npz: 9 of 9 frames hold NaN"):
        evaluated(run, source, tmp_path)


def test_without_data_the_runs_own_split_is_used(run, capsys):
    complete = evaluate.evaluate(run.workdir, batch_size=4, asked={"mode": "greedy"})
    assert complete["results"]["sentences"] == 10
    assert (run.workdir / "evaluate-val/errors.png").is_file()
    assert "Results in" in capsys.readouterr().out


def test_a_classifier_refuses_settings_of_decoding(tmp_path):
    import run_helpers

    folder = run_helpers.save_run(tmp_path / "r")
    with pytest.raises(UserError, match="--beam, --sclite.*one label a clip"):
        evaluate.evaluate(folder, asked={"beam": 5, "mode": None, "sclite": True})


def test_a_table_of_single_signs_is_refused():
    with pytest.raises(UserError, match="--csv is a table of runs that learn one sign a clip"):
        answering.Score.table(None, "val")
