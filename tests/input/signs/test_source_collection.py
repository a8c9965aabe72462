"""Training on clips of any format."""

import helpers
import making
import numpy as np
import pytest

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.input import batching
from jaxsign.input.signs import clip_source, formats, sources
from jaxsign.input.signs.treatment import Treatment
from jaxsign.input.signs.views import fslr156
from jaxsign.tasks.classes.examples import ClassExamples

MINI = helpers.GOLDEN / "asl_hybrid" / "mini_islr"


def data_of(**paths):
    data = configs.base().data
    data.source = "collection"
    for key, value in paths.items():
        if key in formats.SPLITS:
            data[key].path = str(value)
        else:
            data[key] = value
    return data


def a_store(folder, rows, **rest):
    """A store of one clip a row (name, glosses, split, category)."""
    entries = [formats.Entry(n, tuple(g), c, f"s-{n}", s) for n, g, s, c in rows]
    held = [making.clip(3 + i, i) for i in range(len(rows))]
    formats.write_collection(making.collection(held, entries, **rest), folder, "store")
    return held


def test_one_path_serves_all_splits(tmp_path):
    rows = [
        ("a", ["YES"], "train", "ANSWER"),
        ("b", ["NO"], "val", "ANSWER"),
        ("c", ["HI"], "train", "GREETING"),
        ("d", ["HI"], "test", "GREETING"),
    ]
    held = a_store(tmp_path / "s", rows)
    data = data_of(train=tmp_path / "s")
    found = {split: sources.open_source(data, split) for split in formats.SPLITS}
    assert found["train"].ids == ["a", "c"] and found["val"].ids == ["b"]
    for source in found.values():  # one order of classes, whatever occurs in a split
        assert source.class_names["gloss"] == ("HI", "NO", "YES")
    assert found["train"].labels["gloss"].tolist() == [2, 0]
    assert found["val"].labels["gloss"].tolist() == [1]
    assert found["train"].labels["cat"].tolist() == [0, 1]
    assert found["train"].lengths.tolist() == [3, 5] and found["train"].signers == ["s-a", "s-c"]
    making.same(found["train"].read(1), held[2])
    assert found["train"].sequences is None


def test_a_path_for_each_split_with_classes_of_all(tmp_path):
    a_store(tmp_path / "t", [("a", ["YES"], "", ""), ("b", ["HI"], "", "")])
    a_store(tmp_path / "v", [("c", ["NO"], "", ""), ("d", ["YES"], "", "")])
    data = data_of(train=tmp_path / "t", val=tmp_path / "v")
    train, val = (sources.open_source(data, split) for split in ("train", "val"))
    assert train.class_names == val.class_names == {"gloss": ("HI", "YES", "NO")}
    assert val.labels["gloss"].tolist() == [2, 1] and "cat" not in val.labels
    data = data_of(test=tmp_path / "v")
    data.class_names = {"gloss": ("YES", "NO", "HI"), "cat": None}  # a run's own
    assert sources.open_source(data, "test").labels["gloss"].tolist() == [1, 0]


def test_a_net_of_more_classes_keeps_the_names(tmp_path):
    a_store(tmp_path / "s", [("a", ["YES"], "train", ""), ("b", ["HI"], "val", "")])
    source = sources.open_source(data_of(train=tmp_path / "s"), "train")
    examples = ClassExamples(source, Treatment(view=fslr156.Fslr156View(), max_length=16))
    config = configs.base()
    config.task.heads = ("gloss",)
    for count, names in ((2, ["HI", "YES"]), (4, ["HI", "YES", "2", "3"]), (1, ["0"])):
        config.net.num_gloss = count
        assert examples.class_names(config) == {"gloss": names}
    source.class_names["gloss"] = ("3", "YES")  # of which the first would be the last's, too
    config.net.num_gloss = 4
    assert examples.class_names(config) == {"gloss": ["0", "1", "2", "3"]}


def test_tests_that_cannot_be_read_do_not_stop_a_training(tmp_path, caplog):
    for split in formats.SPLITS:
        for name in ("hi", "by"):
            making.clip(2).save(tmp_path / split / f"{name}.clip.npz")
        (tmp_path / split / "labels.csv").write_text("file,glosses\nhi,hi\nby,by\n")
    (tmp_path / "test" / "labels.csv").write_text("nothing;at\n1;2\n")
    data = data_of(**{split: tmp_path / split for split in formats.SPLITS})
    for split in ("train", "val"):
        assert sources.open_source(data, split).class_names["gloss"] == ("by", "hi")
    assert len([r for r in caplog.records if "Training goes without" in r.getMessage()]) == 1
    with pytest.raises(UserError, match="test.labels.csv: lacks the column"):
        sources.open_source(data, "test")


def test_sentences(tmp_path):
    a_store(tmp_path / "s", [("a", ["I", "GO"], "", ""), ("b", ["GO"], "", "")])
    source = sources.open_source(data_of(train=tmp_path / "s"), "train")
    assert source.class_names["gloss"] == ("GO", "I")
    assert source.sequences == [(1, 0), (0,)] and source.labels["gloss"].tolist() == [1, 0]


def test_the_format_decides_the_order_and_the_recipe_the_most(tmp_path):
    a_store(tmp_path / "s", [("a", ["B"], "", "")], glosses=("C", "B", "A"))
    data = data_of(train=tmp_path / "s")
    source = sources.open_source(data, "train", {"gloss": 5})
    assert source.class_names["gloss"] == ("C", "B", "A") and source.labels["gloss"].tolist() == [1]
    with pytest.raises(UserError, match="has 3 classes of gloss, but net.num_gloss=2"):
        sources.open_source(data, "train", {"gloss": 2})


def test_numbers_are_named_by_the_label_map(tmp_path):
    (tmp_path / "map.csv").write_text(
        "gloss_id,label,cat_id,category\n0,HELLO,0,WORD\n1,BYE,0,WORD\n2,YES,0,WORD\n"
    )
    a_store(tmp_path / "s", [("a", ["2"], "", "0"), ("b", ["BYE"], "", "WORD")])
    data = data_of(train=tmp_path / "s", label_map=str(tmp_path / "map.csv"))
    source = sources.open_source(data, "train")
    assert source.labels["gloss"].tolist() == [2, 1] and source.labels["cat"].tolist() == [0, 0]
    a_store(tmp_path / "t", [("a", ["HELO"], "", "WORD"), ("b", ["3"], "", "WORD")])
    data.train.path = str(tmp_path / "t")
    with pytest.raises(UserError, match="(?s)'HELO' is none.*Did you mean 'HELLO'.*'3' is none"):
        sources.open_source(data, "train")


def test_every_problem_is_told_or_counted(caplog):
    with pytest.raises(UserError) as caught:
        sources.open_source(data_of(train=MINI), "train")
    for word in ("9000000", "9000001", "9000002", "zebra", "9000004", "5 problems"):
        assert word in str(caught.value)
    with caplog.at_level("WARNING"):
        source = sources.open_source(data_of(train=MINI, missing="skip"), "train")
    assert len(source) == 15 and "5 clips left out" in caplog.text and "zebra" in caplog.text
    assert source.class_names["gloss"] == ("hello", "please", "thankyou")


def test_unlabelled_clips_and_absent_splits_are_errors(tmp_path):
    a_store(tmp_path / "s", [("a", [], "train", ""), ("b", ["HI"], "train", "")])
    with pytest.raises(UserError, match="a: has no gloss"):
        sources.open_source(data_of(train=tmp_path / "s"), "train")
    with pytest.raises(UserError, match=r"no clips of the split val, but of train \(2\)"):
        sources.open_source(data_of(train=tmp_path / "s"), "val")
    with pytest.raises(UserError, match="data.val.path is not set"):
        sources.open_source(data_of(), "val")


def test_batches_in_worker_processes(tmp_path):
    rows = [(str(i), ["AB"[i % 2]], "", "") for i in range(8)]
    held = a_store(tmp_path / "s", rows)
    source = sources.open_source(data_of(train=tmp_path / "s"), "train")
    examples = ClassExamples(source, Treatment(view=fslr156.Fslr156View(), max_length=16))
    batches = batching.EvalBatches(examples, batching.BatchOptions(batch_size=4, workers=1))
    seen = np.concatenate([batch["index"] for batch in batches])
    assert sorted(seen.tolist()) == list(range(8))
    first = next(iter(batches))
    row = int(first["index"][0])
    frames = len(held[row])
    np.testing.assert_array_equal(first["x"][0, :frames], fslr156.Fslr156View()(held[row]))
    assert first["valid"][0].sum() == frames and first["gloss"][0] == row % 2


@pytest.mark.parametrize(("layout", "name"), [("clips", "clips"), ("fslr", "npz")])
def test_folders_with_a_column_split_are_never_trained_on_whole(tmp_path, layout, name):
    rows = [("a", ["YES"], "train", "X"), ("b", ["NO"], "val", "X"), ("c", ["NO"], "train", "X")]
    a_store(tmp_path / "s", rows)
    formats.write_collection(formats.open_collection(tmp_path / "s"), tmp_path / "c", layout)
    data = data_of(train=tmp_path / "c", val=tmp_path / "c", test=tmp_path / "c", source=name)
    assert sources.open_source(data, "train").ids == ["a", "c"]
    assert sources.open_source(data, "val").ids == ["b"]
    with pytest.raises(UserError, match="no rows of the split test, but of train, val"):
        sources.open_source(data, "test")
    labels = tmp_path / "c" / "labels.csv"
    labels.write_text(labels.read_text().replace(",train", ",trian"))
    with pytest.raises(UserError, match="line 2: split='trian'.*Did you mean 'train'"):
        sources.open_source(data, "train")


def test_what_classification_cannot_learn_is_told(tmp_path):
    rows = [("a", ["I", "GO"], "", ""), ("b", ["GO"], "", "")]
    a_store(tmp_path / "s", rows)
    source = sources.open_source(data_of(train=tmp_path / "s"), "train")
    with pytest.raises(UserError, match=r"1 of 2 clips hold several glosses \(first: a\)"):
        clip_source.single_labels(source, ("gloss",))
    a_store(tmp_path / "t", rows[1:])
    source = sources.open_source(data_of(train=tmp_path / "t"), "train")
    assert clip_source.single_labels(source, ("gloss",)) is source
    with pytest.raises(UserError, match=r"have no cat, .*--config.task.heads=.\('gloss',\)"):
        clip_source.single_labels(source, ("gloss", "cat"))


def test_a_place_given_for_a_split_is_taken_whatever_its_only_split_is_called(tmp_path):
    a_store(tmp_path / "t", [("a", ["YES"], "train", "")])
    a_store(tmp_path / "e", [("b", ["NO"], "test", ""), ("c", ["NO"], "test", "")])
    data = data_of(train=tmp_path / "t", val=tmp_path / "e")
    assert sources.open_source(data, "val").ids == ["b", "c"]
    del data.val
    data.val = {"path": "", "labels": ""}
    with pytest.raises(UserError, match="no clips of the split val.*--val-share"):
        sources.open_source(data, "val")


def test_clips_of_no_split_are_told(tmp_path, caplog):
    a_store(tmp_path / "s", [("a", ["YES"], "train", ""), ("b", ["NO"], "", "")])
    assert sources.open_source(data_of(train=tmp_path / "s"), "train").ids == ["a"]
    assert "1 of 2 clips belong to no split" in caplog.text


def test_categories_that_the_run_never_learned_are_left_out(tmp_path):
    a_store(tmp_path / "s", [("a", ["YES"], "val", "ANSWER")])
    data = data_of(train=tmp_path / "s")
    data.class_names = {"gloss": ("NO", "YES")}
    source = sources.open_source(data, "val")
    assert set(source.labels) == {"gloss"} and source.labels["gloss"].tolist() == [1]
