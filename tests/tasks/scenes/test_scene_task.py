"""A run on scenes: what training writes, how it is evaluated, and what it answers."""

import csv
import dataclasses
import json

import numpy as np
import pytest
import recipes
from ml_collections import ConfigDict

from jaxsign import cli, tasks
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.input.scenes import examples, synthetic, vocabulary
from jaxsign.tasks.scenes import frequent, padded, recall
from jaxsign.train import log, loop, setup
from tests.infer.graphs import told as graphs_told
from tests.input.scenes import action_genome_folder


def small():
    """The recorded recipe's small net, whose programs are compiled already."""
    config = recipes.small("sttran:synthetic", None)
    config.train.epochs, config.schedule.warmup = 2, 1
    config.log.tensorboard, config.checkpoint.also_best = False, ("loss",)
    return config


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("scenes") / "run"
    loop.train(small(), place, log.TrainingDisplay(live=False))
    return place


def rows_of(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_run_tells_recalls_and_keeps_its_classes(folder):
    rows = rows_of(folder / "metrics.csv")
    assert len(rows) == 2
    last = rows[-1]
    assert 0 <= float(last["val_mrecall@20"]) <= 1
    parts = sum(float(last[f"train_{g.name}_loss"]) for g in synthetic.GROUPS)
    assert parts == pytest.approx(float(last["train_loss"]), rel=1e-5)
    run = runs.load_run(folder)
    assert run.task.words == synthetic.words(3)
    names = json.loads((folder / "labels.json").read_text())["heads"]
    assert names["attention"] == list(synthetic.GROUPS[0].predicates)
    best = max(float(row["val_recall@20"]) for row in rows)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["best_metric"] == pytest.approx(best, abs=1e-5)
    assert manifest["monitor_column"] == "val_recall@20"


def test_evaluation_counts_what_the_net_tells(folder, tmp_path, capsys):
    out, saved = tmp_path / "e", tmp_path / "saved.json"
    words = ["evaluate", "--workdir", str(folder), "--which", "last", "--out", str(out)]
    assert cli.main([*words, "--save-results", str(saved)]) == 0
    found = json.loads(saved.read_text())
    assert found == json.loads((out / "results.json").read_text())
    last = rows_of(folder / "metrics.csv")[-1]
    assert found["recall"]["with"]["R@20"] == pytest.approx(float(last["val_recall@20"]), abs=1e-5)
    assert found["mean_recall"]["with"]["mR@10"] == pytest.approx(
        float(last["val_mrecall@10"]), abs=1e-5
    )
    assert list(found["recall"]) == ["with", "semi", "no"]
    table = rows_of(out / "per_predicate.csv")
    assert [row["predicate"] for row in table] == list(synthetic.words(3).predicates)
    assert sum(int(row["true"]) for row in table) == found["dataset_info"]["relations"]
    videos = rows_of(out / "per_video.csv")
    assert sum(int(row["relations"]) for row in videos) == found["dataset_info"]["relations"]
    assert {path.name for path in out.glob("*.png")} == {
        "recall.png", "confusion_attention.png", "confusion_spatial.png",
        "confusion_contacting.png",
    }  # fmt: skip
    printed = capsys.readouterr().out
    assert "with constraint" in printed and "without pixels" in printed
    config = runs.load_run(folder).config
    truth = [_truth(examples.open_examples(config, split)) for split in ("train", "val")]
    words = synthetic.words(3)
    usual = frequent.answers(truth[1], frequent.shares(truth[0], words))
    sums = recall.count(recall.ranks(usual, truth[1], words, "with"), truth[1], words)
    wanted = recall.recall(sums)
    known = found["most_frequent_relations"]
    assert [known[f"R@{cut}"] for cut in recall.CUTS] == pytest.approx(wanted.tolist())


def test_an_evaluation_takes_the_best_epoch_by_another_number(folder, tmp_path, capsys):
    words = ["evaluate", "--workdir", str(folder), "--split", "val", "--out", str(tmp_path / "e")]
    assert cli.main([*words, "--which", "best-loss"]) == 0
    found = json.loads((tmp_path / "e" / "results.json").read_text())
    rows = rows_of(folder / "metrics.csv")
    least = min(rows, key=lambda row: float(row["val_loss"]))
    assert found["recall"]["with"]["R@20"] == pytest.approx(float(least["val_recall@20"]), abs=1e-5)
    assert cli.main([*words, "--which", "best-recall@10"]) == 1
    assert "Expected best, last, best-loss" in capsys.readouterr().err


def test_a_run_is_evaluated_in_another_mode_than_its_own(tmp_path):
    graphs_told.save_run(tmp_path / "run", "sgcls")
    words = ["evaluate", "--workdir", str(tmp_path / "run"), "--out", str(tmp_path / "e")]
    right = {}
    for mode in ("sgcls", "predcls"):
        assert cli.main([*words, "--mode", mode]) == 0
        found = json.loads((tmp_path / "e" / "results.json").read_text())
        assert found["mode"] == mode
        right[mode] = found["recall"]["no"]["R@50"]
    assert right["predcls"] > right["sgcls"]  # where classes are given


def test_detected_boxes_are_evaluated_against_the_true_ones(folder, tmp_path):
    options = runs.load_run(folder).config.data.synthetic_scenes
    data, out, told = tmp_path / "data", tmp_path / "e", []
    data.mkdir()
    words = ["evaluate", "--workdir", str(folder), "--data", str(data), "--out", str(out)]
    for far in (0, 1000):
        for one in synthetic.scenes(options, "test")[:2]:
            true = one.labelled
            of_pairs = {name: getattr(one, name)[true] for name in ("pairs", "pair_frames")}
            of_pairs |= {"relations": one.relations[true], "labelled": true[true]}
            truth = dataclasses.replace(one, **of_pairs, union_features=None)
            found = dataclasses.replace(
                one,
                boxes=one.boxes + far,
                labelled=np.zeros_like(true),
                relations=np.zeros_like(one.relations),
                truth=truth,
            )
            found.save(data / f"{one.source}.scene.npz")
        assert cli.main(words) == 0
        told.append(json.loads((out / "results.json").read_text()))
    assert told[0]["dataset_info"] == told[1]["dataset_info"]
    assert told[0]["dataset_info"]["relations"] > 0
    assert [one["recall"]["no"]["R@100"] for one in told] == [1, 0]


def test_of_scenes_that_are_given_none_is_held_back(folder, tmp_path):
    options = runs.load_run(folder).config.data.synthetic_scenes
    for one in [*synthetic.scenes(options, "test"), *synthetic.scenes(options, "train")[:2]]:
        one.save(tmp_path / f"{one.source}.scene.npz")
    given = len(list(tmp_path.iterdir()))
    words = ["--workdir", str(folder), "--data", str(tmp_path), "--out", str(tmp_path / "e")]
    for split in ("train", "val"):
        assert cli.main(["evaluate", *words, "--split", split]) == 0
        found = json.loads((tmp_path / "e" / "results.json").read_text())
        assert found["dataset_info"]["videos"] == given > 1


def _truth(found):
    size = tuple(found.sizes.max(axis=0).tolist())
    return padded.truth(found.stack([found.example(i) for i in range(len(found))], size))


def test_a_prediction_tells_each_frame(folder, tmp_path, capsys):
    config = runs.load_run(folder).config
    scene = synthetic.scenes(config.data.synthetic_scenes, "test")[0]
    scene.save(tmp_path / "one.scene.npz")
    words = ["predict", "--workdir", str(folder), "--out", str(tmp_path / "p.json")]
    assert cli.main([*words, str(tmp_path / "one.scene.npz")]) == 0
    said = json.loads((tmp_path / "p.json").read_text())
    assert [frame["frame"] for frame in said["frames"]] == list(scene.frames)
    assert [frame["time"] for frame in said["frames"]] == scene.times.tolist()
    for number, frame in enumerate(said["frames"]):
        boxes = scene.boxes[scene.box_frames == number]
        np.testing.assert_allclose([one["box"] for one in frame["objects"]], boxes, rtol=1e-6)
        assert frame["objects"][0]["label"] == "person"
        # With constraint: the surest predicate of every group of every pair of the person.
        assert (
            len(frame["relations"])
            == len(synthetic.GROUPS) * scene.labelled[scene.pair_frames == number].sum()
        )
        sure = [one["score"] for one in frame["relations"]]
        assert sure == sorted(sure, reverse=True)
    # Spatial relations are told of the object, as Action Genome's.
    spatial = next(one for one in said["frames"][0]["relations"] if one["group"] == "spatial")
    assert spatial["told"].endswith(" person")
    assert scene.frames[0] in capsys.readouterr().out
    assert cli.main([*words, str(tmp_path)]) == 0
    assert json.loads((tmp_path / "p.json").read_text())[0]["file"] == "one"
    (tmp_path / "cut.scene.npz").write_bytes((tmp_path / "one.scene.npz").read_bytes()[:500])
    assert cli.main([*words, str(tmp_path)]) == 1
    assert "cut.scene.npz" in capsys.readouterr().err
    assert [one["file"] for one in json.loads((tmp_path / "p.json").read_text())] == ["one"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["evaluate", "--labels", __file__], "scenes hold their relations themselves"),
        (["evaluate", "--mode", "beam"], "--mode: not for"),
        (["evaluate", "--mode", "sgcls"], "learnt with net.mode=predcls, in which classes"),
        (["evaluate", "--csv", "x.csv"], "runs that learn one sign a clip"),
        (["evaluate", "--data", "nowhere"], "nowhere: no such file or folder"),
        (["stream", "clip.npz"], "takes scenes"),
    ],
)
def test_what_scenes_do_not_take_is_refused(folder, words, told, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("clip.npz", X=np.zeros((20, 156), np.float32))
    verb, *rest = words
    assert cli.main([verb, "--workdir", str(folder), *rest]) == 1
    assert told in capsys.readouterr().err


def test_scenes_of_other_classes_are_refused(folder, tmp_path, capsys):
    options = small().data.synthetic_scenes
    options.objects = 4
    synthetic.scenes(options, "test")[0].save(tmp_path / "other.scene.npz")
    for verb in (["evaluate", "--data"], ["predict"]):
        words = [verb[0], "--workdir", str(folder), *verb[1:], str(tmp_path)]
        assert cli.main(words) == 1
        assert "objects are other names" in capsys.readouterr().err
    # Action Genome's folder is read as what it is.
    entries = {f"A.mp4/{i:06d}.png": [action_genome_folder.an_object()] for i in range(3)}
    given = str(action_genome_folder.of_frames(tmp_path / "genome", entries))
    words = ["evaluate", "--workdir", str(folder), "--split", "train", "--data", given]
    assert cli.main([*words, "--out", str(tmp_path / "e")]) == 1
    assert "objects are other names" in capsys.readouterr().err


def test_a_recipe_of_signs_is_no_scene_graph():
    config = configs.load("fslr_transformer:synthetic")
    config.task.update(name="scene_graph", monitor="loss")
    assert "takes nets of relations" in tasks.check(config)[0]
    config = small()
    config.task.monitor = "val_recall@20"
    assert not tasks.check(config)
    config.task.monitor = "recall@30"
    assert "expected one of" in tasks.check(config)[0]
    config.checkpoint.also_best = ("recall@20", "recall@30")
    config.task.monitor = "recall@20"
    assert tasks.check(config)[0].startswith("checkpoint.also_best='recall@30': expected one of")
    config.checkpoint.also_best = ("recall@20",)
    config.task.objects = ("__background__",)
    assert "set both" in tasks.check(config)[0]


def test_stages_of_modes_share_parameters_and_get_the_pairs_that_they_ask_for(tmp_path):
    config = small()
    given = configs.load("sttran:progressive")
    config.stages, config.stage, config.net.mode = given.stages, given.stage, given.net.mode
    run = setup.prepare(config, tmp_path / "run")
    sessions = [setup.begin(run, stage, None) for stage in run.stages]
    assert [one.task.net.mode for one in sessions] == ["predcls", "sgcls", "sgdet"]
    # Two objects and a person: two labelled pairs, and one more where the net finds the person.
    assert [one.train_batches.sizes[-1][2] for one in sessions] == [2, 2, 2]
    assert [one.val_batches.sizes[-1][2] for one in sessions] == [2, 3, 2]
    known = [
        any(path.startswith("object_classifier") for path in one.trainable) for one in sessions
    ]
    assert known == [False, True, True]
    assert len({one.monitors.best.key for one in sessions}) == 1
    config.stages, config.stage = "sgcls", ConfigDict({"sgcls": {"net": {"hidden_dim": 4}}})
    with pytest.raises(UserError, match="stage.sgcls.net.hidden_dim: this holds for the whole run"):
        setup.prepare(config, tmp_path / "other")


def test_words_of_a_recipe_are_the_datas():
    words = vocabulary.ACTION_GENOME
    assert vocabulary.of_rows(**vocabulary.to_rows(words)) == words
    with pytest.raises(UserError, match=r"expected rows \(name"):
        vocabulary.of_rows(words.objects, (("attention", "one"),))


def test_recall_of_the_truth_is_one():
    """The score's own way from a batch to recall, with a net that tells what is true."""
    config = small()
    found = examples.open_examples(config, "val")
    size = tuple(found.sizes.max(axis=0).tolist())
    batch = found.stack([found.example(i) for i in range(len(found))], size)
    words = found.source.vocabulary
    told = {
        "labels": batch["labels"], "scores": batch["valid_boxes"].astype(np.float32),
        "pairs": batch["pairs"], "valid_pairs": batch["valid_pairs"],
        "relations": np.where(batch["relations"], 20.0, -20.0).astype(np.float32),
    }  # fmt: skip
    truth = padded.truth(batch)
    ranks = recall.ranks(padded.answers(batch["boxes"], told, words), truth, words, "no")
    assert recall.recall(recall.count(ranks, truth, words))[-1] == 1
