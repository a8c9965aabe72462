"""Evaluation of a run over a source: files, numbers, summary."""

import csv
import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
import run_helpers
import running
from ml_collections import ConfigDict
from rich.console import Console

from jaxsign.errors import UserError
from jaxsign.infer import evaluate
from jaxsign.infer import run as runs
from jaxsign.input.signs import clip_source
from jaxsign.tasks.classes import metrics, summary
from jaxsign.tasks.classes.examples import of_source


def memory(clips, labels, occluded=None):
    """A source of clips in memory."""
    return clip_source.Source(
        name="memory", ids=[f"sub/clip {i}.npz" for i in range(len(clips))],
        lengths=np.array([len(x) for x in clips], np.int32), labels=labels,
        reader=clips.__getitem__, occluded=occluded,
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return runs.load_run(run_helpers.save_run(tmp_path_factory.mktemp("run") / "r"))


@pytest.fixture
def source(run):
    rng = np.random.default_rng(3)
    clips = [rng.random((n, 156), np.float32) for n in (5, 40, 9, 32, 1, 17, 8, 12)]
    said = answered(run, memory(clips, blank(len(clips))))
    labels = {head: ids.astype(np.int32) for head, ids in said.predicted.items()}
    labels["gloss"][:2] = (labels["gloss"][:2] + 1) % 5
    return memory(clips, labels, np.array([1, 0, 0, 0, 1, 0, 0, 0]))


def blank(count):
    return {head: np.zeros(count, np.int32) for head in ("gloss", "cat")}


def answered(run, source, batch_size=8, **asked):
    examples = of_source(evaluate.recipe(run, run.config.data), source, training=False)
    return evaluate.score(run, examples, run.task.scorer(run, asked), batch_size)


def evaluated(run, source, out, **asked):
    """What is written and printed of a source."""
    scored = answered(run, source, **asked)
    complete = scored.write(out, {"model_info": {}})
    scored.show()
    return complete


def changed(source, index, x):
    """The source with another clip."""
    return dataclasses.replace(source, reader=lambda i: x if i == index else source.read(i))


def test_answers_follow_the_source(run, source):
    answers = answered(run, source, batch_size=2)
    right = answers.predicted["gloss"] == source.labels["gloss"]
    assert right.tolist() == [False] * 2 + [True] * 6
    assert (answers.predicted["cat"] == source.labels["cat"]).all()


def test_clips_without_hands_are_told_once(run, source, caplog):
    x = source.read(3).copy()
    x[:, 50:134] = 0
    answered(run, changed(source, 3, x))
    _, message = caplog.messages  # the other tells of clips that are cut
    assert "1 of 8 looked at: few frames show a hand (sub/clip 3.npz: 0.0% of" in message


def test_all_files_are_written(run, source, tmp_path, capsys, caplog):
    complete = evaluated(run, source, tmp_path / "o", save_predictions=True)
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == [
        "complete_validation_results.json",
        "confusion_cat.png",
        "confusion_gloss.png",
        "confusion_matrices.json",
        "individual_predictions",
        "non_occluded_results.json",
        "occluded_results.json",
        "overall_results.json",
        "per_class.csv",
        "per_class_results.json",
    ]
    stored = json.loads((tmp_path / "o/complete_validation_results.json").read_text())
    assert stored == json.loads(json.dumps(complete))
    assert stored["overall_results"]["gloss_accuracy"] == 0.75
    assert stored["occluded_results"]["gloss_accuracy"] == 0.5
    assert stored["non_occluded_results"]["num_samples"] == 6
    assert list(stored)[:2] == ["model_info", "dataset_info"]
    assert stored["dataset_info"] == {
        "total_samples": 8,
        "occluded_samples": 2,
        "non_occluded_samples": 6,
    }
    assert stored["top_k_accuracy"]["gloss"]["1"] == 0.75
    intervals = stored["accuracy_intervals"]
    assert intervals["overall_results"]["gloss_accuracy"] == pytest.approx([0.409, 0.929], abs=1e-3)
    assert intervals["occluded_results"].keys() == {"gloss_accuracy", "category_accuracy"}
    assert stored["top_k_accuracy"]["gloss"]["5"] == 1.0
    assert (
        json.loads((tmp_path / "o/overall_results.json").read_text()) == stored["overall_results"]
    )
    with (tmp_path / "o/per_class.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(r["support"]) for r in rows if r["head"] == "gloss") == 8
    streams = capsys.readouterr()
    assert (
        "75.0" in streams.out and "75.0 (41-93)" in streams.out and "Weakest classes" in streams.out
    )
    assert "1 of 8 clips are longer than 32" in caplog.text


def test_individual_predictions_have_the_original_layout(run, source, tmp_path):
    evaluated(run, source, tmp_path / "o", save_predictions=True)
    files = sorted((tmp_path / "o/individual_predictions").iterdir())
    assert len(files) == 8 and files[0].name == "sub_clip 0_validation.json"
    value = json.loads(files[0].read_text())
    assert list(value) == [
        "file",
        "ground_truth",
        "prediction",
        "gloss_top5",
        "category_top3",
        "correct",
    ]
    assert list(value["ground_truth"]) == ["gloss", "category", "occluded"]
    assert list(value["prediction"]) == [
        "gloss",
        "category",
        "gloss_probability",
        "category_probability",
    ]
    assert value["correct"] == {"gloss": False, "category": True}
    assert value["gloss_top5"][0][0] == value["prediction"]["gloss"]


def test_without_occlusion_labels_there_are_no_occlusion_files(run, source, tmp_path):
    complete = evaluated(run, dataclasses.replace(source, occluded=None), tmp_path / "o")
    assert not list((tmp_path / "o").glob("*occluded*"))
    assert complete["dataset_info"] == {"total_samples": 8}


def test_each_of_several_languages_has_its_numbers(run, source, tmp_path, capsys):
    config = ConfigDict(run.config.to_dict())
    config.data.parts = ("/data/vgt", "/data/ngt")
    of_two = np.array([0, 0, 0, 1, 1, 1, 1, 1], np.int32)
    source = dataclasses.replace(source, occluded=None, languages=of_two)
    complete = evaluated(dataclasses.replace(run, config=config), source, tmp_path / "o")
    assert complete["dataset_info"] == {"total_samples": 8, "languages": ["vgt", "ngt"]}
    told = json.loads((tmp_path / "o/language_0_results.json").read_text())
    assert told["num_samples"] == 3 and told["gloss_accuracy"] == pytest.approx(1 / 3)
    assert complete["language_1_results"]["gloss_accuracy"] == 1.0
    lines = capsys.readouterr().out.splitlines()
    (row,) = [line for line in lines if "language 0: vgt" in line]
    assert "33.3" in row and any("language 1: ngt" in line for line in lines)


def test_results_do_not_depend_on_the_batch_size(run, source):
    one, many = (answered(run, source, batch_size=size) for size in (1, 8))
    np.testing.assert_allclose(one.scores["gloss"], many.scores["gloss"], rtol=1e-4, atol=1e-5)


_ON_DEVICES = """
import dataclasses, json, sys
import jax
from jaxsign.infer import evaluate
from jaxsign.infer import run as runs
run = runs.load_run(sys.argv[1])
found = [len(jax.devices())]
for parallel in ("pmap", "jit"):
    run.config.parallel = parallel
    examples = evaluate.open_split(run, run.config.data, "val")
    score = evaluate.score(run, examples, run.task.scorer(run, {}), 4)
    found.append({head: scores.tolist() for head, scores in score.scores.items()})
print(json.dumps(found))
"""


def test_two_devices_score_alike(synthetic_folder):
    run = runs.load_run(synthetic_folder)
    examples = evaluate.open_split(run, run.config.data, "val")
    alone = evaluate.score(run, examples, run.task.scorer(run, {}), 4).scores
    made = subprocess.run(
        [sys.executable, "-c", _ON_DEVICES, str(synthetic_folder)],
        env=running.environment(2), capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    count, *found = json.loads(made.stdout.splitlines()[-1])
    assert count == 2
    for scores in found:
        for head in run.heads:
            np.testing.assert_allclose(scores[head], alone[head], rtol=1e-4, atol=1e-5)


def test_labels_beyond_the_net_are_named(run, source):
    source.labels["gloss"][4] = 5
    with pytest.raises(UserError, match=r"sub/clip 4.npz: gloss 5, the net has 0..4"):
        answered(run, source)


def test_clips_of_another_width_are_named(run, source):
    source = changed(source, 2, np.zeros((9, 2048), np.float32))
    with pytest.raises(UserError, match="sub/clip 2.npz: 2048 numbers a frame.*156"):
        answered(run, source)


def test_images_need_a_run_with_a_backbone(run, source):
    frames = [np.zeros((3, 80, 80, 3), np.uint8)] * 8
    source = dataclasses.replace(source, reader=frames.__getitem__)
    config = run.config.copy_and_resolve_references()
    config.view.name = ""
    other = dataclasses.replace(run, config=config)
    with pytest.raises(UserError, match="memory: images, but this run's net takes 156"):
        answered(other, source)


def test_scores_that_are_not_finite_are_named(run, source, tmp_path):
    score = answered(run, changed(source, 3, np.full((9, 156), np.nan, np.float32)))
    with pytest.raises(UserError, match="sub/clip 3.npz: the net's gloss scores are not finite"):
        score.write(tmp_path, {})


def test_a_run_without_data_asks_for_some(run):
    with pytest.raises(UserError, match="knows no val data.*--data DIR"):
        evaluate.data_section(run, "val", None, None)
    data = evaluate.data_section(run, "test", "clips", None, skip_missing=True)
    assert (data.test.path, data.test.labels, data.missing) == ("clips", "clips/labels.csv", "skip")
    assert run.config.data.test.path == ""


@pytest.fixture(scope="module")
def synthetic_folder(tmp_path_factory):
    words = [
        "--config.data.source=synthetic",
        "--config.data.synthetic.signs=5",
        "--config.data.synthetic.signers=2",
        "--config.data.synthetic.val_signers=1",
        "--config.data.synthetic.clips_per_signer=2",
    ]
    return run_helpers.save_run(tmp_path_factory.mktemp("synthetic") / "r", words=words)


def test_without_data_the_runs_own_split_is_used(synthetic_folder, capsys):
    complete = evaluate.evaluate(synthetic_folder)
    assert complete["dataset_info"] == {"total_samples": 10}
    assert (synthetic_folder / "evaluate-val/confusion_gloss.png").is_file()
    about = ["model_type", "checkpoint_path", "device", "timestamp"]
    assert list(complete["model_info"]) == about
    assert "Results in" in capsys.readouterr().out


def test_folders_of_clips_are_evaluated(run, tmp_path, capsys):
    data = tmp_path / "val"
    for seed in range(4):
        run_helpers.save_clip(data / f"clip {seed}.npz", 6 + seed, seed)
    rows = "".join(f"clip {i},{i},{i % 3},{i % 2}\n" for i in range(4))
    (data / "labels.csv").write_text("file,gloss,cat,occluded\n" + rows)
    complete = evaluate.evaluate(run.workdir, path=data, out=tmp_path / "o")
    assert complete["dataset_info"]["occluded_samples"] == 2
    (data / "labels.csv").write_text("file,gloss,cat\ngone,1,1\n" + "clip 1,2,2\n")
    with pytest.raises(UserError, match="gone.npz: no such file"):
        evaluate.evaluate(run.workdir, path=data, out=tmp_path / "p")
    complete = evaluate.evaluate(run.workdir, path=data, out=tmp_path / "p", skip_missing=True)
    assert complete["dataset_info"] == {"total_samples": 1}
    assert not list((tmp_path / "p").glob("*occluded*"))


def test_folders_of_recorded_clips_are_evaluated(run, tmp_path, capsys):
    data = tmp_path / "others"
    for seed in range(2):
        run_helpers.recorded(6 + seed, seed).save(data / f"c{seed}.clip.npz")
    (data / "labels.csv").write_text("file,gloss,cat\nc0,0,0\nc1,1,1\n")
    complete = evaluate.evaluate(run.workdir, path=data)
    assert complete["overall_results"]["num_samples"] == 2
    # Beside the results of the run's own clips, not over them.
    assert f"Results in {run.workdir / 'evaluate-val-others'}\n" in capsys.readouterr().out


def test_the_summary_names_the_weakest_classes():
    truth, said = {"gloss": np.array([0, 0, 1])}, {"gloss": np.array([1, 1, 1])}
    rows = metrics.class_table(truth, said, {"gloss": ("HELLO", "YES")})
    top = {"1": 0.3, "3": 0.87, "5": 1.0}
    complete = {**metrics.report(truth, said), "top_k_accuracy": {"gloss": top}}
    console = Console(record=True, width=100)
    summary.show(complete, rows, {"gloss": 5}, console)
    text = console.export_text()
    assert "HELLO" in text and "0 of 2" in text and "YES (2x)" in text
    # To be among the first five of five classes is nothing to be told.
    assert "top-3" in text and "87.0" in text and "top-5" not in text


def test_a_faultless_run_has_no_weak_classes():
    truth = {"gloss": np.array([0, 1])}
    assert summary.weakest(metrics.class_table(truth, truth, {})) == []


def test_a_table_has_a_row_a_clip_with_its_probabilities(run, source):
    scored = answered(run, source)
    rows = scored.table("test")
    assert [row["Path"] for row in rows] == source.ids and rows[0]["Subset"] == "test"
    for row, logits, truth in zip(
        rows, scored.scores["gloss"], source.labels["gloss"], strict=True
    ):
        shares = np.exp(logits) / np.exp(logits).sum()
        np.testing.assert_allclose([row[f"p{i}"] for i in range(5)], shares, rtol=1e-6)
        assert row["Ground truth"] == truth and row["Prediction"] == logits.argmax()
