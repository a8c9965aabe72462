"""Metrics against the recorded results of the original's validation tool."""

import csv
import json

import numpy as np
import pytest
from helpers import GOLDEN
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsign.tasks import confusion
from jaxsign.tasks.classes import metrics


@pytest.fixture(scope="module")
def golden():
    case = json.loads((GOLDEN / "fslr/validation_metrics.json").read_text())
    return {k: np.array(v) for k, v in case["input"].items()}, case["expected"]


@pytest.fixture(scope="module")
def heads(golden):
    given_, _ = golden
    truth = {"gloss": given_["gloss_true"], "cat": given_["cat_true"]}
    return truth, {"gloss": given_["gloss_pred"], "cat": given_["cat_pred"]}


def _equal(ours, theirs, where=""):
    assert type(ours) is type(theirs) or {type(ours), type(theirs)} <= {int, float}, where
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), where
        for key in theirs:
            _equal(ours[key], theirs[key], f"{where}/{key}")
    elif isinstance(theirs, float):
        assert ours == pytest.approx(theirs, rel=1e-12), where
    else:
        assert ours == theirs, where


@pytest.mark.parametrize(
    "group",
    [
        "overall_results",
        "occluded_results",
        "non_occluded_results",
        "per_class_results",
        "confusion_matrices",
    ],
)
def test_report_equals_the_original(golden, heads, group):
    given_, expected = golden
    ours = metrics.report(*heads, given_["occluded"])[group]
    _equal(json.loads(json.dumps(ours)), expected[group])


def test_report_without_occlusion_labels_has_no_occlusion_groups(heads):
    groups = metrics.report(*heads)
    assert list(groups) == ["overall_results", "per_class_results", "confusion_matrices"]


def test_a_group_without_samples_says_so(heads):
    none = np.zeros(60, bool)
    groups = metrics.report(*heads, none)
    assert groups["occluded_results"] == {"error": "No samples to evaluate"}
    assert groups["non_occluded_results"] == groups["overall_results"]


def test_report_of_nothing_is_an_error_entry_not_a_crash():
    empty = {"gloss": np.zeros(0, int)}
    assert set(map(str, metrics.report(empty, empty).values())) == {str(metrics.EMPTY)}


def test_a_head_of_another_system_keeps_its_name():
    truth = {"sign": np.array([0, 1])}
    result = metrics.report(truth, truth)
    assert result["overall_results"]["sign_accuracy"] == 1.0
    assert "sign_confusion_matrix" in result["confusion_matrices"]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 8))
def test_top_k_counts_by_hand(seed, samples, classes):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (samples, classes)).astype(float)
    truth = rng.integers(0, classes, samples)
    result = metrics.top_k({"gloss": truth}, {"gloss": scores})["gloss"]
    for k in (1, 3, 5):
        hits = 0
        for row, t in zip(scores, truth, strict=True):
            better = sum(row > row[t]) + sum(row[:t] == row[t])
            hits += better < k
        assert result[str(k)] == pytest.approx(hits / samples)
    assert result["1"] == pytest.approx((scores.argmax(1) == truth).mean())


def test_confusion_matrix_sums_to_the_samples(heads):
    truth, predicted = heads
    counts, ids = confusion.matrix(truth["gloss"], predicted["gloss"])
    assert counts.sum() == 60 and list(ids) == list(range(11))
    assert counts.trace() == (truth["gloss"] == predicted["gloss"]).sum()


def test_class_table_names_the_commonest_mistake(tmp_path):
    truth = {"gloss": np.array([0, 0, 0, 0, 1])}
    predicted = {"gloss": np.array([0, 1, 1, 2, 1])}
    rows = metrics.class_table(truth, predicted, {"gloss": ("HELLO", "DON’T KNOW")})
    assert rows[0]["label"] == "HELLO" and rows[0]["recall"] == 0.25
    assert (rows[0]["mistaken_for"], rows[0]["times"]) == ("DON’T KNOW", 2)
    assert (rows[1]["mistaken_for"], rows[1]["times"]) == ("", 0)
    assert rows[2]["label"] == "2" and rows[2]["support"] == 0
    metrics.write_class_table(tmp_path / "t.csv", rows)
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        back = list(csv.DictReader(file))
    assert [r["mistaken_for"] for r in back] == ["DON’T KNOW", "", ""]


def test_softmax_survives_large_logits():
    result = metrics.softmax(np.array([[1e4, 1e4, -1e4]]))
    assert result.tolist() == [[0.5, 0.5, 0.0]] and result.dtype == np.float32
