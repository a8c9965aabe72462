import collections
import dataclasses

import helpers
import pytest
from collections_of_clips import in_memory
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign.errors import UserError
from jaxsign.input.signs.preparing import splitting, ways

GOLDEN = helpers.SHARED and helpers.SHARED / "golden"

# Ten signers in order of appearance, Python's shuffle with seed 42, the first eight train.
TEN = [str(100 + i) for i in range(10)]


def by_split(names, splits):
    return {key: {n for n, s in zip(names, splits, strict=True) if s == key} for key in splits}


def test_signers_as_the_original_shares_them():
    found = by_split(TEN, ways.by_signer(TEN))
    assert found == {"train": set(TEN) - {"100", "101"}, "test": {"100", "101"}}
    assert ways.by_signer(["101", "100"], seed=42) == ["test", "train"]


def test_a_third_split_leaves_the_test_signers_as_they_are():
    two, three = ways.by_signer(TEN), ways.by_signer(TEN, val_share=0.2)
    assert by_split(TEN, two)["test"] == by_split(TEN, three)["test"]
    assert {name: len(found) for name, found in by_split(TEN, three).items()} == {
        "train": 6,
        "val": 2,
        "test": 2,
    }


@settings(max_examples=60, deadline=None)
@given(
    signers=st.lists(st.sampled_from("abcdefghijkl"), min_size=2, max_size=40),
    test=st.sampled_from([0.1, 0.2, 0.5]),
    val=st.sampled_from([0.0, 0.1, 0.3]),
    seed=st.integers(0, 5),
)
def test_no_signer_is_in_two_splits(signers, test, val, seed):
    try:
        found = ways.by_signer(signers, test_share=test, val_share=val, seed=seed)
    except ValueError as error:
        assert "signer" in str(error)
        return
    assert len(found) == len(signers)
    assert len(set(zip(signers, found, strict=True))) == len(set(signers))
    assert set(found) == ({"train", "val", "test"} if val else {"train", "test"})
    again = ways.by_signer(signers, test_share=test, val_share=val, seed=seed)
    assert again == found


def test_strata_have_the_same_share_everywhere():
    collection = in_memory([(sign, "") for sign in ["a"] * 20 + ["b"] * 40])
    found = splitting.split(collection, "stratified", test_share=0.25, val_share=0.25)
    counts = collections.Counter((e.split, *e.glosses) for e in found.entries)
    assert counts["test", "a"] == counts["val", "a"] == 5 and counts["train", "a"] == 10
    assert counts["test", "b"] == counts["val", "b"] == 10 and counts["train", "b"] == 20
    other = splitting.split(collection, "stratified", test_share=0.25, val_share=0.25, seed=1)
    assert [e.split for e in other.entries] != [e.split for e in found.entries]


def test_signers_apart_and_signs_spread():
    rows = [(sign, f"s{signer}") for signer in range(10) for sign in "ab" for _ in range(3)]
    found = splitting.split(in_memory(rows), "signer-stratified", test_share=0.2, val_share=0.2)
    sides = collections.defaultdict(set)
    for entry in found.entries:
        sides[entry.split].add(entry.signer)
    assert {name: len(signers) for name, signers in sides.items()} == {
        "train": 6,
        "val": 2,
        "test": 2,
    }
    assert splitting.present(found) == dict.fromkeys(("train", "val", "test"), {"a", "b"})
    with pytest.raises(UserError, match="10 signer.s. cannot be put into 20 folds"):
        splitting.split(in_memory(rows), "signer-stratified", test_share=0.05)


def test_what_cannot_be_split_says_why():
    one = in_memory([("a", "7")] * 4)
    with pytest.raises(UserError, match="all clips are of one signer .7.*stratified"):
        splitting.split(one)
    with pytest.raises(UserError, match="its clips have no signer .*column signer"):
        splitting.split(in_memory([("a", "")] * 4))
    with pytest.raises(UserError, match="1 of 2 clips have no signer .first: c001"):
        splitting.split(in_memory([("a", "1"), ("a", "")]))
    with pytest.raises(UserError, match="1 of 2 signs have a single clip: b"):
        splitting.split(in_memory([("a", "1"), ("a", ""), ("b", "")]), "stratified")
    with pytest.raises(UserError, match="1 of 2 clips do not have exactly one sign"):
        splitting.split(in_memory([("a", "1"), (("a", "b"), "2")]), "stratified")
    with pytest.raises(UserError, match="of 2 signer.s. there would be 0 train, 1 val, 1 test"):
        splitting.split(in_memory([("a", "1"), ("a", "2")]), val_share=0.1)
    for shares in ({"test_share": 1.0}, {"test_share": 0.0}, {"val_share": -0.1}):
        with pytest.raises(UserError, match="together more than 0 and less than 1"):
            splitting.split(one, **shares)


def test_rare_and_absent_signs_are_warned_of():
    collection = in_memory([("a", "")] * 10 + [("b", "")] * 12 + [("a", "")] * 4)
    names = ["train"] * 22 + ["test"] * 4
    pairs = zip(collection.entries, names, strict=True)
    entries = [dataclasses.replace(e, split=name) for e, name in pairs]
    collection.entries = entries
    text = splitting.warnings(collection)
    assert text == [
        "test: no clip of 1 sign(s): b",
        "test: fewer than 5 clips of 1 sign(s): a 4",
    ]
    whole = splitting.complete(collection)
    assert whole.glosses == ("a",) and len(whole) == 14


def test_shuffling_keeps_entries_and_clips_together():
    collection = in_memory([("a", str(i)) for i in range(8)])
    found = splitting.shuffled(collection)
    names = [entry.name for entry in found.entries]
    assert sorted(names) == [e.name for e in collection.entries] != names
    number = int(names[0].removeprefix("c"))
    assert found.read(0).landmarks.tobytes() == collection.read(number).landmarks.tobytes()


@pytest.mark.shared
@pytest.mark.parametrize(
    ("system", "function", "file"),
    [
        ("asl_hybrid_split", "participant_split", "asl_hybrid/split_participants.json"),
        ("fslr_split", "data_split", "fslr/data_split.json"),
        ("signon_corpora", "participant_split", "signon/split_vgt_out.csv"),
        ("signon_corpora", "participant_split", "signon/split_lse_out.csv"),
    ],
)
def test_the_recorded_splits_of_the_originals(system, function, file):
    import importlib

    check = getattr(importlib.import_module(f"parity.targets.{system}"), function)(GOLDEN / file)
    assert check.expected and set(check.expected) == set(check.produced)
    for key, value in check.expected.items():
        found = check.produced[key]
        assert found == value or list(found) == value, key


def test_of_many_draws_the_one_with_most_common_signs_is_taken():
    # Only where s0 and s1 are apart have two splits the sign A; C is of one signer alone.
    signers = [f"s{i}" for i in range(6)]
    signs = ["A", "A", "B", "B", "B", "C"]
    found = ways.signer_common(signs, signers, test_share=0.34, val_share=0.0, seed=3)
    split_of = dict(zip(signers, found, strict=True))
    assert split_of["s0"] != split_of["s1"] and len({split_of[f"s{i}"] for i in (2, 3, 4)}) == 2
    assert found == ways.signer_common(signs, signers, test_share=0.34, val_share=0.0, seed=3)
