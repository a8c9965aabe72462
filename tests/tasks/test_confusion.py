"""The confusion picture: it is drawn for few and many classes, with nothing cut off."""

import numpy as np
import pytest
from matplotlib import image

from jaxsign.tasks import confusion


def _draw(tmp_path, classes, samples, **options):
    rng = np.random.default_rng(0)
    truth = np.concatenate([np.arange(classes), rng.integers(0, classes, samples)])
    predicted = np.where(rng.random(len(truth)) < 0.7, truth, rng.integers(0, classes, len(truth)))
    path = tmp_path / "c.png"
    confusion.draw(path, truth, predicted, title="Gloss", **options)
    return image.imread(path)


@pytest.mark.parametrize("classes", [1, 5, 105])
def test_margins_are_white_so_no_label_is_cut(tmp_path, classes):
    names = [f"A LONG NAME OF SIGN {i}" for i in range(classes)]
    picture = _draw(tmp_path, classes, 60, names=names)
    edges = np.concatenate(
        [picture[:6].ravel(), picture[-6:].ravel(), picture[:, :6].ravel(), picture[:, -6:].ravel()]
    )
    assert (edges == 1).all()
    assert 300 < len(picture) < 4000


def test_many_classes_keep_the_picture_small(tmp_path):
    assert max(_draw(tmp_path, 200, 10).shape) < 4000


def test_mistakes_are_orange_and_hits_blue(tmp_path):
    path = tmp_path / "c.png"
    confusion.draw(path, np.array([0, 1]), np.array([0, 0]), title="Gloss")
    rgb = image.imread(path)[..., :3]
    blue, orange = (rgb[..., 2] - rgb[..., 0]), (rgb[..., 0] - rgb[..., 2])
    assert (blue > 0.3).mean() > 0.05 and (orange > 0.3).mean() > 0.05
