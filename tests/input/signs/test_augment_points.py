"""Random changes of clips that are points with NaN for absent ones."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jaxsign import config as configs
from jaxsign import defaults
from jaxsign.input.signs.augment import points as operations
from jaxsign.input.signs.augment import recipe


def points(frames=20, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.2, 0.8, (frames, 7, 2)).astype(np.float32)
    x[:, 2] = np.nan
    x[3:6, 4] = np.nan
    return x


def build(options):
    return recipe.build({"landmarks": options})


def everything(**changes):
    values = dict.fromkeys(("resample", "affine", "mask", "distort", "cutout"), 1.0)
    return build({**values, "rotate": 20.0, "shear": 0.1, **changes})


@given(frames=st.integers(1, 400), factor=st.floats(0.05, 3.0))
def test_resampling_keeps_order_and_both_ends(frames, factor):
    indices = operations.resample_indices(frames, factor)
    assert len(indices) == (int(frames * factor) or frames)
    assert (np.diff(indices) >= 0).all() and indices[0] == 0 and indices[-1] < frames
    if len(indices) > 1:
        assert indices[-1] == frames - 1


@given(seed=st.integers(0, 1000))
def test_the_clip_itself_never_changes_and_absent_points_stay_absent(seed):
    x = points(seed=seed)
    before = x.copy()
    augment = everything(resample=0.0, mask_value="nan")
    first = augment(x, np.random.default_rng(seed))
    again = augment(x, np.random.default_rng(seed))
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(first, again)
    assert np.isnan(first[np.isnan(x)]).all()


def test_masked_frames_are_distinct_and_as_many_as_asked():
    augment = build({"mask": 1.0, "mask_ratio": (0.3, 0.3)})
    x = np.ones((20, 3, 2), np.float32)
    out = augment(x, np.random.default_rng(1))
    assert (out == 0).all((1, 2)).sum() == 6 and (out == 1).all((1, 2)).sum() == 14


def test_a_turn_keeps_distances_and_the_middle():
    x = np.array([[[0.5, 0.5], [0.5, 0.2], [np.nan, np.nan]]], np.float32)
    turned = operations.affine(x, 1.0, (0.0, 0.0), degrees=90.0)
    np.testing.assert_allclose(turned[0, :2], [[0.5, 0.5], [0.8, 0.5]], atol=1e-6)
    assert np.isnan(turned[0, 2]).all()


def test_a_cut_out_hides_the_square_alone():
    x = np.array([[[0.5, 0.5], [0.58, 0.5], [0.62, 0.5], [0.5, 0.3]]], np.float32)
    hidden = np.isnan(operations.cut_out(x, (0.5, 0.5), 0.2)).any(-1)
    assert hidden.tolist() == [[True, True, False, False]]


def test_the_recipe_turns_it_on_and_mistakes_are_named():
    config = configs.base()
    options = config.input.augment.landmarks
    assert build(options) is None
    options.resample, options.resample_scale = 0.5, (0.5, 1.5)
    assert build(options).stretch == 1.5
    options.mask, options.mask_ratio = 2.0, (0.5, 0.2)
    assert defaults.problems(config) == [
        "input.augment.landmarks.mask=2.0: expected a probability from 0 to 1",
        "input.augment.landmarks.mask_ratio=(0.5, 0.2): expected (from, to) between 0 and 1",
    ]
