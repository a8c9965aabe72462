"""From frames to relations by the command line: import, detect, train, evaluate."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import detectors
import jax
import numpy as np
import pytest
import torch
from helpers import ROOT, SHARED

from jaxsign import cli
from jaxsign.errors import UserError
from jaxsign.infer.detect import opening
from jaxsign.infer.torch import detectors as torch_detectors
from jaxsign.input.scenes import scene, vocabulary
from jaxsign.tasks.detections import looking

NET = {"hidden_dim": 8, "word_dim": 4, "map_dim": 8, "classifier_dim": 8, "ff_dim": 8}
TINY = [f"--config.net.{key}={value}" for key, value in NET.items()]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return detectors.file(tmp_path_factory.mktemp("detector"))


@pytest.fixture(scope="module")
def detector_run(file):
    """The run folder of an imported detector, which sees frames small."""
    out = file.parent / "run"
    words = [
        "import",
        str(file),
        "--workdir",
        str(out),
        f"--config.net.short_side={detectors.SIDE}",
    ]
    assert cli.main(words) == 0
    return out


def likely():
    return looking.RECIPES["paper"]


def test_a_detector_is_a_file_or_its_run(file, detector_run, tmp_path):
    made = opening.detector(detector_run, chunk=2, likely=likely())
    assert made.objects == vocabulary.ACTION_GENOME.objects
    assert made.net.short_side == detectors.SIDE
    whole = opening.detector(file, chunk=2, likely=likely())
    assert whole.net.short_side == 600 and whole.digest != made.digest
    with pytest.raises(UserError, match="is not a run folder"):
        opening.detector(tmp_path, chunk=2, likely=likely())
    (tmp_path / "cut.pth").write_bytes(file.read_bytes()[:1000])
    with pytest.raises(UserError, match="cut.pth"):
        opening.detector(tmp_path / "cut.pth", chunk=2, likely=likely())


def test_files_of_other_classes_and_of_torchvisions_detectors_are_told(file, tmp_path):
    path, open_file = tmp_path / "other.pth", {"chunk": 2, "likely": likely()}
    weights = torch.load(file, weights_only=True)["model"]
    of_three = {key: value[:12] for key, value in weights.items() if "RCNN_bbox_pred" in key}
    of_three |= {key: value[:3] for key, value in weights.items() if "RCNN_cls_score" in key}
    torch.save({"model": weights | of_three}, path)
    with pytest.raises(UserError, match="other.pth: tells 3 classes, whose names a file does not"):
        opening.detector(path, **open_file)
    torch.save({"backbone.body.conv1.weight": torch.zeros(64, 3, 7, 7)}, path)
    with pytest.raises(UserError, match="no detector's of jwyang's.*backbone.body.conv1"):
        opening.detector(path, **open_file)


def test_weights_that_are_no_numbers_are_told(tmp_path, caplog):
    broken = jax.tree.map(np.copy, detectors.variables())
    broken["params"]["class_scores"]["bias"][0] = np.nan
    path = tmp_path / "broken.pth"
    torch_detectors.save(torch_detectors.Detector(detectors.net(), broken), path)
    opening.detector(path, chunk=2, likely=likely())
    assert f"{path}: NaN or infinite weights in 1 arrays, as RCNN_cls_score.bias" in caplog.text


def test_classes_of_films(tmp_path):
    genome = vocabulary.ACTION_GENOME
    assert opening.words(None, None, genome.objects) == genome
    with pytest.raises(UserError, match="Give --classes RUN"):
        opening.words(None, None, ("__background__", "person", "cup"))
    told = {"objects": ["person", "cup"], "groups": [{"name": "touch", "predicates": ["holds"]}]}
    (tmp_path / "classes.json").write_text(json.dumps(told))
    assert opening.words(tmp_path / "classes.json", None, ()).predicates == ("holds",)
    with pytest.raises(UserError, match="classes.json"):
        opening.words(tmp_path / "classes.json", genome, ())


def test_scenes_of_other_classes_or_of_a_detector_that_finds_others_are_refused(
    file, detector_run, tmp_path, capsys
):
    films, out, other = tmp_path / "films", tmp_path / "out", tmp_path / "other"
    films.mkdir()
    (films / "empty.mp4").touch()
    shutil.copytree(detector_run, other)
    config = json.loads((other / "config.json").read_text())
    config["net"]["proposals"] = 7
    (other / "config.json").write_text(json.dumps(config))
    groups = [{"name": "touch", "predicates": ["holds"]}]
    told = {"objects": vocabulary.ACTION_GENOME.objects[1:], "groups": groups}
    (tmp_path / "classes.json").write_text(json.dumps(told))
    words = ["detect", str(films), "--out", str(out), "--mode", "sgdet", "--detector"]
    assert cli.main([*words, str(detector_run)]) == 2
    (out / "a.scene.npz").touch()
    assert cli.main([*words, str(detector_run), "--chunk", "2"]) == 2
    capsys.readouterr()
    assert cli.main([*words, str(other)]) == 1
    told_of = capsys.readouterr().err
    assert '"proposals": 7' in told_of and "--detector: " not in told_of
    assert cli.main([*words, str(detector_run), "--classes", str(tmp_path / "classes.json")]) == 1
    assert "--classes: was" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--box-classes", "."], "--box-classes goes with --boxes"),
        (["--val-share", "1"], "--val-share 1: expected 0 up to 1"),
    ],
)
def test_words_that_make_no_sense(words, told, capsys):
    common = ["detect", ".", "--detector", ".", "--out", "x", "--mode", "sgdet"]
    try:
        assert cli.main([*common, *words]) == 1
    except SystemExit as stopped:
        assert stopped.code == 2
    assert told in capsys.readouterr().err


def killed_at_random_moments(words, out):
    """Runs a command five times, each time killed when it has made one scene more, or a bit later.

    Returns how many of them were killed before they were done.
    """
    moments, kills = random.Random(16), 0
    for number in range(5):
        process = subprocess.Popen(
            [sys.executable, "-m", "jaxsign", *words],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        while process.poll() is None and len([*out.glob("*.npz")]) < number:
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.3))
        process.kill()
        kills += process.wait() == -signal.SIGKILL
    return kills


@pytest.mark.shared
def test_from_frames_to_relations(detector_run, tmp_path, capsys):
    source = SHARED / "golden" / "vidsgg" / "mini_action_genome"
    scenes, run = tmp_path / "scenes", tmp_path / "run"
    words = ["detect", source, "--detector", detector_run, "--mode", "sgdet"]
    words = [*map(str, words), "--small-objects", "keep", "--val-share", "0.4", "--chunk", "5"]
    assert cli.main([*words, "--out", str(scenes)]) == 0
    told = capsys.readouterr().out
    assert "5 written, 0 failed; 21 frames" in told and "GB will be written" in told
    again = tmp_path / "again"
    assert killed_at_random_moments([*words, "--out", str(again)], again) >= 3
    assert cli.main([*words, "--out", str(again)]) == 0
    wholes, resumed = (
        {path.name: path.read_bytes() for path in place.glob("[!.]*")} for place in (scenes, again)
    )
    assert len(wholes) == 7 and resumed == wholes
    capsys.readouterr()
    found = [scene.load(path) for path in sorted(scenes.glob("*.npz"))]
    assert [one.truth is None for one in found].count(True) == 2  # to train
    common = [f"--config.data.train.path={scenes}", "--config.net.mode=sgdet"]
    train = ["train", "--config", "sttran:scenes", "--workdir", str(run), *common, *TINY]
    assert cli.main([*train, "--config.train.epochs=1", "--config.input.batch_size=2"]) == 0
    config = json.loads((run / "config.json").read_text())
    assert config["task"]["detector"] == found[0].detector
    judge = ["evaluate", "--workdir", str(run), "--split", "test", "--mode", "sgdet"]
    assert cli.main(judge) == 0
    assert "R@20" in capsys.readouterr().out
    for path, one in zip(sorted(scenes.glob("*.npz")), found, strict=True):
        scene.dataclasses.replace(one, detector="another").save(path)
    single = str(scenes / "A1128.mp4.scene.npz")
    for verb in (["evaluate", "--split", "test"], ["predict", single]):
        assert cli.main([verb[0], "--workdir", str(run), *verb[1:]]) == 1
        assert "features of the detector another" in capsys.readouterr().err
