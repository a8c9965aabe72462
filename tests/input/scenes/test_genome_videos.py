"""Action Genome as a source: its videos by split, and the files of their features."""

import shutil

import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxsign import cli
from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.input import files
from jaxsign.input.scenes import action_genome, examples, sources, store
from tests.input.scenes.action_genome_folder import an_object, of_frames

DIM, UNION = 4, 3


def keys(video):
    return [f"{video}.mp4/{number:06}.png" for number in (1, 5, 9)]


def folder_of(tmp_path, videos=("A", "B", "C", "D"), tests=("X", "Y"), **changed):
    """A bag, and a chair with a short edge, in each of three frames."""
    entries = {
        key: [an_object(split=split), an_object("chair", (0, 0, 16, 30), split)]
        for split, names in (("train", videos), ("test", tests))
        for name in names
        for key in keys(name)
    }
    of_frames(tmp_path, entries)
    for split in ("train", "test"):
        for one in action_genome.read(tmp_path, action_genome.Options(split)).scenes:
            write_features(tmp_path, one, **changed)
    return tmp_path


def write_features(tmp_path, scene, drop=(), **changed):
    (tmp_path / "features").mkdir(exist_ok=True)
    count, pairs = len(scene.boxes), len(scene.pairs)
    arrays = {
        "features": np.arange(count * DIM, dtype=np.float32).reshape(count, DIM),
        "union_features": np.ones((pairs, 7, 7, UNION), np.float16)
        * np.arange(pairs, dtype=np.float16)[:, None, None, None],
        "boxes": scene.boxes,
        "frames": np.asarray(scene.frames),
    }
    arrays = {name: value for name, value in (arrays | changed).items() if name not in drop}
    name = scene.frames[0].split("/")[0]
    files.write_npz(tmp_path / "features" / f"{name}.npz", arrays)


def recipe(folder, mode="predcls", fraction=1, val_share=0.05, **options):
    data = configs.base().data
    data.source, data.train.path = "action_genome", str(folder)
    data.update(fraction=fraction, val_share=val_share)
    data.action_genome.update(options)
    return ConfigDict({"data": data, "net": {"mode": mode}})


def opened(folder, split="train", **options):
    return examples.open_examples(recipe(folder, **options), split, training=split == "train")


def test_videos_of_each_split(tmp_path):
    folder_of(tmp_path)
    train, val, test = (opened(tmp_path, split).ids for split in ("train", "val", "test"))
    assert len(train) == 3 and len(val) == 1 and test == ["X.mp4", "Y.mp4"]
    assert sorted(train + val) == ["A.mp4", "B.mp4", "C.mp4", "D.mp4"]
    assert opened(tmp_path, "val").ids == val  # drawn by a seed
    assert len(opened(tmp_path, "val", val_share=0.5).ids) == 2
    # As the original does: it chooses by the test videos, and trains on all others.
    assert opened(tmp_path, val="test").ids == ["A.mp4", "B.mp4", "C.mp4", "D.mp4"]
    assert opened(tmp_path, "val", val="test").ids == test
    assert len(opened(tmp_path, val="test", fraction=3).ids) == 1
    assert len(opened(tmp_path, "test", fraction=2).ids) == 1


def test_a_scene_has_the_features_of_its_boxes(tmp_path):
    found = opened(folder_of(tmp_path), val="test")
    assert tuple(found.widths.values()) == (DIM, UNION)
    scene = found.source.read(0)
    assert scene.features.tolist()[1] == [4, 5, 6, 7]
    assert scene.union_features[:, 0, 0, 0].tolist() == list(range(6))
    assert found.source.vocabulary.objects[scene.labels[1]] == "bag"


def test_small_objects_are_left_out_where_the_net_tells_classes(tmp_path):
    folder = folder_of(tmp_path)
    with pytest.raises(UserError, match=r"boxes \[9, 4\], expected \[6, 4\]"):
        opened(folder, mode="sgcls")
    assert opened(folder, mode="sgcls", small_objects="keep").ids
    for one in action_genome.read(folder, action_genome.Options("train", "large", True)).scenes:
        write_features(folder, one)
    found = opened(folder, mode="sgcls")
    (remark,) = found.remarks(recipe(folder))
    assert "not quite the same list" in remark
    assert len(opened(folder, mode="sgdet").remarks(recipe(folder))) == 2


def test_candidates_come_with_the_features(tmp_path):
    folder = folder_of(tmp_path, ["A", "B"])
    pairs = np.array([[0, 1], [0, 2], [1, 2], [3, 4], [3, 5], [4, 5], [6, 7], [6, 8], [7, 8]])
    order = pairs[::-1]
    union = np.ones((9, 7, 7, UNION), np.float32) * np.arange(9.0)[::-1, None, None, None]
    for one in action_genome.read(folder, action_genome.Options("train")).scenes:
        write_features(folder, one, pairs=order, union_features=union.astype(np.float32))
    scene = opened(folder, val="test").source.read(0)
    assert scene.labelled.tolist() == [True, True, False] * 3
    assert scene.pairs.tolist() == pairs.tolist() and not scene.relations[2].any()
    assert scene.union_features[:, 0, 0, 0].tolist() == list(range(9))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"features": np.zeros((8, DIM), np.float32)}, r"features \[8, 4\], expected \[9, any\]"),
        ({"union_features": np.zeros((5, 7, 7, 2), np.float16)}, "expected .6, 7, 7, any"),
        ({"union_features": np.zeros((6, 2, 7, 7), np.float16)}, "expected .6, 7, 7, any"),
        ({"distribution": np.zeros((9, 37), np.float32)}, r"expected \[9, 36\]"),
        ({"boxes": np.zeros((9, 4), np.float32)}, "boxes: row 0 is"),
        ({"frames": np.array(["B.mp4/000001.png", "B.mp4/000005.png"])}, "absent, such as"),
        ({"drop": ("features",)}, "has no features"),
        ({"drop": ("union_features",)}, "has no union_features"),
        ({"pairs": np.array([[0, 1]])}, "5 labelled pairs are absent"),
        ({"pairs": np.array([[0, 9]])}, "beyond the 9 boxes"),
        ({"pairs": np.array([[0, 3]])}, "two frames"),
        ({"pairs": np.array([[0, 1], [0, 1]])}, "twice"),
        ({"pairs": np.array([0.5])}, "expected whole"),
    ],
)
def test_features_that_do_not_fit(tmp_path, changed, told):
    folder = folder_of(tmp_path, ["B"], [], **changed)
    with pytest.raises(UserError, match=rf"1 bad files:\n.*B.mp4.npz: does not fit.*{told}"):
        opened(folder, val="test")


def test_features_that_are_no_numbers(tmp_path):
    folder = folder_of(tmp_path, ["B"], [], features=np.full((9, DIM), np.nan, np.float32))
    with pytest.raises(UserError, match=r"B.mp4.npz: .*features: row 0 holds NaN"):
        opened(folder, val="test").example(0)


def test_features_of_two_widths(tmp_path):
    folder = folder_of(tmp_path, ["A", "B"], [])
    for one in action_genome.read(folder, action_genome.Options("train")).scenes[1:]:
        write_features(folder, one, features=np.zeros((9, 5), np.float32))
    with pytest.raises(UserError, match="features of B.mp4 are 5, those of A.mp4 are 4 wide"):
        opened(folder, val="test")


def test_what_is_missing(tmp_path):
    folder = folder_of(tmp_path, ["A", "B"], [])
    with pytest.raises(UserError, match="holds no test video"):
        opened(folder, "test")
    with pytest.raises(UserError, match="leaves none to validate on"):
        opened(folder, val_share=0.0)
    (folder / "features/B.mp4.npz").unlink()
    with pytest.raises(UserError, match=r"1 of 2 videos are absent:\n  - B.mp4.npz"):
        opened(folder, val="test")
    shutil.rmtree(folder / "features")
    stand_ins = opened(folder, val="test")  # features of geometry
    assert all(stand_ins.widths.values()) and "no features" in stand_ins.remarks(recipe(folder))[0]
    with pytest.raises(UserError, match=r"2 of 2 videos are absent"):
        opened(folder, val="test", features=str(folder / "features"))
    with pytest.raises(UserError, match=r"is no folder of Action Genome"):
        opened(folder / "annotations")
    with pytest.raises(UserError, match=r"data.train.path is empty"):
        opened("")


def test_validate_looks_at_the_features(tmp_path, capsys):
    folder = folder_of(tmp_path, ["A", "B"])
    for key in (key for video in "ABXY" for key in keys(video)):
        (folder / "frames" / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / "frames" / key).touch()
    assert cli.main(["validate", str(folder)]) == 0
    assert "features of 2 videos: 4 numbers a box, 7 x 7 x 3 a pair" in capsys.readouterr().out
    one, other = action_genome.read(folder, action_genome.Options("train", "large", True)).scenes
    write_features(folder, one)  # without small objects: as good
    write_features(folder, other, features=np.full((6, DIM), np.nan, np.float32))
    assert cli.main(["validate", str(folder)]) == 2
    told = capsys.readouterr().out
    assert "A.mp4.npz" not in told and "B.mp4.npz: is no good scene: features: row 0" in told


def test_converting_takes_the_features_along(tmp_path):
    folder = folder_of(tmp_path / "in", ["A", "B"])
    out = tmp_path / "out"
    assert cli.main(["convert", str(folder), "--to", "store", "--out", str(out)]) == 0
    found = store.opened(out)
    assert list(zip(found.names, found.splits, strict=True)) == [
        ("A.mp4", "train"), ("B.mp4", "train"), ("X.mp4", "test"), ("Y.mp4", "test")
    ]  # fmt: skip
    assert (
        found.read(0).features.tolist()
        == opened(folder, val="test").source.read(0).features.tolist()
    )


def test_a_source_of_another_name():
    data = configs.base().data
    data.source = "action_genom"
    with pytest.raises(UserError, match="Did you mean 'action_genome'"):
        sources.open_source(data, "train")
