"""Random changes of SignON's points, of both generations."""

import numpy as np
import pytest

from jaxsign import config as configs
from jaxsign.errors import UserError
from jaxsign.input.signs import clip_source, signon_kinds, treatment, views
from jaxsign.input.signs.augment import recipe
from jaxsign.input.signs.augment import signon as operations
from jaxsign.input.signs.clip import Clip
from jaxsign.tasks.classes.examples import ClassExamples

B = (
    "shift_frames", "flip", "rotate_hands", "jitter", "crop", "drop_frames", "hide_hand", "shift",
    "shift_hands", "zoom",
)  # fmt: skip
A = {"change_speed": 1.0, "temporal_shift": 1.0, "rotate_y": 20, "flip": 1.0}


def clip(frames=40, seed=0):
    return np.random.default_rng(seed).uniform(0.2, 0.8, (frames, 75, 3)).astype(np.float32)


def changed(name, x, seed=0, **options):
    made = recipe.build({"signon": {name: 1.0, **options}})
    return made(x, np.random.default_rng(seed))


@pytest.mark.parametrize("name", B)
def test_each_has_a_probability_of_its_own_and_never_writes_into_the_clip(name):
    made = recipe.build({"signon": {name: 0.5}})
    assert [(step.name, step.probability) for step in made.steps] == [(f"signon.{name}", 0.5)]
    x = clip()
    before = x.copy()
    out = [made(x, np.random.default_rng(seed)) for seed in range(20)]
    np.testing.assert_array_equal(x, before)
    same = [one.shape == x.shape and np.array_equal(one, x) for one in out]
    assert 0 < sum(same) < 20
    assert all(one.dtype == np.float32 and 1 <= len(one) <= 40 for one in out)


@pytest.mark.parametrize("frames", [1, 2, 5, 150])
def test_a_delay_leaves_frames_and_is_below_the_bound(frames):
    gaps = set()
    for seed in range(40):
        x = clip(frames)
        out = changed("shift_frames", x, seed)
        gone = np.isnan(out).all(axis=(1, 2))
        assert len(out) == frames and not gone.all()
        np.testing.assert_array_equal(
            out[~gone], x[gone.sum() :] if gone[-1] else x[: (~gone).sum()]
        )
        gaps.add(int(gone.sum()))
    assert max(gaps) == {1: 0, 2: 1, 5: 1, 150: 9}[frames]


def test_crops_and_dropped_frames_keep_the_order_and_the_share():
    x = np.arange(40, dtype=np.float32)[:, None, None] + np.zeros((40, 75, 3), np.float32)
    for seed in range(20):
        kept = changed("crop", x, seed)[:, 0, 0]
        assert 32 <= len(kept) < 40 and (np.diff(kept) == 1).all()
        kept = changed("drop_frames", x, seed)[:, 0, 0]
        assert len(kept) == 36 and (np.diff(kept) > 0).all()
    for name in ("crop", "drop_frames"):
        np.testing.assert_array_equal(changed(name, x[:1]), x[:1])


def test_a_hidden_hand_is_gone_from_a_tenth_of_the_frames():
    out = changed("hide_hand", clip())
    gone = np.isnan(out)
    frames = gone.any(axis=(1, 2))
    assert frames.sum() == 4
    hand = gone[frames][0, :, 0].nonzero()[0]
    assert hand.tolist() in (list(range(33, 54)), list(range(54, 75)))
    assert (gone[frames] == gone[frames][:1]).all()


def test_hands_turn_about_their_wrists_by_angles_of_their_own():
    x = clip()
    out = changed("rotate_hands", x, rotate_degrees=15.0)
    for hand in (operations.LEFT, operations.RIGHT):
        np.testing.assert_allclose(out[:, hand.start, :2], x[:, hand.start, :2], atol=1e-6)
        sizes = [
            np.linalg.norm(p[:, hand, :2] - p[:, hand.start, None, :2], axis=-1) for p in (x, out)
        ]
        np.testing.assert_allclose(*sizes, atol=1e-6)
        assert (out[:, hand, 2] == 1).all() and not np.allclose(out[:, hand, :2], x[:, hand, :2])
    np.testing.assert_array_equal(out[:, :15], x[:, :15])
    np.testing.assert_array_equal(out[:, 23:33], x[:, 23:33])


def test_generation_a_changes_the_time_at_both_ends_and_its_speed():
    made = recipe.build({"signon_a": {"change_speed": 1.0, "faster": 0.0}}, generation="A")
    x = clip(9)
    out = made(x, np.random.default_rng(0))
    assert made.stretch == 2 and len(out) == 17
    np.testing.assert_array_equal(out[::2], x)
    np.testing.assert_allclose(out[1::2], (x[:-1] + x[1:]) / 2, atol=1e-6)
    made = recipe.build({"signon_a": {"temporal_shift": 1.0}})
    assert made.stretch == 1 and len(made(x, np.random.default_rng(0))) == 9  # below 15 frames
    long = np.arange(30, dtype=np.float32)[:, None, None] + np.zeros((30, 75, 3), np.float32)
    ends = np.array([made(long, np.random.default_rng(i))[[0, -1], 0, 0] for i in range(200)])
    assert set(ends[:, 0]) == set(range(1, 7)) and set(ends[:, 1]) == set(range(24, 29))


def test_the_other_generations_flags_are_refused():
    assert recipe.build({"signon_a": A}, generation="A") is not None
    with pytest.raises(UserError, match=r"signon_a \(rotate_y\) is for points of generation A.*B"):
        recipe.build({"signon_a": {"rotate_y": 5}}, generation="B")
    with pytest.raises(UserError, match=r"signon \(zoom\) is for points of generation B"):
        recipe.build({"signon": {"zoom": 0.2}}, generation="A")
    with pytest.raises(UserError, match="of one of these, not of several"):
        recipe.build({"signon_a": {"flip": 0.5}, "signon": {"zoom": 0.2}})


@pytest.mark.parametrize(
    ("view", "augment", "width"),
    [
        ({"generation": "A"}, {"signon_a": A}, 134),
        ({"generation": "A", "dims": 3}, {"signon_a": A}, 201),
        ({"generation": "B"}, {"signon": dict.fromkeys(B, 1.0)}, 134),
    ],
)
def test_points_are_changed_before_they_become_features(view, augment, width):
    landmarks = np.random.default_rng(0).random((30, 543, 3), np.float32)
    held = Clip(landmarks, np.arange(30) / 25, frame_size=(4, 3), fps=25)
    labels = {"gloss": np.zeros(2, np.int32)}
    source = clip_source.Source("made", ["a", "b"], np.array([30, 30]), labels, lambda i: held)
    config = configs.base()
    config.view = {"name": "signon", **view}
    for name, values in augment.items():
        config.input.augment[name].update(values)
    config.input.max_length = 60
    made = ClassExamples(source, treatment.of_recipe(config, source, training=True))
    assert made.width == width
    x = made.example(0, np.random.default_rng(1))["x"]
    assert x.shape[1:] == (width,) and x.dtype == np.float32 and np.isfinite(x).all()
    batch = made.stack([made.example(0, np.random.default_rng(1)), None], (60,))
    assert batch["x"].shape == (2, 60, width)
    # Nothing is drawn without a generator: the same as without augmentation.
    plain = views.of_recipe(config)(held)
    np.testing.assert_array_equal(made.example(0)["x"], plain)


def test_widths_are_those_that_the_original_nets_take():
    widths = {
        (name, dims): kind.layout.width(dims)
        for name in signon_kinds.NAMES[:-1]
        for kind in [signon_kinds.get(name)]
        for dims in kind.layout.dims
    }
    assert {name: w for (name, dims), w in widths.items() if dims == 2} == {
        "Mediapipe": 134, "Mediapipe_Raw": 134, "Mediapipe_Cleaned": 134, "OpenPose_Raw": 108,
        "OpenPose_Cleaned": 108, "MMPose_Raw": 106, "MMPose_Cleaned": 106,
    }  # fmt: skip
    assert widths["Mediapipe_Raw", 3] == 201
    assert signon_kinds.get("Mediapipe_Cleaned_2022").folder == "mediapipe_post/joints"
    with pytest.raises(UserError, match="Did you mean 'OpenPose_Raw'"):
        signon_kinds.get("OpenPose_Rax")
