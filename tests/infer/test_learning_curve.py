"""Whether more clips would help, told of folds that learnt parts of them."""

import numpy as np
import pytest
from PIL import Image

from jaxsign import cli
from jaxsign import config as configs
from jaxsign.infer import folds, learning_curve


def result(*accuracy):
    return folds.Folded(120, folds.summary([{"gloss": one} for one in accuracy]), {})


RISING = [result(0.5, 0.6, 0.55), result(0.7, 0.7, 0.72), result(0.8, 0.82, 0.8)]


def test_a_curve_has_the_clips_of_every_share_and_the_gain_of_the_last_step():
    (curve,) = learning_curve.curves(RISING)
    assert curve.clips == (20, 40, 80)
    np.testing.assert_allclose(curve.mean, [0.55, 0.706667, 0.806667], atol=1e-6)
    gain, error = curve.last_gain
    assert gain == pytest.approx(0.1) and error == pytest.approx(0.02 / np.sqrt(3))


@pytest.mark.parametrize(
    ("half", "whole", "text"),
    [
        ((0.7, 0.7, 0.72), (0.8, 0.82, 0.8), "from 40 to 80 training clips +10.0 ± 1.2 points"),
        ((0.7, 0.7, 0.72), (0.8, 0.82, 0.8), "still rises: more clips would help"),
        ((0.7, 0.8, 0.75), (0.72, 0.79, 0.75), "is flat"),
        ((0.7, 0.8, 0.75), (0.71, 0.84, 0.75), "may help"),
        ((0.99, 1.0, 1.0), (1.0, 1.0, 1.0), "hardly anything left to gain"),
    ],
)
def test_the_verdict_goes_by_the_gain_and_its_error(half, whole, text):
    (curve,) = learning_curve.curves([RISING[0], result(*half), result(*whole)])
    assert text in curve.verdict()


def test_the_picture_is_drawn(tmp_path):
    learning_curve.draw(tmp_path / "c.png", learning_curve.curves(RISING))
    with Image.open(tmp_path / "c.png") as image:
        assert image.width > 500


def test_parts_have_folders_and_shares_of_their_own(tmp_path):
    config = configs.load("fslr_transformer")
    made = [(share, path.name, one.data.learning_curve)
            for share, path, one in learning_curve.parts(config, tmp_path)]  # fmt: skip
    assert made == [(0.25, "share-25", 0.25), (0.5, "share-50", 0.5)]
    assert config.data.learning_curve == 1.0


def test_a_curve_is_of_folds(tmp_path, capsys):
    words = ["train", "--config", "fslr_transformer", "--workdir", str(tmp_path), "--curve"]
    assert cli.main(words) == 1
    assert "--curve is of folds" in capsys.readouterr().err
