"""Scores of found boxes: tables, and the picture of the worst images."""

import json

import numpy as np
import PIL.Image
import pytest

from jaxsign import config as configs
from jaxsign.input.boxes import examples
from jaxsign.tasks import answering
from jaxsign.tasks.detections import answers, scoring

pytest.importorskip("pycocotools")
KEPT = answers.Kept(0.05, 0.5, 100)


@pytest.fixture(scope="module")
def frames():
    config = configs.load("faster_rcnn:synthetic")
    config.data.synthetic_scenes.update(val_videos=1, frames=(3, 3), objects=4)
    found = examples.open_examples(config, "val")
    rows = [*map(found.example, range(3)), None]
    batch = found.stack(rows, tuple(found.sizes.max(0)))
    batch["index"] = np.array([0, 1, 2, -1])
    return config, found, batch


def told(found, batch):
    """A net's outputs: each true box, sure of its class."""
    count, classes = batch["true_labels"].shape[1], len(found.source.names)
    boxes = np.repeat(batch["true_boxes"][:, :, None], classes, axis=2)
    scores = 0.9 * np.eye(classes, dtype=np.float32)[batch["true_labels"]]
    assert boxes.shape == (4, count, classes, 4)
    return {"class_boxes": boxes, "scores": scores, "valid_boxes": batch["valid_true"]}


def score(config, found, batch, rows, folder):
    run = answering.Trained(folder, "best", config, {}, None, {}, {})
    made = scoring.DetectionScore(run, found.source.names, KEPT, found)
    made.add(batch, rows)
    return made, made.write(folder, {"which": "it"})


def test_what_is_there_is_all_right_whatever_the_image_was_scaled_by(frames, tmp_path, capsys):
    config, found, batch = frames
    made, numbers = score(config, found, batch, told(found, batch), tmp_path)
    assert [numbers[key] for key in ("which", "AP50", "AP75", "AP")] == ["it", 1, 1, 1]
    assert json.loads((tmp_path / "results.json").read_text()) == numbers
    rows = (tmp_path / "per_class.csv").read_text().splitlines()
    assert rows[0] == "class,true,AP50,AP75,AP" and rows[1] == "person,3,1.0,1.0,1.0"
    assert not (tmp_path / "worst.png").exists()  # nothing is wrong
    made.show()
    assert "3 images" in capsys.readouterr().out


def test_wrong_and_missed_boxes_cost_and_are_shown(frames, tmp_path):
    config, found, batch = frames
    rows = told(found, batch)
    rows["class_boxes"] = rows["class_boxes"].copy()
    rows["class_boxes"][0, 0] += 40  # the first image's person is somewhere else
    rows["valid_boxes"] = rows["valid_boxes"].copy()
    rows["valid_boxes"][1] = False  # nothing in the second one
    made, numbers = score(config, found, batch, rows, tmp_path)
    assert 0.2 < numbers["AP50"] < 0.8
    assert [one.mistakes for one in made._judged] == [2, batch["valid_true"][1].sum(), 0]
    with PIL.Image.open(tmp_path / "worst.png") as sheet:
        assert sheet.size == (2 * 480, 20 + 360)
        colours = {colour for _, colour in sheet.getcolors(1 << 20)}
    assert {(60, 200, 90), (235, 60, 60), (250, 210, 60)} <= colours


def test_where_nothing_is_sure_enough_nothing_is_found(frames, tmp_path):
    config, found, batch = frames
    rows = told(found, batch)
    _, numbers = score(config, found, batch, rows | {"scores": 0 * rows["scores"]}, tmp_path)
    assert numbers["AP50"] == numbers["AP"] == 0
