"""Training clips shared out in folds."""

import dataclasses

import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.input.signs import folding, sources
from jaxsign.input.signs.preparing import ways
from jaxsign.sections import data

CLASSES = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2])


def folds(**options):
    return ConfigDict(dataclasses.asdict(data.Folds(**options)))


def held_back(signers, **options):
    count = options["count"]
    return [
        folding.chosen(CLASSES, signers, folds(number=n, **options), "val", "clips").tolist()
        for n in range(1, count + 1)
    ]


def test_without_signers_signs_are_spread_and_neighbours_stay_together():
    assert held_back([], count=2) == [[0, 1, 4, 5, 8, 9], [2, 3, 6, 7, 10, 11]]
    rest = folding.chosen(CLASSES, [], folds(count=2, number=1), "train", "clips")
    assert rest.tolist() == [2, 3, 6, 7, 10, 11]


def test_nobody_signs_in_two_folds_where_labels_tell():
    signers = ["a", "b", "c", "a"] * 3
    parts = held_back(signers, count=3)
    assert sorted(i for part in parts for i in part) == list(range(12))
    for who in "abc":
        assert sum(who in {signers[i] for i in part} for part in parts) == 1
    assert len(held_back(signers, count=4, by="stratified")) == 4
    # One signer alone, or some clips without: signs are spread.
    for unknown in (["a"] * 12, ["", *signers[1:]]):
        assert held_back(unknown, count=2) == held_back([], count=2)


@pytest.mark.parametrize(
    ("signers", "options", "message"),
    [
        (["a", "b"] * 6, {"count": 3, "number": 1}, "3 folds of 2 signers.*folds.by=stratified"),
        ([], {"count": 5, "number": 1}, "5 folds of 4 clips of the commonest sign.*at most 4"),
        ([], {"count": 2, "number": 1, "by": "signer"}, "do not tell of several signers"),
        ([], {"count": 3, "number": 4}, "count=3, data.folds.number=4: expected"),
        ([], {"count": 1, "number": 1}, "at least 2 folds"),
    ],
)
def test_folds_that_cannot_be_are_refused(signers, options, message):
    with pytest.raises(UserError, match=message):
        folding.chosen(CLASSES, signers, folds(**options), "val", "clips")


def test_the_first_fold_is_what_split_takes():
    signs, signers = [str(i) for i in CLASSES], ["a", "b", "c", "d"] * 3
    split = ways.signer_stratified(signs, signers, test_share=0.25, val_share=0.0)
    first = ways.folds(signs, signers, 4) == 0
    assert [name == "test" for name in split] == first.tolist()


def table(folder, rows):
    folder.mkdir()
    for stem, *_ in rows:
        np.savez(folder / f"{stem}.npz", X=np.zeros((4, 156), np.float32))
    text = "".join(",".join(row) + "\n" for row in rows)
    (folder / "labels.csv").write_text("file,gloss,cat,signer\n" + text)
    return folder


def test_a_table_is_shared_out_by_its_signers(tmp_path):
    rows = [(f"c{i}", str(i % 3), "0", "ab"[i // 6]) for i in range(12)]
    given = configs.load("fslr_transformer").data
    given.train.path = str(table(tmp_path / "t", rows))
    given.folds.update(count=2, number=2)
    sources.check_places(given)
    found = {split: sources.open_source(given, split) for split in ("train", "val")}
    assert {split: set(source.signers) for split, source in found.items()} in (
        {"train": {"a"}, "val": {"b"}},
        {"train": {"b"}, "val": {"a"}},
    )
    assert sources.has(given, "val") and not sources.has(given, "test")
    # The last class is in one fold alone: both number the classes alike.
    (tmp_path / "t/labels.csv").write_text(
        "file,gloss,cat,signer\n"
        + "".join(f"{f},{5 if i == 11 else g},{c},{s}\n" for i, (f, g, c, s) in enumerate(rows))
    )
    for split in ("train", "val"):
        assert len(sources.open_source(given, split).class_names["gloss"]) == 6


def test_a_share_has_the_first_clips_of_each_sign():
    signs = ["a", "a", "a", "a", "b", "b", "b", "b", "c", "c"]
    assert folding.first_of_each(signs, 0.5, "share") == [0, 1, 4, 5, 8]
    assert folding.first_of_each(signs, 1.0, "share") == list(range(10))
    assert folding.first_of_each([], 0.5, "share") == []
    with pytest.raises(UserError, match="share=0.05 of 10 training clips is none.*least 0.1"):
        folding.first_of_each(signs, 0.05, "share")


def test_a_learning_curve_takes_a_share_of_what_trains_and_keeps_the_classes(tmp_path):
    rows = [(f"c{i}", str(i % 3), "0", "") for i in range(12)]
    section = configs.load("fslr_transformer").data
    section.train.path = section.val.path = str(table(tmp_path / "t", rows))
    section.learning_curve = 0.25
    train = sources.open_source(section, "train")
    assert train.ids == ["c0", "c1", "c2"] and len(sources.open_source(section, "val")) == 12
    section.learning_curve = 0.1
    one = sources.open_source(section, "train")
    assert one.ids == ["c0"] and one.class_names["gloss"] == ("0", "1", "2")
    section.learning_curve, section.folds.count, section.folds.number = 0.5, 2, 1
    assert len(sources.open_source(section, "val")) == 6
    assert len(sources.open_source(section, "train")) == 3
