"""WhisperSign's splits, and tables of labels."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jaxsign.errors import UserError
from jaxsign.input.signs.preparing import label_table, labelled_videos, sharing

RULES = st.sampled_from(list(sharing.RULES))


@given(st.integers(3, 500), RULES, st.integers(0, 99))
def test_every_clip_is_in_one_split_and_every_split_has_one(count, rule, seed):
    drawn = sharing.shares(count, rule, seed=seed)
    assert sorted(drawn["train"] + drawn["val"] + drawn["test"]) == list(range(count))
    assert all(drawn.values()) and len(drawn["train"]) >= len(drawn["test"])
    assert sharing.shares(count, rule, seed=seed) == drawn


@given(st.integers(10, 3000), RULES)
def test_from_ten_clips_on_it_is_the_originals(count, rule):
    assert sharing.shares(count, rule) == sharing.original(count, rule)


@given(st.integers(4, 200), RULES, st.floats(0.05, 0.45), st.floats(0.05, 0.45))
@example(4, "kaggle", 0.375, 0.4375)
def test_shares_are_kept_to_a_clip(count, rule, val, test):
    drawn = sharing.shares(count, rule, val_share=val, test_share=test)
    for name, share in (("val", val), ("test", test)):
        assert abs(len(drawn[name]) - share * count) < 2
    assert drawn["train"]


def test_splits_that_are_not_wanted_stay_empty():
    for rule in sharing.RULES:
        drawn = sharing.shares(20, rule, test_share=0.0)
        assert not drawn["test"] and len(drawn["val"]) == 2 and len(drawn["train"]) == 18
        drawn = sharing.shares(1, rule, test_share=0.0, val_share=0.0)
        assert drawn == {"train": [0], "val": [], "test": []}


def test_what_cannot_be_shared_is_told():
    with pytest.raises(UserError, match="2 clip.* cannot be shared: 1 for val, 1 for test"):
        sharing.shares(2)
    with pytest.raises(UserError, match="together less than 1"):
        sharing.shares(20, val_share=0.5, test_share=0.5)


def table(folder, text, **options):
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return label_table.read(path, **options)


def test_columns_are_found_by_their_names(tmp_path):
    found = table(tmp_path, "ID,VIDEO,LABEL,Speaker,split\n0,a.mp4,Ăn cơm,x,validation\n")
    row = found.rows[0]
    assert found.columns == ("VIDEO", "LABEL") and not found.problems
    assert (row.file, row.glosses, row.signer, row.split) == ("a.mp4", ("Ăn cơm",), "x", "val")
    found = table(tmp_path, "clip,meant\na.mp4,7\n")
    assert found.columns == ("clip", "meant") and found.rows[0].glosses == ("7",)
    with pytest.raises(UserError, match="needs a column of the videos.*found clip, meant"):
        table(tmp_path, "clip,meant\na.mp4,7\n", named=True)


def test_several_glosses_in_a_cell(tmp_path):
    text = "file,label\na,JOHN  READ BOOK\n"
    assert table(tmp_path, text).rows[0].glosses == ("JOHN  READ BOOK",)
    assert table(tmp_path, text, separator=" ").rows[0].glosses == ("JOHN", "READ", "BOOK")
    found = table(tmp_path, "file,gloss,glosses\na,3,JOHN|GO AWAY\n")
    assert found.rows[0].glosses == ("JOHN", "GO AWAY")


def test_everything_wrong_with_rows_is_told(tmp_path):
    found = table(tmp_path, "file,label,split\na,X,train\na,Y,train\n,Z,val\nb,,val\nc,X,dev2\n")
    words = ("line 3: 'a' again", "line 4: names no file", "line 5: 'b' has no label", "line 6: sp")
    assert len(found.problems) == 4
    assert all(word in text for word, text in zip(words, found.problems, strict=True))


def test_a_row_without_a_label_takes_no_name(tmp_path):
    found = table(tmp_path, "file,label\na,\na,X\n")
    assert found.problems == [f"{found.path} line 2: 'a' has no label"]


def test_the_shuffle_is_numpys_oldest():
    assert sharing.shuffled(4) == np.random.RandomState(42).permutation(4).tolist()


def test_a_known_column_is_kept_and_the_missing_one_asked_for(tmp_path):
    text = "name,video,orth\n01April,01April.mp4,REGEN SCHNEE\n"
    with pytest.raises(UserError, match=r"needs a column of the labels.*--label-column.*orth"):
        table(tmp_path, text)
    found = table(tmp_path, text, label="orth", separator=" ")
    assert found.columns == ("video", "orth") and found.rows[0].glosses == ("REGEN", "SCHNEE")
    with pytest.raises(UserError, match="has no column 'ort'.*Did you mean 'orth'"):
        table(tmp_path, text, label="ort")


def test_a_first_line_that_names_a_clip_is_no_header(tmp_path):
    with pytest.raises(UserError, match="has no header"):
        table(tmp_path, "signer0_sample1,41\nsigner1_sample2,104\n")
    found = table(tmp_path, "one,hello\ntwo,bye\n")
    with pytest.raises(UserError, match="its first line names the clip 'one'"):
        label_table.matched(found, ["x/one", "x/two"], "clip")
    with pytest.raises(UserError, match="its first line names the clip 'one'"):
        (tmp_path / "one.mp4").touch()
        labelled_videos.located(found, tmp_path, tmp_path / "out")


def test_rows_find_clips_by_any_end_of_their_path(tmp_path):
    found = table(tmp_path, "file,label\n00623.mp4,A\nb\\y.clip.npz,B\n7,C\n")
    rows, problems = label_table.matched(found, ["x/00623", "b/y", "007"], "clip")
    assert {i: row.glosses for i, row in rows.items()} == {0: ("A",), 1: ("B",)}
    assert problems == [f"{found.path} line 4: '7' names no clip. Did you mean '007'?"]
