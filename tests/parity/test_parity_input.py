"""The cases of what is done to landmarks before a net, where the full set of cases is at hand."""

import helpers
import numpy as np
import pytest

from jaxsign.input.signs.views import signon
from parity import jobs

SYSTEMS = ("signon", "whispersign")
CASES = [
    path
    for system in SYSTEMS
    for path in sorted((helpers.SHARED / "golden" / system).glob("*.npz") if helpers.SHARED else ())
    if path.stem.startswith(
        ("pre_", "normalise", "resample", "preprocess_", "mini_", "transforms_", "collate_", "rgb_")
    )
]


@pytest.mark.shared
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_input_case(path):
    outcome = jobs.check_case(path)
    assert outcome.status == "passed", (outcome.message, outcome.differences[:3])


def test_a_number_in_the_place_of_nan_is_a_failure(monkeypatch):
    path = jobs.SHIPPED / "signon" / "pre_right_hand_never.npz"
    assert jobs.check_case(path).status == "passed"
    features = signon.features
    monkeypatch.setattr(signon, "features", lambda *a, **k: np.nan_to_num(features(*a, **k)))
    outcome = jobs.check_case(path)
    assert outcome.status == "failed" and "has a number where" in outcome.message
