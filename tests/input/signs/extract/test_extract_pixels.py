"""What is done to frames before landmarks are looked for."""

import argparse

import cv2
import extract_fakes as fakes
import numpy as np
import pytest

from jaxsign.errors import UserError
from jaxsign.input.signs.extract import commands, pixels, recording, settings


def image(seed=0, size=(40, 50)):
    return np.random.default_rng(seed).integers(60, 120, (*size, 3), np.uint8)


def test_intensities_are_spread_over_the_whole_range():
    x = image()
    low, high = np.percentile(x, (2, 98))
    wanted = np.clip((x.astype(np.float64) - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    out = pixels.equalized(x)
    assert out.dtype == np.uint8 and out.min() == 0 and out.max() == 255
    np.testing.assert_array_equal(out, wanted)
    flat = np.full((4, 4, 3), 7, np.uint8)
    np.testing.assert_array_equal(pixels.equalized(flat), flat)


@pytest.mark.parametrize("sigma", [0.0, 0.5, 1.0, 3.3])
def test_frames_are_sharpened_as_opencv_does(sigma):
    x = image()
    if sigma:
        wanted = 2 * x.astype(int) - cv2.GaussianBlur(x, (0, 0), sigma)
    else:
        wanted = cv2.filter2D(
            x.astype(np.float32), -1, np.float32([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
        )
    out = pixels.sharpened(x, sigma)
    assert out.dtype == np.uint8 and out.flags.c_contiguous
    # OpenCV's weights for bytes are rounded.
    assert np.abs(np.clip(wanted, 0, 255) - out).max() <= (1 if sigma else 0)


class Looker(fakes.Fake):
    """Keeps what it is shown."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def detect(self, image, milliseconds):
        self.shown.append(image.copy())
        return super().detect(image, milliseconds)


def shown(path, **changes):
    looker = Looker()
    recording.record(path, looker, settings.ExtractionSettings(**changes))
    return looker.shown


def test_the_landmarker_sees_the_prepared_frames(tmp_path):
    path = fakes.movie(tmp_path / "a.mp4", 2)
    plain = shown(path)
    both = shown(path, equalize_histogram=True, sharpen=1.0)
    for before, after in zip(plain, both, strict=True):
        wanted = pixels.sharpened(pixels.equalized(before), 1.0)
        np.testing.assert_array_equal(after, wanted)


def test_the_record_tells_it_and_older_records_still_agree(tmp_path):
    given = settings.ExtractionSettings(equalize_histogram=True, sharpen=0.0).as_dict()
    assert given["equalize_histogram"] is True and given["sharpen"] == 0.0
    older = settings.ExtractionSettings().as_dict()
    assert not {"equalize_histogram", "sharpen", "source_fps"} & set(older)
    settings.write(tmp_path, older)
    settings.agree(tmp_path, older)
    with pytest.raises(UserError, match="--sharpen: was not set, now 0.0"):
        settings.agree(tmp_path, given)
    with pytest.raises(UserError, match="--sharpen -1.0: expected 0 to 100"):
        settings.ExtractionSettings(sharpen=-1.0)


def test_the_command_line_asks_for_it(tmp_path):
    verbs = argparse.ArgumentParser().add_subparsers()
    commands.add_extract(verbs)
    words = verbs.choices["extract"].parse_args(
        [str(tmp_path), "--out", "x", "--equalize-histogram", "--sharpen", "2"]
    )
    chosen = commands.settings(words)
    assert chosen.equalize_histogram and chosen.sharpen == 2.0
