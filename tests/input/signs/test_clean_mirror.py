import helpers
import hypothesis
import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import strategies as st

from jaxsign.input.signs import clean
from jaxsign.input.signs.clean import mirroring
from jaxsign.input.signs.clip import FACE, LEFT_HAND, POINTS, POSE, RIGHT_HAND, Clip


@hypothesis.given(
    arrays.arrays(
        np.float32, (2, POINTS, 3), elements=st.floats(-1, 2, width=32), fill=st.just(np.nan)
    ),
    arrays.arrays(np.float32, (2, 33), elements=st.floats(0, 1, width=32)),
)
@hypothesis.settings(max_examples=30, deadline=None)
def test_twice_is_as_before(landmarks, visibility):
    clip = Clip(landmarks, [0, 1], (3, 4), 1.0, "here", visibility)
    again = clean.mirror(clean.mirror(clip))
    np.testing.assert_allclose(again.landmarks, landmarks, rtol=0, atol=3e-7)
    np.testing.assert_array_equal(again.visibility, visibility)
    assert (again.frame_size, again.fps, again.source) == ((3, 4), 1.0, "here")


def test_every_point_has_one_partner_of_its_own_kind():
    mirror = mirroring.MIRROR
    np.testing.assert_array_equal(mirror[mirror], np.arange(POINTS))
    for part, other in ((FACE, FACE), (POSE, POSE), (LEFT_HAND, RIGHT_HAND)):
        assert set(mirror[part]) == set(range(other.start, other.stop))
    assert (mirroring.FACE_MIRROR == np.arange(468)).sum() == 28
    assert (mirroring.POSE_MIRROR == np.arange(33)).sum() == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (33, 263), (133, 362), (159, 386), (145, 374), (61, 291), (78, 308), (105, 334), (70, 300),
        (234, 454), (172, 397), (17, 17), (1, 1), (152, 152), (10, 10), (84, 314), (405, 181),
    ],
)  # fmt: skip
def test_known_points_of_the_face(first, second):
    assert mirroring.FACE_MIRROR[first] == second


def test_left_becomes_right():
    landmarks = np.zeros((1, POINTS, 3), np.float32)
    landmarks[0, LEFT_HAND.start + 8] = 0.1, 0.2, 0.3
    landmarks[0, RIGHT_HAND] = np.nan
    visibility = np.zeros((1, 33), np.float32)
    visibility[0, 15] = 0.7
    made = clean.mirror(Clip(landmarks, [0], visibility=visibility))
    np.testing.assert_allclose(made.landmarks[0, RIGHT_HAND.start + 8], [0.9, 0.2, 0.3], atol=1e-6)
    assert np.isnan(made.landmarks[0, LEFT_HAND]).all()
    assert made.visibility[0, 16] == np.float32(0.7)


@pytest.mark.shared
def test_a_real_face_in_the_mirror_is_nearly_itself():
    path = helpers.SHARED / "data" / "sign_clip_mit" / "landmarks543" / "test_video.npz"
    with np.load(path) as stored:
        faces = stored["landmarks"].astype(np.float64)[:, FACE, :2]
    mirrored = (faces * [-1, 1])[:, mirroring.FACE_MIRROR]
    turned = [_aligned(one, two) for one, two in zip(mirrored, faces, strict=True)]
    frontal = int(
        np.argmin([np.linalg.norm(a - b) for a, b in zip(turned, centred(faces), strict=True)])
    )
    face, other = centred(faces)[frontal], turned[frontal]
    distances = np.linalg.norm(other[:, None] - face, axis=-1)
    size = np.ptp(face[:, 1])
    assert np.diag(distances).max() < 0.1 * size and np.diag(distances).mean() < 0.03 * size
    # Hardly any other point of the mesh lies nearer to a point's mirror image than its partner.
    nearer = (distances < np.diag(distances)[:, None]).sum(axis=1)
    assert np.median(nearer) <= 1 and (nearer > 12).mean() < 0.02


def centred(points):
    return points - points.mean(axis=-2, keepdims=True)


def _aligned(points, target):
    """Moved, turned and scaled to lie on `target` as well as may be."""
    points, target = centred(points), centred(target)
    left, sizes, right = np.linalg.svd(points.T @ target)
    return points @ left @ right * sizes.sum() / (points**2).sum()
