"""Random changes of clips that are joints with 0 for absent ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxsign import fields
from jaxsign.errors import UserError
from jaxsign.input import batching
from jaxsign.input.signs import hand_joints
from jaxsign.input.signs.augment import joints as operations
from jaxsign.input.signs.augment import recipe
from jaxsign.input.signs.clip_source import Source
from jaxsign.input.signs.treatment import Treatment
from jaxsign.sections import augment as sections
from jaxsign.tasks.classes.examples import ClassExamples

EVERYTHING = {
    "joint_mask": 0.15,
    "time_mask": 0.9,
    "time_mask_frames": 5,
    "jitter": 2,
    "noise_std": 0.005,
    "time_scale": (0.7, 1.4),
}


def build(options, longest=0):
    return recipe.build({"joints": options}, longest=longest)


def hands(frames=30, rate=60.0):
    """float32 [T, 42, 7]: joints on circles, the right hand absent from some frames."""
    times = np.arange(frames) / rate
    phase = np.arange(42) / 10
    angle = 2 * np.pi * times[:, None] + phase
    xyz = np.stack([0.5 + 0.2 * np.cos(angle), 0.5 + 0.2 * np.sin(angle), angle / 50], axis=-1)
    x = np.ones((frames, 42, 7), np.float32)
    x[..., :3] = xyz
    x[..., 3:6] = hand_joints.velocity(xyz, 1 / rate)
    x[5:12, 21:] = 0
    return x


@given(seed=st.integers(0, 1000), frames=st.integers(1, 60))
def test_the_clip_itself_never_changes_and_absent_joints_stay_absent(seed, frames):
    x = hands(frames)
    before = x.copy()
    augment = build({**EVERYTHING, "time_scale": (1.0, 1.0), "jitter": 0})
    first = augment(x, np.random.default_rng(seed))
    again = augment(x, np.random.default_rng(seed))
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(first, again)
    assert first.shape == x.shape and first.dtype == np.float32
    assert (first[~operations.present(x)[..., 0]] == 0).all()


@given(seed=st.integers(0, 1000), frames=st.integers(1, 60))
def test_a_clip_is_never_longer_than_told(seed, frames):
    augment = build(EVERYTHING)
    out = augment(hands(frames), np.random.default_rng(seed))
    assert 1 <= len(out) <= np.ceil(frames * augment.stretch)
    assert np.isfinite(out).all()


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.25, 2.0])
def test_another_speed_keeps_the_way_and_has_its_own_velocities(factor):
    x = hands(61)[:, :21]
    out = operations.scale_time(x, factor)
    assert len(out) == round(61 * factor)
    np.testing.assert_array_equal(out[[0, -1], :, :3], x[[0, -1], :, :3])
    # The clip is still 60 frames a second, so velocities are those of the new positions.
    expected = hand_joints.velocity(out[..., :3].astype(np.float64), 1 / 60)
    np.testing.assert_allclose(out[2:-2, :, 3:6], expected[2:-2], atol=0.05)
    np.testing.assert_array_equal(out[..., 6], 1)


def test_another_speed_invents_no_joints_between_there_and_not_there():
    x = hands(30)
    out = operations.scale_time(x, 1.7)
    right = out[:, 21:]
    there = right[..., 6] == 1
    assert ((right[..., 6] == 0) | there).all()
    assert (right[~there] == 0).all() and (right[there][:, 0] > 0.29).all()


def test_accelerations_fall_with_the_square_of_the_length():
    x = np.ones((21, 3, 6), np.float32)
    out = operations.scale_time(x, 41 / 21)
    np.testing.assert_allclose(out[7, 1], [1, 1, 0.5, 0.5, 0.25, 0.25])


def test_masked_frames_lie_within_the_clip():
    augment = build({"time_mask": 1.0, "time_mask_frames": 4})
    for seed in range(20):
        out = augment(np.ones((10, 42, 7), np.float32), np.random.default_rng(seed))
        gone = np.flatnonzero((out == 0).all((1, 2)))
        assert 1 <= len(gone) <= 4 and (np.diff(gone) == 1).all()


def test_the_recipe_turns_it_on_and_mistakes_are_named():
    assert build({"time_mask_frames": 10, "time_scale": (1.0, 1.0)}) is None
    assert build({"time_scale": (0.8, 1.25)}).stretch == 1.25
    assert build({"noise_std": 0.01}).stretch == 1.0
    wrong = {"joint_mask": 2.0, "jitter": -1, "time_scale": (1.2, 0.8)}
    assert fields.problems(sections.Joints, wrong, "joints.") == [
        "joints.joint_mask=2.0: expected a probability from 0 to 1",
        "joints.jitter=-1: expected a whole number of frames from 0 on",
        "joints.time_scale=(1.2, 0.8): expected (from, to) between 0.1 and 10",
    ]
    with pytest.raises(UserError, match=r"jitter is for joints .* this view gives \[5, 156\]"):
        build({"jitter": 1})(np.ones((5, 156)), np.random.default_rng(0))


def test_batches_hold_longer_clips_whole_and_zero_padding():
    clip = np.ones((10, 42, 7), np.float32)
    source = Source(
        "two", ["a", "b"], np.array([10, 10]), {"gloss": np.zeros(2, int)}, lambda i: clip
    )
    augment = build({"time_scale": (1.5, 1.5), "noise_std": 0.01})
    examples = ClassExamples(source, Treatment(augment=augment, max_length=20))
    batches = batching.TrainBatches(examples, batching.BatchOptions(batch_size=2, buckets=(20,)))
    batch = next(batches.iterator())
    assert batch["valid"].sum(-1).tolist() == [[15, 15]]
    assert (batch["x"][~batch["valid"]] == 0).all() and (batch["x"][batch["valid"]] != 0).all()


@pytest.mark.parametrize(("frames", "expected"), [(10, 15), (18, 20), (20, 20), (30, 30)])
def test_a_clip_does_not_grow_beyond_what_would_be_cut_off(frames, expected):
    augment = build({"time_scale": (1.5, 1.5)}, longest=20)
    x = np.ones((frames, 42, 7), np.float32)
    assert len(augment(x, np.random.default_rng(0))) == expected
