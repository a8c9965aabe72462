"""Logistic regression and the nearest neighbour beside a recipe, and clips that splits share."""

import json

import numpy as np
import pytest

from jaxsign import config as configs
from jaxsign import tasks
from jaxsign.errors import UserError
from jaxsign.input.signs import clip_source
from jaxsign.tasks import baselines
from jaxsign.tasks.classes import simple
from jaxsign.tasks.classes.examples import of_source

CLASSES, WIDTH = 4, 156


@pytest.fixture(scope="module")
def config():
    config = configs.load("fslr_transformer")
    config.net.update(num_gloss=CLASSES, num_cat=2, input_dim=WIDTH)
    config.view.name = ""
    return config


def made(config, name, count, *, seed, extra=()):
    """Clips of different lengths around their class's middle, gloss by turns."""
    rng = np.random.default_rng(seed)
    middles = np.random.default_rng(0).standard_normal((CLASSES, WIDTH))
    glosses = np.arange(count) % CLASSES
    clips = [
        np.float32(middles[g] + 0.3 * rng.standard_normal((rng.integers(1, 30), WIDTH)))
        for g in glosses
    ]
    for place, clip in enumerate(extra):
        clips[place] = clip
    labels = {"gloss": glosses.astype(np.int32), "cat": (glosses // 2).astype(np.int32)}
    lengths = np.array([len(x) for x in clips], np.int32)
    ids = [f"{name}{i}" for i in range(count)]
    source = clip_source.Source(name, ids, lengths, labels, clips.__getitem__)
    return of_source(config, source, training=False)


def clip(examples, index):
    return examples.example(index)["x"]


def test_a_clip_is_its_evenly_spaced_frames_and_zero_where_nothing_is():
    x = np.arange(15, dtype=np.float32)[:, None] * np.array([1, np.nan], np.float32)
    assert simple.row(x).reshape(-1, 2).tolist() == [[i, 0] for i in (0, 2, 4, 6, 8, 10, 12, 14)]
    assert simple.row(x[7:8]).tolist() == [7, 0] * simple.FRAMES


def test_points_are_taken_relative_to_the_signer():
    x = np.random.default_rng(0).random((9, 5, 2)).astype(np.float32)
    x[3, 1] = np.nan
    np.testing.assert_allclose(simple.row(x * 3 + [7, -2]), simple.row(x), atol=1e-5)
    assert np.abs(simple.row(x)).max() > 1
    assert not simple.row(np.full_like(x, np.nan)).any()


def test_simple_methods_answer_what_is_easy(config, tmp_path):
    train, val = made(config, "t", 40, seed=1), made(config, "v", 12, seed=2)
    val.source.labels["gloss"][:3] = [3, 3, 3]  # these three are mislabelled
    found = simple.baseline(config, train, {"val": val})
    right = {simple.REGRESSION: 9, simple.NEIGHBOUR: 9}
    assert found.splits["val"].right["gloss"] == right
    assert found.splits["val"].right["cat"] == dict.fromkeys(right, 12)
    assert found.splits["val"].best("gloss")[1] == 0.75
    found.write(tmp_path / "b.json")
    assert baselines.read(tmp_path / "b.json") == found
    stored = json.loads((tmp_path / "b.json").read_text())["splits"]["val"]["heads"]["gloss"]
    assert stored[simple.REGRESSION]["interval"] == pytest.approx([0.468, 0.911], abs=1e-3)
    assert simple.baseline(config, train, {"val": val}) == found


def test_clips_that_two_splits_hold_are_named(config):
    train, val = made(config, "t", 40, seed=1), made(config, "v", 12, seed=2)
    near = clip(train, 5) + np.float32(1e-3)
    val = made(config, "v", 12, seed=2, extra=[clip(train, 4), near])
    test = made(config, "x", 8, seed=3, extra=[clip(val, 2), clip(train, 7)])
    found = simple.baseline(config, train, {"val": val, "test": test}).splits
    assert (found["val"].same, found["val"].near) == ((("v0", "t4"),), (("v1", "t5"),))
    assert (found["test"].same, found["test"].near) == ((("x0", "v2"), ("x1", "t7")), ())


def test_films_and_a_single_class_and_sentences_are_refused(config):
    one = made(config, "t", 4, seed=1)
    one.source.labels["gloss"][:] = 2
    with pytest.raises(UserError, match="t: gloss: all training clips are of one class"):
        simple.baseline(config, one, {"val": one})
    films = [np.zeros((3, 80, 80, 3), np.uint8)] * 4
    labels = {head: np.arange(4, dtype=np.int32) % 2 for head in ("gloss", "cat")}
    source = clip_source.Source(
        "f", list("abcd"), np.full(4, 3, np.int32), labels, films.__getitem__
    )
    images = of_source(config, source, training=False)
    with pytest.raises(UserError, match="f holds films .80 x 80 x 3"):
        simple.baseline(config, images, {"val": images})
    with pytest.raises(UserError, match="one sign a clip.*sentences or scenes"):
        tasks.kind(configs.load("whisper_sign")).baseliner()


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "b.json").write_text('{"about": {}, "splits": {"val": {"clips": 3}}}')
    with pytest.raises(UserError, match="b.json: not readable.*make it again"):
        baselines.read(tmp_path / "b.json")
