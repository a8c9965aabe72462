"""Intervals of accuracies, and when they are too wide to choose by."""

import math

import pytest

from jaxsign.tasks import chance, measures

ACCURACY = measures.Number("acc/gloss", "validation gloss accuracy", "max", counted=True)


@pytest.mark.parametrize(("right", "count"), [(52, 52), (0, 7), (255, 295), (1, 2)])
def test_intervals_are_wilsons(right, count):
    z, share = 1.959963984540054, right / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2) / (1 + z**2 / count)
    assert chance.interval(right, count) == pytest.approx((middle - half, middle + half), abs=1e-9)


def test_a_share_is_of_whole_examples():
    assert chance.of_share(0.1 + 0.2, 10) == chance.interval(3, 10)
    assert chance.spelt(chance.interval(255, 295)) == "82.1-89.9"


@pytest.mark.parametrize(
    ("share", "count", "doubted"),
    [(1.0, 52, True), (0.95, 88, True), (0.8, 52, True), (0.95, 295, False), (1.0, 5000, True)],
)
def test_too_few_validation_clips_to_choose_by_are_told(share, count, doubted):
    found = chance.doubt(ACCURACY, share, count)
    assert bool(found) == doubted and (f"{count} validation clips" in found) == doubted


def test_only_accuracies_are_doubted():
    loss = measures.Number("loss", "validation loss", "min")
    assert not chance.doubt(loss, 1.0, 3) and not chance.doubt(ACCURACY, math.nan, 3)
