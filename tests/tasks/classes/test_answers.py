"""The shape of a prediction against what the original's prediction tool wrote and printed."""

import csv
import json

import numpy as np
import pytest
from helpers import GOLDEN

from jaxsign.tasks import naming
from jaxsign.tasks.classes import answers


@pytest.fixture(scope="module")
def names():
    with (GOLDEN / "fslr/labels_reference.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    categories = dict.fromkeys((int(row["cat_id"]), row["category"]) for row in rows)
    return {
        "gloss": tuple(row["label"] for row in rows),
        "cat": tuple(name for _, name in sorted(categories)),
    }


@pytest.fixture(scope="module")
def cases():
    return json.loads((GOLDEN / "fslr/prediction_json.json").read_text())["cases"]


@pytest.fixture(scope="module")
def logits():
    with np.load(GOLDEN / "fslr/transformer_default_recipe.npz", allow_pickle=False) as case:
        return {"gloss": case["output/gloss"], "cat": case["output/cat"]}


def _same(ours, theirs):
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        if key.endswith("probability"):
            assert ours[key] == pytest.approx(value, rel=1e-6)
        elif "_top" in key:
            assert [i for i, _ in ours[key]] == [i for i, _ in value]
            assert [p for _, p in ours[key]] == pytest.approx([p for _, p in value], rel=1e-6)
        else:
            assert ours[key] == value


@pytest.mark.parametrize("row", range(3))
def test_result_json_and_text_equal_the_original(cases, logits, names, row):
    case = cases[row]
    raw = answers.make({head: values[row] for head, values in logits.items()})
    if row == 2:
        raw["frames_extracted"] = 7
    _same(raw, case["raw"])
    named = answers.with_names(raw, names)
    _same(json.loads(json.dumps(named)), case["formatted"])
    assert answers.text(named, ("gloss", "cat")) == case["printed"]


def test_without_names_ids_are_text():
    raw = answers.make({"gloss": np.array([0.0, 2.0, 1.0])})
    assert raw["gloss_prediction"] == 1 and len(raw["gloss_top5"]) == 3
    named = answers.with_names(raw, {"gloss": None})
    assert named["gloss_prediction"] == "1"
    assert [name for name, _ in named["gloss_top5"]] == ["1", "2", "0"]
    assert "Top 3 Gloss Predictions:" in answers.text(named, ["gloss"])


def test_names_that_are_the_ids_are_not_doubled():
    assert naming.label(("0", "1"), 1) == "1"
    assert naming.label(("HELLO",), 0) == "HELLO (0)"
