"""Stored arrays of another rate than the view's: nothing takes them for the view's own frames."""

import json
from pathlib import Path

import numpy as np
import pytest

from jaxsign import config as configs
from jaxsign import nets, tasks
from jaxsign.errors import UserError
from jaxsign.infer import clip_items, files
from jaxsign.infer import run as runs
from jaxsign.infer.live import inputs as live_inputs
from jaxsign.input.signs import views


def folder(path, fps=60.0):
    rng = np.random.default_rng(0)
    for name in ("features", "labels"):
        (path / "train" / name).mkdir(parents=True)
    x = rng.uniform(0.2, 0.7, (40, 42, 7)).astype(np.float32)
    np.save(path / "train/features/sample_00000.npy", x)
    np.save(path / "train/labels/sample_00000.npy", np.array([1]))
    (path / "label_map.json").write_text(json.dumps({"<blank>": 0, "HELLO": 1}))
    (path / "prepared.json").write_text(json.dumps({"fps": fps}))
    return path


def recipe(path, rate=60.0):
    words = (f"data.train.path={path}", f"view.rate={rate}")
    return configs.load("whisper_sign", [f"--config.{word}" for word in words])


def source(config):
    return tasks.kind(config).open(config, "train").source


def run(config):
    net = nets.build(**config.net)
    return runs.Run(Path("run"), "best", config, labels={}, net=net, variables={}, info={})


@pytest.mark.parametrize(("fps", "frames"), [(60.0, 40), (30.0, 79)])
def test_a_samples_frames_are_those_of_training_wherever_it_is_read(tmp_path, fps, frames):
    config = recipe(folder(tmp_path / "data", fps))
    one = run(config)
    learnt = one.features(source(config).read(0))
    assert len(learnt) == frames
    sample = tmp_path / "data/train/features/sample_00000.npy"
    for place in (tmp_path / "data", sample):
        (item,) = clip_items.find(place)
        np.testing.assert_allclose(files.read(item, one).x, learnt, atol=1e-6)
        (stream,) = live_inputs.open_all(live_inputs.find([str(place)]), one)
        assert next(stream.chunks()).landmarks == (fps != 60)


def test_arrays_of_another_rate_are_refused(tmp_path):
    config = recipe(folder(tmp_path / "data"), rate=30.0)
    with pytest.raises(UserError, match="60 frames a second, but view.rate=30.*source=collection"):
        source(config)
    config.data.source = "collection"
    assert source(config).lengths[0] == 20


def test_a_view_without_a_rate_keeps_that_of_the_arrays(tmp_path):
    config = recipe(folder(tmp_path / "data"), rate=0.0)
    assert views.frame_rate(config, source(config).rate) == 60
    assert views.frame_rate(config) == 30
