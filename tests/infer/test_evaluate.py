"""Evaluation of a run over a source: files, numbers, summary."""

import csv
import json

import numpy as np
import pytest
import run_helpers
from rich.console import Console

from jaxsign.errors import UserError
from jaxsign.infer import evaluate
from jaxsign.infer import run as runs
from jaxsign.tasks.classes import metrics, summary


class Memory:
    """A source of clips in memory."""

    name = "memory"

    def __init__(self, clips, labels, occluded=None):
        self.clips, self.labels, self.occluded = clips, labels, occluded
        self.ids = [f"sub/clip {i}.npz" for i in range(len(clips))]
        self.lengths = np.array([len(x) for x in clips], np.int32)

    def __len__(self):
        return len(self.clips)

    def read(self, i):
        return self.clips[i]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return runs.load_run(run_helpers.save_run(tmp_path_factory.mktemp("run") / "r"))


@pytest.fixture
def source(run):
    rng = np.random.default_rng(3)
    clips = [rng.random((n, 156), np.float32) for n in (5, 40, 9, 32, 1, 17, 8, 12)]
    said = run.classify([runs.Clip(run.cut(x), np.ones(len(run.cut(x)), bool)) for x in clips], 8)
    labels = {head: said[head].argmax(1).astype(np.int32) for head in run.heads}
    labels["gloss"][:2] = (labels["gloss"][:2] + 1) % 5
    return Memory(clips, labels, np.array([1, 0, 0, 0, 1, 0, 0, 0]))


def _evaluate(run, source, monkeypatch, out, **options):
    monkeypatch.setattr(evaluate.sources, "open_source", lambda data, split, classes: source)
    return evaluate.evaluate(run.workdir, path="somewhere", out=out, **options)


def test_answers_follow_the_source(run, source):
    answers = evaluate.answer(run, source, batch_size=2)
    right = answers.predicted["gloss"] == source.labels["gloss"]
    assert right.tolist() == [False] * 2 + [True] * 6
    assert (answers.predicted["cat"] == source.labels["cat"]).all()


def test_all_files_are_written(run, source, monkeypatch, tmp_path, capsys):
    complete = _evaluate(run, source, monkeypatch, tmp_path / "o", save_predictions=True)
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
    assert list(stored["model_info"]) == ["model_type", "checkpoint_path", "device", "timestamp"]
    assert stored["dataset_info"] == {
        "total_samples": 8,
        "occluded_samples": 2,
        "non_occluded_samples": 6,
    }
    assert stored["top_k_accuracy"]["gloss"]["1"] == 0.75
    assert stored["top_k_accuracy"]["gloss"]["5"] == 1.0
    assert (
        json.loads((tmp_path / "o/overall_results.json").read_text()) == stored["overall_results"]
    )
    with (tmp_path / "o/per_class.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(r["support"]) for r in rows if r["head"] == "gloss") == 8
    streams = capsys.readouterr()
    assert "75.0" in streams.out and "Weakest classes" in streams.out
    assert "1 of 8 clips are longer than 32" in streams.err


def test_individual_predictions_have_the_original_layout(run, source, monkeypatch, tmp_path):
    _evaluate(run, source, monkeypatch, tmp_path / "o", save_predictions=True)
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


def test_without_occlusion_labels_there_are_no_occlusion_files(run, source, monkeypatch, tmp_path):
    source.occluded = None
    complete = _evaluate(run, source, monkeypatch, tmp_path / "o")
    assert not list((tmp_path / "o").glob("*occluded*"))
    assert complete["dataset_info"] == {"total_samples": 8}


def test_results_do_not_depend_on_the_batch_size(run, source):
    one, many = (evaluate.answer(run, source, batch_size=size) for size in (1, 8))
    np.testing.assert_allclose(one.scores["gloss"], many.scores["gloss"], rtol=1e-4, atol=1e-5)


def test_labels_beyond_the_net_are_named(run, source):
    source.labels["gloss"][4] = 5
    with pytest.raises(UserError, match=r"sub/clip 4.npz: gloss 5, the net has 0..4"):
        evaluate.answer(run, source)


def test_clips_of_another_width_are_named(run, source):
    source.clips[2] = np.zeros((9, 2048), np.float32)
    with pytest.raises(UserError, match="sub/clip 2.npz: 2048 numbers a frame.*156"):
        evaluate.answer(run, source)


def test_images_need_a_run_with_a_backbone(run, source):
    source.clips[2] = np.zeros((9, 80, 80, 3), np.uint8)
    with pytest.raises(UserError, match="sub/clip 2.npz: images, but this run's net takes 156"):
        evaluate.answer(run, source)


def test_scores_that_are_not_finite_are_named(run, source):
    source.clips[3][0] = np.nan
    with pytest.raises(UserError, match="sub/clip 3.npz: the net's gloss scores are not finite"):
        evaluate.answer(run, source)


def test_an_empty_source_is_an_error(run):
    with pytest.raises(UserError, match="no clips to evaluate"):
        evaluate.answer(run, Memory([], {"gloss": np.zeros(0, int), "cat": np.zeros(0, int)}))


def test_a_run_without_data_asks_for_some(run):
    with pytest.raises(UserError, match="knows no val data.*--data DIR"):
        evaluate.data_section(run, "val", None, None)
    data = evaluate.data_section(run, "test", "clips", None, skip_missing=True)
    assert (data.test.path, data.test.labels, data.missing) == ("clips", "clips/labels.csv", "skip")
    assert run.config.data.test.path == ""


def test_without_data_the_runs_own_split_is_used(tmp_path, capsys):
    words = [
        "--config.data.source=synthetic",
        "--config.data.synthetic.signs=5",
        "--config.data.synthetic.signers=2",
        "--config.data.synthetic.val_signers=1",
        "--config.data.synthetic.clips_per_signer=2",
    ]
    folder = run_helpers.save_run(tmp_path / "r", words=words)
    complete = evaluate.evaluate(folder)
    assert complete["dataset_info"] == {"total_samples": 10}
    assert (folder / "evaluate-val/confusion_gloss.png").is_file()
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


def test_folders_of_recorded_clips_are_evaluated(run, tmp_path):
    for seed in range(2):
        run_helpers.recorded(6 + seed, seed).save(tmp_path / f"c{seed}.clip.npz")
    (tmp_path / "labels.csv").write_text("file,gloss,cat\nc0,0,0\nc1,1,1\n")
    complete = evaluate.evaluate(run.workdir, path=tmp_path, out=tmp_path / "o")
    assert complete["overall_results"]["num_samples"] == 2


def test_the_summary_names_the_weakest_classes():
    truth, said = {"gloss": np.array([0, 0, 1])}, {"gloss": np.array([1, 1, 1])}
    rows = metrics.class_table(truth, said, {"gloss": ("HELLO", "YES")})
    complete = {**metrics.report(truth, said), "top_k_accuracy": {"gloss": {"1": 0.3, "3": 1.0}}}
    console = Console(record=True, width=100)
    summary.show(complete, rows, console)
    text = console.export_text()
    assert "HELLO" in text and "0 of 2" in text and "YES (2x)" in text


def test_a_faultless_run_has_no_weak_classes():
    truth = {"gloss": np.array([0, 1])}
    assert summary.weakest(metrics.class_table(truth, truth, {})) == []
