"""Graphs of actions: recalls and answers of a net that tells the truth; a run, and its verbs."""

import csv
import json

import numpy as np
import pytest
import recipes

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.infer import run as runs
from jaxsign.input.scenes import action_examples, examples, synthetic_actions
from jaxsign.nets import action_net
from jaxsign.tasks.actions import answers, graphs
from jaxsign.tasks.actions.task import ActionGraphTask
from jaxsign.tasks.scenes import easg_recall
from jaxsign.train import log, loop

GIVEN = ("boxes", "labels", "pairs", "valid_pairs", "verbs")


def small():
    """The recorded recipe's small net, whose programs are compiled already."""
    config = recipes.small("easg:synthetic", None)
    config.train.epochs, config.schedule.warmup = 2, 1
    config.log.tensorboard = False
    return config


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("actions") / "run"
    loop.train(small(), place, log.TrainingDisplay(live=False))
    return place


@pytest.fixture(scope="module")
def known():
    """Videos of several graphs as one batch, and what a net that knows the truth tells."""
    config = small()
    config.data.synthetic_actions.update(videos=6, graphs=(2, 3))
    found = examples.open_examples(config, "train", kind=action_examples.ActionExamples)
    batch = found.stack([found.example(i) for i in range(5)], tuple(found.sizes.max(axis=0)))
    words = found.source.vocabulary
    boxes = np.take_along_axis(batch["labels"], batch["pairs"][..., 1], axis=-1)
    names = boxes[..., None] == np.arange(len(words.objects))[action_net.NO_OBJECTS :]
    told = {
        "relations": np.where(batch["relations"], 9.0, -9.0).astype(np.float32),
        "objects": np.where(names, 9.0, -9.0).astype(np.float32),
    }
    return found, batch, told


def counted(known, mode, told):
    found, batch, _ = known
    words = found.source.vocabulary
    at = graphs.rows_of(batch, batch["valid_pairs"] & batch["labelled"])
    made = graphs.of_first_frames(graphs.told(at, told, batch["verbs"], words), at)
    return graphs.count(made, graphs.truth(at, batch, words), words, mode)


@pytest.mark.parametrize("mode", action_net.MODES)
def test_recall_of_the_truth_is_one_and_of_its_opposite_less(known, mode):
    sums = counted(known, mode, known[2])
    assert sums["graphs"] > 5 and sums["true"].sum() > sums["graphs"]
    np.testing.assert_allclose(graphs.recall(sums, "no")[-1], 1)
    np.testing.assert_allclose(graphs.mean_recall(sums, "no")[-1], 1)
    # One edge an object: what has two of them cannot be told whole.
    assert 0.3 < graphs.recall(sums, "with")[-1] < 1
    wrong = counted(known, mode, {name: -values for name, values in known[2].items()})
    assert (graphs.recall(wrong, "with") < graphs.recall(sums, "with")).all()


def test_graphs_of_parts_add_up(known):
    found, batch, told = known
    whole = counted(known, "easgcls", told)
    parts = [
        counted(
            (found, {k: v[part] for k, v in batch.items()}, told),
            "easgcls",
            {k: v[part] for k, v in told.items()},
        )
        for part in (slice(0, 2), slice(2, 5))
    ]
    for name, value in whole.items():
        np.testing.assert_allclose(sum(part[name] for part in parts), value)


def test_only_objects_of_a_graphs_first_frame_are_compared():
    frames, labels = np.array([0, 0, 1, 2, 2]), np.array([4, 2, 5, 2, 4])
    rows = graphs.PairRows(np.zeros(5, int), frames, np.zeros(5, int), frames // 2, labels)
    values = np.arange(5.0)[:, None] * np.ones((1, 7))
    every = easg_recall.gather(rows.graphs, labels, values, values, values, np.zeros(2, int))
    assert (every.graphs.tolist(), every.labels.tolist()) == ([0, 0, 0, 1, 1], [2, 4, 5, 2, 4])
    found = graphs.of_first_frames(every, rows)
    assert (found.graphs.tolist(), found.labels.tolist()) == ([0, 0, 1, 1], [2, 4, 2, 4])
    assert found.edges[:, 0].tolist() == found.objects[:, 0].tolist() == [1, 0, 3, 4]
    assert found.verbs[:, 0].tolist() == [1, 3.5]  # a graph's verb is told of all its frames


def test_an_answer_tells_each_graph_its_verb_and_its_objects(known):
    found, batch, told = known
    rows = {**{name: batch[name] for name in GIVEN}, **told}
    words = found.source.vocabulary
    answerer = answers.GraphAnswerer(words, "easgcls", source=found.source)
    said = answerer(rows, found.ids[:5])
    for number, video in enumerate(said):
        scene = found.source.read(number)
        assert len(video.graphs) == scene.frame_graphs.max() + 1
        for graph, one in enumerate(video.graphs):
            assert one.frames == tuple(np.array(scene.frames)[scene.frame_graphs == graph])
            inside = scene.frame_graphs[scene.pair_frames] == graph
            true = scene.relations[inside][:, words.parts[0]].argmax(-1)
            assert {one.verb.name} == {words.groups[0].predicates[i] for i in true}
            labels = scene.labels[scene.pairs[inside, 1]]
            assert {o.label.name for o in one.objects} == {words.objects[i] for i in labels}
            assert one.verb.score > 0.9 and all(o.label.score > 0.9 for o in one.objects)
    few = answers.GraphAnswerer(words, "easgcls", "with", found.source)(rows, found.ids[:5])
    assert all(len(o.edges) == 1 for video in few for one in video.graphs for o in one.objects)
    nothing = {**rows, "valid_pairs": np.zeros_like(rows["valid_pairs"])}
    empty = answerer(nothing, found.ids[:5])[0]
    assert empty.graphs == () and empty.line() == "0 graphs: nothing"


def test_a_run_tells_recalls_and_evaluation_the_same(folder, capsys):
    with (folder / "metrics.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    last = rows[-1]
    parts = sum(float(last[f"train_{name}_loss"]) for name in ("edge", "objects", "verb"))
    assert parts == pytest.approx(float(last["train_loss"]), rel=1e-5)
    both = [float(last[f"val_recall@20_{name}"]) for name in ("with", "no")]
    assert float(last["val_recall@20"]) == pytest.approx(sum(both) / 2, abs=1e-5)
    words = ["evaluate", "--workdir", str(folder), "--split", "val"]
    assert cli.main([*words, "--which", "last", "--constraint", "all"]) == 0
    (out,) = folder.glob("evaluate-*")
    told = json.loads((out / "results.json").read_text())
    for name in ("with", "no"):
        found = float(last[f"val_recall@20_{name}"])
        assert told["recall"][name]["R@20"] == pytest.approx(found, abs=1e-5)
    assert {"with", "no"} == {*told["most_frequent"]["recall"]}
    with (out / "per_predicate.csv").open(encoding="utf-8") as file:
        edges = [row["predicate"] for row in csv.DictReader(file)]
    assert edges == list(runs.load_run(folder).task.words.groups[1].predicates)


def test_a_prediction_tells_the_graphs_of_a_file(folder, tmp_path, capsys):
    options = runs.load_run(folder).config.data.synthetic_actions
    scene = synthetic_actions.scenes(options, "test")[0]
    scene.save(tmp_path / "one.scene.npz")
    words = ["predict", "--workdir", str(folder), "--out", str(tmp_path / "p.json")]
    assert cli.main([*words, str(tmp_path / "one.scene.npz")]) == 0
    (said,) = json.loads((tmp_path / "p.json").read_text())["graphs"]
    assert said["frames"] == list(scene.frames)
    assert said["verb"]["name"] in scene.vocabulary.groups[0].predicates
    assert said["verb"]["name"] in capsys.readouterr().out


def test_a_net_of_relations_is_refused():
    config = recipes.small("sttran:synthetic", None)
    config.task.name = "action_graph"
    assert any("takes nets of graphs of actions" in one for one in ActionGraphTask.check(config))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["evaluate", "--constraint", "semi"], "semi: none of with, no and all"),
        (["evaluate", "--data", "nowhere"], "nowhere: no such file or folder"),
    ],
)
def test_what_there_is_not_is_refused(folder, words, told, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    verb, *rest = words
    assert cli.main([verb, "--workdir", str(folder), *rest]) == 1
    assert told in capsys.readouterr().err


def test_graphs_of_other_classes_are_refused(folder):
    run = runs.load_run(folder)
    config = small()
    config.data.synthetic_actions.objects = 4
    other = ActionGraphTask.open(config, "val")
    with pytest.raises(UserError, match="objects are other names"):
        other.check(run.task.words)
