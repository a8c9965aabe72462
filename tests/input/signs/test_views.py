import pickle

import numpy as np
import pytest

from jaxsign import telling
from jaxsign.errors import UserError
from jaxsign.input.signs import views
from jaxsign.input.signs.clip import FACE, LEFT_HAND, POSE, RIGHT_HAND, Clip
from jaxsign.input.signs.views import fslr156


def numbered_clip(frames=1, **fields):
    """Every landmark has its own x; y = x / 2."""
    x = np.linspace(0.1, 0.9, 543, dtype=np.float32)
    landmarks = np.stack([x, x / 2, x], axis=-1)
    return Clip(np.tile(landmarks, (frames, 1, 1)), np.arange(frames) / 30, **fields)


def test_order_of_points():
    clip = numbered_clip()
    x, visible = fslr156.keypoints(clip)
    source = clip.landmarks[0, :, :2]
    points = x.reshape(78, 2)
    np.testing.assert_array_equal(points[:25], source[POSE][:25])
    np.testing.assert_array_equal(points[25:46], source[LEFT_HAND])
    np.testing.assert_array_equal(points[46:67], source[RIGHT_HAND])
    face = [1, 33, 263, 133, 362, 61, 291, 105, 334, 199, 4]
    np.testing.assert_array_equal(points[67:], source[FACE][face])
    assert visible.all() and x.dtype == np.float32


def test_visibility_and_absent_parts():
    clip = numbered_clip(2, visibility=np.full((2, 33), 0.5))
    clip.visibility[:, 3] = 0.49
    clip.landmarks[:, LEFT_HAND] = np.nan
    x, visible = fslr156.keypoints(clip)
    points = x.reshape(2, 78, 2)
    assert not visible[:, 3].any() and (points[:, 3] > 0).all()  # keeps its place
    assert not visible[:, 25:46].any() and not points[:, 25:46].any()
    assert visible[:, :3].all() and visible[:, 46:].all()


def test_gaps_are_bridged_before_clipping():
    clip = numbered_clip(3)
    clip.landmarks[0, RIGHT_HAND, 0] = 1.4
    clip.landmarks[1, RIGHT_HAND] = np.nan
    clip.landmarks[2, RIGHT_HAND, 0] = 0.4
    x, visible = fslr156.keypoints(clip)
    np.testing.assert_allclose(x[:, 2 * 46], [1, 0.9, 0.4], atol=1e-6)
    assert visible.all()
    x, visible = fslr156.keypoints(clip, max_gap=0)
    assert x[1, 2 * 46] == 0 and not visible[1, 46]


def moved(clip, scale, shift, frame_size):
    landmarks = clip.landmarks.copy()
    landmarks[..., :2] = landmarks[..., :2] * scale + shift
    return Clip(landmarks, clip.timestamps, frame_size)


def test_shoulders_undo_place_size_and_aspect():
    rng = np.random.default_rng(0)
    clip = Clip(rng.uniform(0.4, 0.6, (5, 543, 3)), np.arange(5) / 30, (500, 500))
    clip.landmarks[1:3, LEFT_HAND] = np.nan
    plain = fslr156.Fslr156View(max_gap=0, normalise="shoulders")(clip)
    wide = moved(clip, np.float32([0.75, 1.5]), np.float32([0.1, -0.2]), (1000, 500))
    np.testing.assert_allclose(
        fslr156.Fslr156View(max_gap=0, normalise="shoulders")(wide), plain, atol=2e-4
    )
    points = plain.reshape(5, 78, 2)
    assert not points[1:3, 25:46].any()
    middle = points[:, 11:13].mean(axis=(0, 1))
    distance = np.linalg.norm(points[:, 11] - points[:, 12], axis=-1).mean()
    np.testing.assert_allclose(middle, 0, atol=1e-5)
    np.testing.assert_allclose(distance, 1, atol=1e-5)


def test_no_shoulders_is_finite():
    clip = numbered_clip(2)
    clip.landmarks[:, POSE] = np.nan
    assert np.isfinite(fslr156.Fslr156View(normalise="shoulders")(clip)).all()


def test_get_view():
    view = views.get_view({"name": "fslr156", "normalise": "none"})
    clip = numbered_clip(4)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(view))(clip), fslr156.Fslr156View()(clip)
    )
    with pytest.raises(UserError, match="Did you mean 'fslr156'"):
        views.get_view({"name": "fslr165"})
    with pytest.raises(UserError, match="Did you mean 'normalise'"):
        views.get_view({"name": "fslr156", "normalize": "none"})
    with pytest.raises(UserError, match="shoulders"):
        fslr156.Fslr156View(normalise="shoulder")(clip)


def test_parts_that_hardly_a_frame_shows_are_left_out_and_said(caplog):
    telling.anew()
    clips = [numbered_clip(10) for _ in range(2)]
    clips[0].landmarks[:, LEFT_HAND] = np.nan
    clips[1].landmarks[3:, LEFT_HAND] = np.nan
    clips[0].landmarks[:, FACE] = np.nan
    told = fslr156.Fslr156View(least=0.2).fit(clips)
    assert told == {"left_out": ("left_hand",)} and fslr156.Fslr156View().fit(clips) == {}
    assert "left hand is left out: 15 % of the training frames show it" in caplog.text
    x = fslr156.Fslr156View(**told)(clips[1]).reshape(10, 78, 2)
    assert not x[:, 25:46].any() and x[:, :25].all() and x[:, 46:].all()
    stored = [fslr156.Fslr156View(max_gap=0)(clip) for clip in clips]
    assert fslr156.Fslr156View(least=0.2).fit(stored) == told
    with pytest.raises(UserError, match="Did you mean 'face'"):
        fslr156.Fslr156View(left_out=("faces",))(clips[0])
