"""Frames as a detector sees them."""

import json

import numpy as np
import PIL.Image
import pytest

from jaxsign.errors import UserError
from jaxsign.input.scenes import action_genome, pictures
from jaxsign.nets import detector_backbone
from tests import helpers


def picture(path, height, width, colour=(10, 20, 30)):
    PIL.Image.fromarray(np.full((height, width, 3), colour, np.uint8)).save(path)
    return path


def test_frames_are_scaled_and_padded_to_the_largest(tmp_path):
    paths = [picture(tmp_path / "1.png", 300, 200), picture(tmp_path / "2.png", 250, 500)]
    found = pictures.detector_input(paths)
    assert found.images.shape == (2, 900, 1200, 3) and found.scale == 3
    colour = np.float32((30, 20, 10)) - pictures.MEANS  # blue, green, red
    np.testing.assert_allclose(found.images[0, :, :600], np.broadcast_to(colour, (900, 600, 3)))
    assert not found.images[0, :, 600:].any() and not found.images[1, 600:].any()


def test_images_of_a_few_shapes_hold_frames_of_their_own_sizes(tmp_path):
    paths = [picture(tmp_path / "1.png", 30, 20), picture(tmp_path / "2.png", 25, 50)]
    plain = pictures.detector_input(paths, side=40)
    found = pictures.detector_input(paths, side=40, multiple=32)
    assert plain.sizes.tolist() == found.sizes.tolist() == [[60, 40], [40, 80]]
    assert plain.images.shape == (2, 60, 80, 3) and found.images.shape == (2, 64, 96, 3)
    np.testing.assert_array_equal(found.images[:, :60, :80], plain.images)
    assert not found.images[:, 60:].any() and not found.images[:, :, 80:].any()


def test_a_picture_that_is_far_too_narrow_is_refused_before_it_takes_the_memory():
    with pytest.raises(UserError, match="b.png: 60000 x 2 pixels, .* take 129,600,000,000 b"):
        pictures.scaled(np.zeros((2, 60000, 3), np.uint8), 600, "b.png")


def test_a_net_knows_the_means_that_are_taken_off():
    np.testing.assert_array_equal(pictures.MEANS, detector_backbone.MEANS)


def test_pixels_lie_between_as_in_opencv(tmp_path):
    image = np.arange(36, dtype=np.uint8).reshape(3, 4, 3) * 7
    PIL.Image.fromarray(image).save(tmp_path / "1.png")
    found = pictures.detector_input([tmp_path / "1.png"]).images[0] + pictures.MEANS
    # 200 times as large: pixel 299.5 of the result is the middle of the second.
    middle = found[299:301, 499:501].mean((0, 1))
    np.testing.assert_allclose(middle, image[1, 2, ::-1], atol=1e-4)
    np.testing.assert_allclose(found[0, 200], image[0, 0, ::-1] + 21 * 100.5 / 200, atol=1e-4)


def test_frames_that_are_absent_or_none(tmp_path):
    with pytest.raises(UserError, match=r"2 of 2 frames are absent:\n  - .*1.png"):
        pictures.detector_input([tmp_path / "1.png", tmp_path / "2.png"])
    (tmp_path / "1.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"1.png: cannot be read as a picture \(it is a text file"):
        pictures.detector_input([tmp_path / "1.png"])


@pytest.mark.shared
def test_the_recorded_tensor():
    """What the original loader makes of the frames of its first video."""
    folder = helpers.SHARED / "golden/vidsgg/mini_action_genome"
    wanted = json.loads((folder / "expected.json").read_text())["image_check"]
    scene = action_genome.read(folder, action_genome.Options("train")).scenes[wanted["video"]]
    found = pictures.detector_input([folder / "frames" / name for name in scene.frames])
    images = found.images.transpose(0, 3, 1, 2)
    assert list(images.shape) == wanted["shape"]
    assert [*images.shape[2:], found.scale] == wanted["im_info"]
    np.testing.assert_allclose(images.mean(dtype=np.float64), wanted["mean"], rtol=1e-5)
    np.testing.assert_allclose(images.std(dtype=np.float64), wanted["std"], rtol=1e-5)
    for place, value in wanted["samples"].items():
        at = tuple(map(int, place.split(",")))
        np.testing.assert_allclose(images[at], value, atol=1e-4)
