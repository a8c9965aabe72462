"""Graphs of actions as examples: made-up ones, batches, files, and what is refused."""

import dataclasses

import numpy as np
import pytest

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.input.scenes import (
    action_examples,
    examples,
    scene,
    scene_source,
    store,
    synthetic,
    synthetic_actions,
    vocabulary,
)
from jaxsign.input.scenes.outlines import outline
from tests.input.scenes.test_scene import made

WORDS = vocabulary.Vocabulary(
    ("__background__", "person", "cup"),
    (vocabulary.Group("verb", ("lift", "fill"), "one"),
     vocabulary.Group("edge", ("dobj", "with"), "several")),
)  # fmt: skip


def options(**changed):
    found = configs.base().data.synthetic_actions
    found.update({"videos": 6, "val_videos": 2} | changed)
    return found


def a_graph(**changed):
    """Two frames of two graphs, a cup in each."""
    given = {
        "vocabulary": WORDS,
        "features": np.arange(8, dtype=np.float32).reshape(4, 2),
        "frame_graphs": np.array([0, 1]),
        "verb_features": np.array([[1, 2, 3], [4, 5, 6]], np.float32),
    }
    return made(**given | changed)


def examples_of(scenes, **more):
    outlines, ids = [outline(one) for one in scenes], [one.source for one in scenes]
    words = scenes[0].vocabulary
    source = scene_source.SceneSource("here", ids, words, outlines, scenes.__getitem__)
    return action_examples.ActionExamples(source, **more)


def test_made_up_actions_follow_from_verb_class_and_place():
    one, other = (synthetic_actions.scenes(options(videos=40), "train") for _ in range(2))
    assert all(np.array_equal(a.arrays()["features"], b.arrays()["features"])
               for a, b in zip(one, other, strict=True))  # fmt: skip
    roles: dict[tuple[int, int], set[bool]] = {}
    counts = np.zeros(8, int)
    for found in one:
        graphs, words = found.frame_graphs, found.vocabulary
        assert found.verb_features.shape == (graphs.max() + 1, 12)
        done = found.relations[:, words.parts[0]].argmax(1)
        told = {name: found.relations[:, n] for n, name in enumerate(words.predicates)}
        for verb, label, dobj in zip(
            done, found.labels[found.pairs[:, 1]], told["dobj"], strict=True
        ):
            roles.setdefault((int(verb), int(label)), set()).add(bool(dobj))
        assert found.relations[:, words.parts[1]].any(axis=1).all()
        counts += np.bincount(done, minlength=8)
    assert all(len(found) == 1 for found in roles.values())
    assert counts[0] > 3 * counts[4:].mean()  # few verbs are frequent


def test_a_batch_holds_verbs_and_graphs():
    scenes = [a_graph(), a_graph(frame_graphs=np.array([0, 0]), verb_features=np.ones((1, 3)),
                                 source="b")]  # fmt: skip
    scenes[1] = dataclasses.replace(scenes[1], verb_features=np.full((1, 3), 9, np.float32))
    found = examples_of(scenes)
    batch = found.stack([found.example(0), found.example(1), None], (3, 2, 2))
    assert batch["graphs"].tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert batch["verbs"][0].tolist() == [[0, 0], [1, 0], [0, 0]]
    assert batch["verb_features"][0, :2, 0].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert batch["verb_features"][1, :2, 0].tolist() == [[9] * 3] * 2
    assert not batch["verb_features"][:, :, 1].any() and "union_features" not in batch
    blank = found.blank((3, 2, 2), 3)
    assert {k: (v.shape, v.dtype) for k, v in blank.items()} == {
        k: (v.shape, v.dtype) for k, v in batch.items()
    }


def test_files_and_stores_keep_graphs(tmp_path):
    one = a_graph()
    read = scene.load(one.save(tmp_path / "a.scene.npz"))
    writer = store.SceneStoreWriter(tmp_path / "s", WORDS, "tests")
    (tmp_path / "s").mkdir()
    writer.add("a", "", one)
    writer.finish()
    kept = store.opened(tmp_path / "s")
    assert kept.outlines[0].verb_dim == 3
    for found in (read, kept.read(0)):
        assert np.array_equal(found.frame_graphs, one.frame_graphs)
        assert np.array_equal(found.verb_features, one.verb_features)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"frame_graphs": np.array([0, 2]), "verb_features": None}, "do not count graphs from 0"),
        ({"frame_graphs": np.array([1, 1])}, "do not count graphs from 0"),
        ({"frame_graphs": np.array([0, 0])}, r"verb_features \[2, 3\], expected \[1, any\]"),
        ({"verb_features": np.full((2, 3), np.nan, np.float32)}, "verb_features: row 0 holds NaN"),
        ({"frame_graphs": np.array([0.0, 1.0])}, "frame_graphs are float64"),
    ],
)
def test_graphs_that_are_none(changed, told):
    with pytest.raises(UserError, match=told):
        a_graph(**changed)


def test_what_no_net_of_actions_can_learn_from():
    with pytest.raises(UserError, match="verb_features of films/a are absent"):
        examples_of([a_graph(verb_features=None)])
    wide = a_graph(source="wide", verb_features=np.ones((2, 4), np.float32))
    with pytest.raises(UserError, match="verb_features of wide are 4, those of films/a are 3"):
        examples_of([a_graph(), wide])
    words = configs.base().data.synthetic_scenes
    words.update(videos=1)
    with pytest.raises(UserError, match="are no graphs of actions: groups attention"):
        examples_of(synthetic.scenes(words, "train"))
    with pytest.raises(UserError, match=r"synthetic_actions.boxes=\(1, 4\): the objects"):
        synthetic_actions.scenes(options(objects=3), "train")


def test_who_does_not_say_the_verb_is_asked_for_it():
    nobody = a_graph(labelled=np.zeros(2, bool), relations=np.zeros((2, 4), bool))
    source = examples_of([nobody]).source
    for mode in ("edgecls", "sgcls"):
        with pytest.raises(UserError, match="nobody says what is done in films/a"):
            action_examples.ActionExamples.asked(source, mode, training=False)
    assert action_examples.ActionExamples.asked(source, "easgcls", training=False)
    given = examples_of([nobody], candidates=True)
    assert given.stack([given.example(0)], (2, 2, 1))["valid_pairs"].all()


def test_graphs_without_an_edge_are_nothing_to_compare_with(tmp_path):
    one = a_graph()
    bare = one.relations.copy()
    bare[:, one.vocabulary.parts[1]] = False
    dataclasses.replace(one, relations=bare).save(tmp_path / "x.scene.npz")
    config = configs.load("easg")
    config.data.source = "scenes"
    config.data.val.path = str(tmp_path)
    with pytest.raises(UserError, match="none of its 1 scenes tells a relation.*to compare with"):
        examples.open_examples(config, "val", kind=action_examples.ActionExamples)
