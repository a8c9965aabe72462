"""Resizing: OpenCV's own numbers, and what any bilinear resize must do."""

import numpy as np
import pytest

from jaxsign.input import resizing


@pytest.mark.parametrize(
    "shape", [(480, 640), (540, 405), (1080, 1920), (120, 90), (1, 7), (299, 5)]
)
def test_is_opencvs(shape):
    cv2 = pytest.importorskip("cv2")
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    wanted = cv2.resize(image, (299, 299)).astype(int)
    found = resizing.resize_bilinear(image, 299)
    assert found.dtype == np.uint8 and found.shape == (299, 299, 3)
    apart = np.abs(found - wanted)
    assert apart.max() <= 1 and (apart > 0).mean() < 0.02


def test_is_two_point_interpolation():
    image = np.random.default_rng(1).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    y = np.clip((np.arange(17) + 0.5) * 40 / 17 - 0.5, 0, 39)
    x = np.clip((np.arange(17) + 0.5) * 30 / 17 - 0.5, 0, 29)
    wanted = np.empty((17, 17, 3))
    for i, v in enumerate(y):
        for j, u in enumerate(x):
            a, b = int(v), int(u)
            c, d = min(a + 1, 39), min(b + 1, 29)
            top = image[a, b] * (1 - (u - b)) + image[a, d] * (u - b)
            low = image[c, b] * (1 - (u - b)) + image[c, d] * (u - b)
            wanted[i, j] = top * (1 - (v - a)) + low * (v - a)
    assert np.abs(resizing.resize_bilinear(image, 17) - wanted).max() < 1


def test_same_size_and_flat_images_stay():
    image = np.random.default_rng(2).integers(0, 256, (299, 299, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resizing.resize_bilinear(image, 299), image)
    flat = np.full((70, 33, 3), (0, 128, 255), np.uint8)
    assert (resizing.resize_bilinear(flat, 299) == (0, 128, 255)).all()
