"""Errors of sentences and of glosses, and the files that hold them."""

import csv

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from jaxsign.tasks.sequences import figures, glosses, sclite, sentences, summary, word_errors
from jaxsign.tasks.sequences.answers import Hypothesis, SequenceAnswer
from jaxsign.tasks.sequences.word_errors import Counts


def sentence(name, reference, hypothesis, *, costs=word_errors.UNIT, rule="as-is", seconds=2.0):
    names = tuple(hypothesis.split())
    best = Hypothesis(tuple(range(len(names))), -0.25, None, -0.25)
    said = SequenceAnswer((best,), "greedy", names)
    return sentences.sentence(
        name, reference.split(), said, costs=costs, rule=glosses.RULES[rule], seconds=seconds
    )


@pytest.fixture
def some():
    return [
        sentence("val/b c", "HELLO TEA NO", "HELLO NO NO", seconds=3.0),
        sentence("val/a", "TEA TEA", "TEA", seconds=1.0),
        sentence("val/c", "YES", ""),
        sentence("val/d", "", "NO"),
        sentence("val/e", "TEA HELLO", "TEA HELLO"),
    ]


def test_errors_of_all_and_by_length(some):
    assert sentences.total(some) == Counts(8, 2, 1, 1, 5, 4)
    lengths = sentences.by_length(some)
    assert list(lengths) == [0, 1, 2, 3]
    assert lengths[2] == Counts(4, 1, 0, 0, 2, 1)
    assert lengths[0] == Counts(0, 0, 1, 0, 1, 1)


def test_errors_of_each_gloss(some, tmp_path):
    rows = {row["gloss"]: row for row in sentences.per_gloss(some)}
    assert list(rows) == ["HELLO", "NO", "TEA", "YES"]
    assert rows["TEA"] == {
        "gloss": "TEA", "support": 4, "correct": 2, "recall": 0.5, "substituted": 1, "deleted": 1,
        "inserted": 0, "mistaken_for": "NO", "times": 1,
    }  # fmt: skip
    assert rows["NO"]["support"] == 1 and rows["NO"]["inserted"] == 1
    assert rows["YES"]["recall"] == 0 and rows["HELLO"]["recall"] == 1
    sentences.write_per_gloss(tmp_path / "g.csv", list(rows.values()))
    with (tmp_path / "g.csv").open(encoding="utf-8") as file:
        assert [row["gloss"] for row in csv.DictReader(file)] == list(rows)


def test_a_gloss_that_was_never_signed_has_no_recall():
    (row,) = sentences.per_gloss([sentence("a", "", "NO")])
    assert row["recall"] is None and row["inserted"] == 1


def test_predictions_show_what_stands_against_what(some, tmp_path):
    sentences.write_predictions(tmp_path / "p.csv", some)
    with (tmp_path / "p.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["alignment"] for row in rows] == [
        "HELLO [TEA>NO] NO", "TEA [TEA>]", "[YES>]", "[>NO]", "TEA HELLO",
    ]  # fmt: skip
    assert rows[2]["hypothesis"] == "" and rows[0]["substitutions"] == "1"
    assert rows[0]["score"] == "-0.25" and rows[0]["log_att"] == ""


def test_names_with_spaces_are_kept_apart():
    assert sentences.separator(["A", "B"]) == " "
    assert sentences.separator(["HOW ARE YOU", "B"]) == " | "


def test_costs_and_rules_take_part():
    assert sentence("a", "A B", "B C").counts == Counts(2, 0, 0, 2, 1, 1)
    found = sentence("a", "A B", "B C", costs=(3, 3, 4))
    assert found.counts == Counts(2, 1, 1, 0, 1, 1)
    cleaned = sentence("a", "REGEN NORD", "REGEN REGEN loc-NORD", rule="phoenix")
    assert cleaned.counts.errors == 0 and cleaned.hypothesis == ("REGEN", "NORD")


def test_sclite_files_hold_segments_and_words_in_one_order(some, tmp_path):
    sclite.write(tmp_path, some, ["ann", "", "b b", "ann", "ann"])
    stm = (tmp_path / "references.stm").read_text().splitlines()
    assert stm == [
        "val/a 1 signer 0.00 1.00 TEA TEA",
        "val/b_c 1 ann 0.00 3.00 HELLO TEA NO",
        "val/c 1 b_b 0.00 2.00 YES",
        "val/d 1 ann 0.00 2.00",
        "val/e 1 ann 0.00 2.00 TEA HELLO",
    ]
    ctm = [line.split() for line in (tmp_path / "hypotheses.ctm").read_text().splitlines()]
    assert [(row[0], row[4]) for row in ctm] == [
        ("val/a", "TEA"), ("val/b_c", "HELLO"), ("val/b_c", "NO"), ("val/b_c", "NO"),
        ("val/c", "[EMPTY]"), ("val/d", "NO"), ("val/e", "TEA"), ("val/e", "HELLO"),
    ]  # fmt: skip
    ends = {line.split()[0]: float(line.split()[4]) for line in stm}
    for name, _, start, length, _ in ctm:
        assert 0 <= float(start) and float(start) + float(length) <= ends[name] + 0.01


def test_the_picture_is_drawn_with_and_without_errors(some, tmp_path):
    for name, rows in (("some", some), ("none", some[-1:]), ("empty", some[3:4])):
        figures.errors(
            tmp_path / f"{name}.png", sentences.total(rows), sentences.by_length(rows),
            sentences.per_gloss(rows), title="run",
        )  # fmt: skip
        picture = np.asarray(Image.open(tmp_path / f"{name}.png").convert("L"))
        assert picture.shape[1] > 1000 and picture.std() > 5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty.png", "none.png", "some.png"]


def text_of(found):
    console = Console(record=True, width=100)
    summary.show(found, console)
    return console.export_text()


def test_the_summary_shows_modes_weak_glosses_and_sentences(some):
    text = text_of({"greedy": some, "two_pass": some[:1]})
    assert "50.0" in text and "two-pass" in text and "33.3" in text
    assert "0 of 1" in text and "NO (1x)" in text
    assert "HELLO TEA +NO NO" in text
    assert "without an error" in text_of({"beam": some[-1:]})


def test_brackets_in_names_are_shown(some):
    strange = [sentence("a", "[EMPTY] [bold]X", "[red]Y [bold]X")]
    assert "[EMPTY] +[red]Y [bold]X" in text_of({"greedy": strange})
