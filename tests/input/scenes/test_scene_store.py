"""Stores of scenes: what is read back, splits, and what is refused."""

import json
import pickle
import shutil

import numpy as np
import pytest

from jaxsign import cli
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.input.scenes import scene, sources, store
from jaxsign.input.signs import formats
from tests.input.scenes.test_scene import WORDS, detected, made

RNG = np.random.default_rng(0)


def full(number, dtype=np.float32):
    """A scene with everything; one of its pairs is not labelled where `number` is odd."""
    more = {}
    if number % 2:
        relations = made().relations.copy()
        relations[1] = False
        more = {"labelled": np.array([True, False]), "relations": relations}
    return made(
        source=f"films/{number}",
        times=np.array([0.0, number + 0.5]),
        distribution=RNG.random((4, 2), np.float32),
        features=RNG.standard_normal((4, 3), np.float32),
        union_features=RNG.standard_normal((2, 7, 7, 5), np.float32).astype(dtype),
        **more,
    )


def a_store(folder, scenes, splits=("",) * 9, **options):
    folder.mkdir(parents=True)
    writer = store.SceneStoreWriter(folder, WORDS, "tests", **options)
    for number, (one, split) in enumerate(zip(scenes, splits, strict=False)):
        writer.add(f"v{number}", split, one)
    writer.finish()
    return folder


def same(found, wanted):
    assert found.source == wanted.source and found.vocabulary == wanted.vocabulary
    assert found.frames == wanted.frames
    held = wanted.arrays()
    assert found.arrays().keys() == held.keys()
    for name, array in found.arrays().items():
        assert array.dtype == held[name].dtype and np.array_equal(array, held[name]), name


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_scenes_are_read_back_equal(tmp_path, dtype):
    scenes = [full(number, dtype) for number in range(5)] + [made(), detected()]
    folder = a_store(tmp_path / "s", scenes, shard_bytes=3000)
    assert len(list(folder.glob("scenes-*-of-*.array_record"))) > 2
    found = store.opened(folder)
    assert found.names == [f"v{number}" for number in range(7)]
    for number in (5, 0, 3, 6, 3):
        same(found.read(number), scenes[number])
    same(pickle.loads(pickle.dumps(found)).read(4), scenes[4])
    for one, wanted in zip(found.outlines, map(sources.outline, scenes), strict=True):
        for name, value in wanted.__dict__.items():
            assert np.array_equal(one.__dict__[name], value), name


def test_a_scene_without_boxes(tmp_path):
    none = np.zeros((0, 4), np.float32)
    empty = np.zeros(0, np.int32)
    bare = made(boxes=none, box_frames=empty, labels=empty, scores=empty, pairs=none[:, :2],
                pair_frames=empty, relations=none > 0, labelled=empty > 0)  # fmt: skip
    same(store.opened(a_store(tmp_path / "s", [bare])).read(0), bare)


def test_union_features_in_half_the_bytes(tmp_path):
    one = full(0)
    found = store.opened(a_store(tmp_path / "s", [one], float16=True))
    union = found.read(0).union_features
    assert found.outlines[0].union_type == union.dtype == np.float16
    assert np.array_equal(union, one.union_features.astype(np.float16))
    large = made(features=one.features, union_features=one.union_features * 1e6)
    with pytest.raises(UserError, match="beyond float16"):
        a_store(tmp_path / "t", [large], float16=True)


def test_a_store_as_a_source(tmp_path):
    scenes = [full(0), full(2), full(4)]
    folder = a_store(tmp_path / "s", scenes, ("train", "val", "train"))
    data = configs.base().data
    data.source, data.train.path = "scenes", str(folder)
    train, val = (sources.open_source(data, split) for split in ("train", "val"))
    assert (train.ids, val.ids) == (["v0", "v2"], ["v1"])
    same(pickle.loads(pickle.dumps(train.read))(1), scenes[2])
    with pytest.raises(UserError, match="no scenes of test; it has 2 of train, 1 of val"):
        sources.open_source(data, "test")
    data.val.path = str(a_store(tmp_path / "t", [made()]))
    bare = sources.open_source(data, "val")  # features of places and sizes stand in
    assert bare.read(0).features is not None and "no features" in bare.remarks[0]


def test_converting_to_a_store_and_back(tmp_path, capsys):
    scenes = {name: full(number) for number, name in enumerate("ab")}
    for name, one in scenes.items():
        one.save(tmp_path / f"files/{name}.scene.npz")
    there, back = tmp_path / "s", tmp_path / "back"
    (tmp_path / "files/c.scene.npz").write_bytes(b"PK")
    assert cli.main(["convert", str(tmp_path / "files"), "--to", "store", "--out", str(there)]) == 2
    assert "2 videos as scene_store (from scene_files)" in capsys.readouterr().out
    assert cli.main(["validate", str(there)]) == 0
    told = "a store of 2 scenes: 2 videos, 4 frames, 8 boxes, 4 pairs, 7 relations"
    assert told in capsys.readouterr().out
    start = ["convert", str(there), "--out"]
    assert cli.main([*start, str(back), "--to", "scene_files"]) == 0
    for name, one in scenes.items():
        found = scene.load(back / f"{name}.scene.npz").arrays()
        for key, array in one.arrays().items():
            assert key == "source" or np.array_equal(array, found[key]), key
    assert cli.main([*start, str(tmp_path / "half"), "--to", "store", "--float16"]) == 0
    assert "rounds union features" in capsys.readouterr().out
    assert store.opened(tmp_path / "half").read(0).union_features.dtype == np.float16


def test_a_store_of_scenes_is_none_of_clips(tmp_path):
    with pytest.raises(UserError, match="format"):
        formats.open_collection(a_store(tmp_path / "s", [made()]))


def test_names_that_lead_out_of_a_folder_are_refused(tmp_path):
    folder = tmp_path / "s"
    folder.mkdir()
    writer = store.SceneStoreWriter(folder, WORDS, "tests")
    writer.add("../../x", "", made())
    writer.finish()
    with pytest.raises(UserError, match=r"index.npz: is no index .*'../../x' is no name for a"):
        store.opened(folder)


def test_files_that_do_not_belong_together(tmp_path):
    folder = a_store(tmp_path / "s", [made()] * 3)
    other = a_store(tmp_path / "t", [made()] * 3)
    index, about = folder / "index.npz", folder / "store.json"
    kept = index.read_bytes(), about.read_text()
    shutil.copy(a_store(tmp_path / "u", [made()]) / "index.npz", index)
    with pytest.raises(UserError, match="names 1 scenes, store.json 3"):
        store.opened(folder)
    shutil.copy(a_store(tmp_path / "w", [full(0)] * 3) / "index.npz", index)
    with pytest.raises(UserError, match="index.npz is not the one"):
        store.opened(folder)
    index.write_bytes(b"no index")
    with pytest.raises(UserError, match="not an .npz file"):
        store.opened(folder)
    index.write_bytes(kept[0])
    shard = next(other.glob("scenes-*"))
    shutil.copy(shard, folder / shard.name)
    with pytest.raises(UserError, match="scene 0 cannot be read .*another store"):
        store.opened(folder).read(0)
    (folder / shard.name).write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(UserError, match="scene 1 cannot be read"):
        store.opened(folder).read(1)
    (folder / shard.name).unlink()
    shutil.copy(shard, folder / "scenes-00007-of-00008.array_record")
    with pytest.raises(UserError, match="1 of 1 shards are missing"):
        store.opened(folder)
    words = json.loads(kept[1]) | {"vocabulary": {"objects": ["cup"]}}
    about.write_text(json.dumps(words))
    with pytest.raises(UserError, match="store.json: are no classes of scenes"):
        store.opened(folder)
    about.write_text(json.dumps(json.loads(kept[1]) | {"version": 99}))
    with pytest.raises(UserError, match="version 99"):
        store.opened(folder)
    about.unlink()
    with pytest.raises(UserError, match="not finished"):
        store.opened(folder)
