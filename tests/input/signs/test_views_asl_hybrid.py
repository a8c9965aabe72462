import numpy as np
import pytest
from view_helpers import moving, without

from jaxsign.errors import UserError
from jaxsign.input.signs import clean, views
from jaxsign.input.signs.clip import FACE, LEFT_HAND, POSE, RIGHT_HAND
from jaxsign.input.signs.views import asl_hybrid

MODEL = np.r_[FACE, POSE, LEFT_HAND, RIGHT_HAND]


def test_the_published_points():
    clip = without(moving(), left=[3])
    x = asl_hybrid.AslHybridView()(clip)
    assert x.shape == (12, 62, 2) and x.dtype == np.float32
    np.testing.assert_array_equal(x, clip.landmarks[:, MODEL][:, asl_hybrid.POINT_LANDMARKS, :2])
    np.testing.assert_array_equal(x[:, 20:41], clip.landmarks[:, LEFT_HAND, :2])
    np.testing.assert_array_equal(x[:, 41:], clip.landmarks[:, RIGHT_HAND, :2])
    np.testing.assert_array_equal(x[:, 8], x[:, 10])  # 17 stands twice in the list
    assert np.isnan(x[3, 20:41]).all() and np.isfinite(np.delete(x, 3, axis=0)).all()


def test_own_points():
    clip = moving()
    view = views.get_view({"name": "asl_hybrid", "points": (500, 17, 501)})
    picked = [POSE.stop - 1, 17, LEFT_HAND.start]
    np.testing.assert_array_equal(view(clip), clip.landmarks[:, picked, :2])


@pytest.mark.parametrize("points", [(17, 543), (17, -1), (17.5, 17), (), ((17, 18),), "17"])
def test_lists_that_do_not_work_are_said(points):
    with pytest.raises(UserError, match="0 to 542"):
        asl_hybrid.AslHybridView(points=points)(moving())


def test_the_centre_must_be_in_the_list():
    with pytest.raises(UserError, match="lack 17"):
        asl_hybrid.AslHybridView(points=(1, 501))(moving())


def test_flip_is_the_view_of_the_mirrored_clip():
    clip = without(moving(), right=[2, 3])
    x = asl_hybrid.AslHybridView(flip=True)(clip)
    np.testing.assert_array_equal(x, asl_hybrid.AslHybridView()(clean.mirror(clip)))
    assert np.isnan(x[2, 20:41]).all() and np.isfinite(x[2, 41:]).all()


def test_earlier_views_pass():
    x = asl_hybrid.AslHybridView()(moving())
    np.testing.assert_array_equal(asl_hybrid.AslHybridView()(x), x)
    for wrong in (np.zeros((3, 543, 3)), np.zeros((3, 61, 2))):
        with pytest.raises(UserError, match=r"\[T, 62, 2\]"):
            asl_hybrid.AslHybridView()(wrong)


@pytest.mark.parametrize("options", [{}, {"points": (500, 17, 501), "flip": True}])
def test_of_arrays_alone_it_is_the_same(options):
    clip = without(moving(), left=[3])
    view = views.get_view({"name": "asl_hybrid", **options})
    np.testing.assert_allclose(view.of_arrays(clip.landmarks), view(clip), rtol=1e-6)
