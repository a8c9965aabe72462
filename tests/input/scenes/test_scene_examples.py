"""Scenes as examples: batches, what a recipe takes from them, folders."""

import dataclasses
import functools
import json

import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.input.scenes import examples, scene_source, sources, store, synthetic, vocabulary
from jaxsign.input.scenes.outlines import outline
from jaxsign.tasks.scenes import padded, recall


@functools.cache
def _loaded():
    return configs.load("fslr_transformer").data


def data():
    return _loaded().copy_and_resolve_references()


@pytest.fixture(scope="module")
def made():
    options = data().synthetic_scenes
    options.update(videos=5, frames=(2, 5), boxes=(1, 3), feature_dim=6, union_dim=2)
    return synthetic.scenes(options, "train")


def of_scenes(made, **options):
    outlines = [outline(one) for one in made]
    ids = [one.source for one in made]
    source = scene_source.SceneSource("here", ids, made[0].vocabulary, outlines, made.__getitem__)
    return examples.SceneExamples(source, **options)


def recipe(source="scenes", path="", mode="predcls", **net):
    """What of a recipe the examples look at."""
    places = data()
    places.source, places.train.path = source, str(path)
    wanted = {"mode": mode, "num_objects": 0, "predicates": (), "feature_dim": 0, "union_dim": 0}
    task, sizes = {"objects": (), "groups": (), "detector": ""}, {"buckets": ()}
    return ConfigDict({"data": places, "net": wanted | net, "task": task, "input": sizes})


def test_a_batch_holds_each_scene_padded(made):
    found = of_scenes(made)
    size = tuple(found.sizes.max(axis=0).tolist())
    batch = found.stack([found.example(i) for i in range(len(found))], size)
    assert batch["valid_frames"].sum(axis=1).tolist() == [len(one) for one in made]
    for row, one in enumerate(made):
        boxes, pairs = batch["valid_boxes"][row], batch["valid_pairs"][row]
        # Boxes and pairs of a frame stand first in it, in the scene's order.
        for name in ("boxes", "labels", "scores", "distribution", "features"):
            assert np.array_equal(batch[name][row][boxes], one.arrays()[name])
            assert not batch[name][row][~boxes].any()
        kept = one.labelled
        assert not kept.all() or len(one.boxes) == 2 * len(one)
        for name in ("union_features", "relations", "labelled"):
            assert np.array_equal(batch[name][row][pairs], one.arrays()[name][kept])
        frame, place = np.nonzero(pairs)
        named = batch["boxes"][row][frame[:, None], batch["pairs"][row][frame, place]]
        assert np.array_equal(frame, one.pair_frames[kept])
        assert np.array_equal(named, one.boxes[one.pairs[kept]])


def test_a_filler_is_the_smallest_scene_and_a_blank_is_all_real(made):
    found = of_scenes(made)
    filler = found.stack([None], (3, 2, 2))
    assert [int(filler[f"valid_{name}"].sum()) for name in ("frames", "boxes", "pairs")] == [1] * 3
    blank = found.blank((3, 2, 2), 4)
    assert all(blank[f"valid_{name}"].all() for name in ("frames", "boxes", "pairs"))
    assert {k: (v.shape[1:], v.dtype) for k, v in blank.items()} == {
        k: (v.shape[1:], v.dtype) for k, v in filler.items()
    }
    assert len(blank["boxes"]) == 4


def test_what_lies_beyond_the_size_is_left_out(made):
    found = of_scenes(made)
    which = int(np.argmax(found.sizes[:, 1]))
    batch = found.stack([found.example(which)], (2, 2, 3))
    one = made[which]
    assert one.size[1] > 2
    assert batch["valid_boxes"].sum() == 4 and batch["valid_frames"].sum() == 2
    assert batch["pairs"].max() < 2 and batch["valid_pairs"].sum() == 2


def test_candidates_are_given_where_they_are_asked_for(made):
    one = max(made, key=lambda scene: scene.size[1])
    assert not one.labelled.all()
    alone, asked = of_scenes([one]), of_scenes([one], candidates=True)
    assert asked.sizes[0, 2] == one.size[2] > alone.sizes[0, 2]
    given = alone.stack([alone.example(0)], one.size)
    assert given["valid_pairs"].sum() == given["labelled"].sum() == one.labelled.sum()
    given = asked.stack([asked.example(0)], one.size)
    assert given["valid_pairs"].sum() == len(one.pairs)
    assert given["labelled"].sum() == one.labelled.sum()


def _detected(one):
    """A scene whose boxes are moved to the right by a share of their widths, and what is true."""
    moved = one.boxes.copy()
    moved[:, [0, 2]] += 0.2 * (moved[:, 2] - moved[:, 0] + 1)[:, None]
    truth = dataclasses.replace(one, labelled=np.ones_like(one.labelled), relations=_whole(one))
    nothing = {"labelled": np.zeros_like(one.labelled), "relations": np.zeros_like(one.relations)}
    return dataclasses.replace(one, boxes=moved, truth=truth, **nothing)


def _whole(one):
    found = one.relations.copy()
    for group, part in zip(one.vocabulary.groups, one.vocabulary.parts, strict=True):
        if group.kind == "one":
            found[~one.labelled, part.start] = True
    return found


def test_what_is_told_of_detected_boxes_is_compared_with_the_true_ones(made, tmp_path):
    scenes = [_detected(one) for one in made[:3]]
    for one in scenes:
        one.save(tmp_path / f"{one.source}.scene.npz")
    asked = recipe(path=tmp_path, mode="sgdet")
    asked.data.val.path = str(tmp_path)
    found = examples.open_examples(asked, "val")
    size = tuple(found.sizes.max(axis=0).tolist())
    batch = found.stack([found.example(i) for i in range(3)] + [None], size)
    assert batch["valid_pairs"][:3].sum() == sum(len(one.pairs) for one in scenes)
    truth = padded.truth(batch)
    assert len(truth.pairs) == sum(len(one.pairs) for one in scenes)
    words = found.source.vocabulary
    told = {**batch, "scores": batch["valid_boxes"].astype(np.float32)}
    told["relations"] = np.zeros_like(batch["relations"], np.float32)
    for row, one in enumerate(scenes):
        pair = batch["valid_pairs"][row]
        told["relations"][row][pair] = np.where(one.truth.relations, 20, -20)

    def hits(boxes):
        ranks = recall.ranks(padded.answers(boxes, told, words), truth, words, "no")
        return recall.count(ranks, truth, words, (1000,))["hits"].sum()

    assert hits(batch["boxes"]) == truth.relations.sum() > 0
    away = batch["boxes"].copy()
    away[..., [0, 2]] += 0.3 * (away[..., 2] - away[..., 0] + 1)[..., None]
    assert hits(away) == 0
    # To train nobody asks for it, and scenes of which one alone tells it are refused.
    with pytest.raises(UserError, match="1 of 2 scenes have no true_boxes, among them train_0004"):
        of_scenes([scenes[0], made[4]])
    assert "true_boxes" not in of_scenes(made, training=True).stack([None], size)


def test_a_distribution_that_one_scene_lacks_is_given_of_none(made):
    found = of_scenes([made[0], dataclasses.replace(made[1], distribution=None)])
    assert "distribution" not in found.stack([found.example(0), None], made[0].size)


def test_a_recipe_takes_numbers_and_names_from_the_data(made):
    found = of_scenes(made)
    words = synthetic.words(8)
    assert found.facts(recipe())["net"] == {
        "num_objects": 10, "predicates": (3, 5, 5), "feature_dim": 6, "union_dim": 2,
    }  # fmt: skip
    with pytest.raises(UserError, match=r"here:\n  - net.feature_dim=7, but the data have 6"):
        found.facts(recipe(feature_dim=7))
    told = found.facts(recipe())
    assert told["task"].pop("detector") == ""
    assert vocabulary.of_rows(**told["task"]) == words
    assert 1 <= len(told["input"]["buckets"]) <= 4
    assert all((found.sizes <= told["input"]["buckets"][-1]).all(axis=1))
    other = recipe()
    other.task.update(vocabulary.to_rows(synthetic.words(7)))
    with pytest.raises(UserError, match="objects are other names"):
        found.facts(other)
    names = found.class_names(recipe())
    assert names["objects"] == list(words.objects)
    assert names["spatial"] == list(words.groups[1].predicates)
    counts = found.class_counts(recipe())
    assert counts["objects"].tolist() == np.bincount(
        np.concatenate([one.labels for one in made]), minlength=10
    ).tolist()  # fmt: skip
    assert counts["attention"].sum() == sum(one.labelled.sum() for one in made)


def test_a_folder_gives_what_was_saved(made, tmp_path):
    for one in made:
        one.save(tmp_path / f"{one.source}.scene.npz")
    asked = recipe(path=tmp_path)
    asked.data.val.path = str(tmp_path)
    found = examples.open_examples(asked, "train")
    given = of_scenes(made)
    assert found.ids == given.ids and np.array_equal(found.sizes, given.sizes)
    size = tuple(found.sizes.max(axis=0).tolist())
    ours, theirs = (one.stack([one.example(3), None], size) for one in (found, given))
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_names_of_frames_are_read_without_the_rest(made, tmp_path):
    path = tmp_path / f"{made[0].source}.scene.npz"
    made[0].save(path)
    source = sources.of_folder(tmp_path)
    # What else is in the file does not matter any more.
    np.savez(path, frames=np.asarray(made[0].frames), times=made[0].times)
    names, times = source.head(0)
    assert names == made[0].frames and np.array_equal(times, made[0].times)
    with pytest.raises(UserError, match="is no scene file"):
        source.read(0)


def test_files_below_a_folder_are_its_scenes_but_no_splits_are_mixed(made, tmp_path):
    made[0].save(tmp_path / "a.scene.npz").rename(tmp_path / "a.SCENE.NPZ")
    made[1].save(tmp_path / "kitchen/b.scene.npz")
    (tmp_path / "._a.scene.npz").write_bytes(b"macOS")
    found = sources.of_folder(tmp_path, "train")
    assert found.ids == ["a", "kitchen/b"] and len(found.read(1)) == len(made[1])
    assert sources.of_folder(tmp_path / "a.SCENE.NPZ").ids == ["a"]
    (tmp_path / "kitchen").rename(tmp_path / "test")
    with pytest.raises(UserError, match=r"folders of splits \(test\).*data.train.path=.*/train"):
        sources.of_folder(tmp_path, "train")


def test_annotations_are_told_to_be_converted(tmp_path):
    rows = dict.fromkeys(("trajectories", "relation_instances"), [])
    (tmp_path / "a.json").write_text(json.dumps(rows))
    with pytest.raises(UserError, match="annotations of kind vidor. Make scenes.*jaxsign convert"):
        sources.of_folder(tmp_path, "train")


def test_bad_folders_are_refused(made, tmp_path):
    with pytest.raises(UserError, match=r"data.train.path is empty"):
        examples.open_examples(recipe(), "train")
    with pytest.raises(UserError, match=r"holds no \*.scene.npz"):
        examples.open_examples(recipe(path=tmp_path), "train")
    made[0].save(tmp_path / "a.scene.npz")
    words = made[0].vocabulary
    turned = dataclasses.replace(words, objects=(*words.objects[:2], *words.objects[:1:-1]))
    dataclasses.replace(made[0], vocabulary=turned).save(tmp_path / "b.scene.npz")
    (tmp_path / "c.scene.npz").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"2 bad scenes:\n.*b.scene.npz: objects are the same nam"):
        examples.open_examples(recipe(path=tmp_path), "train")
    with pytest.raises(UserError, match="data.source='scene' holds no scenes. Did you mean 'scen"):
        examples.open_examples(recipe(source="scene"), "train")


def test_scenes_of_which_nobody_knows_a_relation_teach_and_tell_nothing(made, tmp_path):
    for one in made[:2]:
        seen = _detected(one)
        dataclasses.replace(seen, truth=None).save(tmp_path / f"{one.source}.scene.npz")
    asked = recipe(path=tmp_path)
    asked.data.val.path = str(tmp_path)
    with pytest.raises(UserError, match="none of its 2 scenes tells a relation.*nothing to learn"):
        examples.open_examples(asked, "train", training=True)
    with pytest.raises(UserError, match="nothing to compare with"):
        examples.open_examples(asked, "val")
    for one in made[:2]:
        _detected(one).save(tmp_path / f"{one.source}.scene.npz")
    examples.open_examples(asked, "val")  # with what is true beside detected boxes
    with pytest.raises(UserError, match="nothing to learn"):
        examples.open_examples(asked, "train", training=True)


def test_features_of_one_width_are_needed(made):
    other = dataclasses.replace(made[1], features=made[1].features[:, :4])
    with pytest.raises(UserError, match="features of train_0001 are 4, those of train_0000 are 6"):
        of_scenes([made[0], other])
    with pytest.raises(UserError, match="union_features of train_0001 are absent"):
        of_scenes([made[0], dataclasses.replace(made[1], union_features=None)])


def test_a_scene_is_harder_by_its_pairs_and_rare_predicates(made):
    told = np.array([one.relations[one.labelled].sum(axis=0) for one in made])
    bits = -np.log2(np.maximum(told.sum(axis=0), 1) / told.sum())
    wanted = [sum(n * b for n, b in zip(row, bits, strict=True)) for row in told.tolist()]
    assert of_scenes(made).difficulties() == pytest.approx(wanted)
    once = outline(made[0])
    assert np.array_equal(once.relations, told[0]) and once.paired.sum() == made[0].labelled.sum()
    twice = dataclasses.replace(once, together=2 * once.together)
    found = of_scenes(made)
    found.source = dataclasses.replace(found.source, outlines=[once, twice, outline(made[1])])
    easy, hard, _ = found.difficulties()
    assert hard == pytest.approx(2 * easy)


def test_scenes_of_another_detector_are_refused(made, tmp_path):
    def by(*names):
        rows = zip(made[: len(names)], names, strict=True)
        return [dataclasses.replace(one, detector=name) for one, name in rows]

    config = recipe()
    assert of_scenes(made).facts(config)["task"]["detector"] == ""
    found = of_scenes(by("one", "one", ""))
    config.task.detector = found.facts(config)["task"]["detector"]
    assert config.task.detector == "one"
    of_scenes(made).facts(config)  # whose detector is not told
    with pytest.raises(UserError, match="of the detector two, but the run's scenes were made with"):
        of_scenes(by("two", "two")).under(config)
    with pytest.raises(UserError, match="scenes of 2 detectors, such as .* \\(one\\) and .*two"):
        of_scenes(by("one", "two"))
    for place in ("files", "store"):
        (tmp_path / place).mkdir()
    writer = store.SceneStoreWriter(tmp_path / "store", made[0].vocabulary, "made up")
    for number, one in enumerate(by("one", "one")):
        one.save(tmp_path / "files" / f"{number}.scene.npz")
        writer.add(str(number), "", one)
    writer.finish()
    for place in ("files", "store"):
        read = sources.of_folder(tmp_path / place)
        assert [row.detector for row in read.outlines] == ["one", "one"]
        assert read.read(1).detector == "one"
