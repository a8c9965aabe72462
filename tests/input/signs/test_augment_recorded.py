"""Augmentation gives, for given seeds, what three classes gave before there was one table.

augment_recorded.npz holds their results (commit df735aa) and the number that each clip's generator
gives next, which tells that as many draws were made, in the same order.
"""

from pathlib import Path

import augment_cases
import numpy as np
import pytest

from jaxsign.input.signs.augment import recipe

RECORDED = np.load(Path(__file__).parent / "augment_recorded.npz")


@pytest.mark.parametrize("name", augment_cases.CASES)
def test_draws_and_results_are_the_recorded_ones(name):
    section, kind, normalised = augment_cases.CASES[name]
    made = recipe.build(section, normalised=normalised, longest=augment_cases.LONGEST)
    assert made.stretch == RECORDED[f"{name}/stretch"]
    assert made.flip == RECORDED[f"{name}/flip"]
    for seed in augment_cases.SEEDS:
        rng = np.random.default_rng(seed)
        found = made(augment_cases.clip(kind), rng)
        recorded = RECORDED[f"{name}/{seed}/clip"]
        assert found.dtype == recorded.dtype
        # Equal to the bit, but for products of matrices, which processors round differently.
        np.testing.assert_allclose(found, recorded, rtol=0, atol=1e-6)
        assert rng.random() == RECORDED[f"{name}/{seed}/next"]
