"""The detector's losses: an image has one, whatever stands around it. What it does not answer."""

import fresh
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.nets import faster_rcnn
from jaxsign.tasks import answering
from jaxsign.tasks.detections import answers, targets, task

# Far fewer than there are, so that it would show if they were drawn.
FEW = targets.Sampling(8, 0.5, 0.5, 0.5)


def made():
    net = faster_rcnn.FasterRCNN(
        backbone="resnet18", layout="torchvision", num_classes=3, proposals=20, scales=(1.0, 2.0),
        proposal_dim=8,
    )  # fmt: skip
    kept = answers.Kept(0.05, 0.5, 10)
    return task.Detections(net, ("__background__", "a", "b"), FEW, FEW, 3.0, 1.0, kept)


def padded(images, boxes, labels, shape, rows):
    """A batch whose other rows do not count: the first image is in the last row."""
    batch = {
        "images": np.zeros((rows, *shape, 3), np.float32),
        "image_sizes": np.full((rows, 2), 16, np.int32),
        "true_boxes": np.zeros((rows, 4, 4), np.float32),
        "true_labels": np.zeros((rows, 4), np.int32),
        "valid_true": np.zeros((rows, 4), bool),
        "ignored": np.zeros((rows, 4), bool),
        "weight": (np.arange(rows) == rows - 1).astype(np.float32),
    }
    for row, image in zip(range(rows - 1, -1, -1), images, strict=False):
        height, width = image.shape[:2]
        batch["images"][row, :height, :width] = image
        batch["image_sizes"][row] = height, width
        batch["true_boxes"][row, : len(boxes)] = boxes
        batch["true_labels"][row, : len(labels)] = labels
        batch["valid_true"][row, : len(boxes)] = True
    return batch


def test_an_image_has_one_validation_loss_in_every_row_and_shape():
    rng = np.random.default_rng(0)
    images = [rng.normal(0, 60, (*size, 3)).astype(np.float32) for size in ((64, 48), (70, 90))]
    known = np.array([[4, 3, 20, 30], [16, 20, 45, 60]], np.float32), np.array([1, 2])
    detections = made()
    weights = fresh.variables(detections.net, jnp.zeros((1, 64, 64, 3)))
    evaluate = jax.jit(lambda weights, batch: detections.evaluate(weights, batch, {}).sums)
    alone = evaluate(weights, padded(images[:1], *known, (64, 48), 1))
    beside = evaluate(weights, padded(images, *known, (80, 96), 2))
    assert float(alone["loss"]) > 0 and float(alone["loss/box"]) > 0
    for name in ("examples", "loss", *task._PARTS):
        np.testing.assert_allclose(beside[name], alone[name], rtol=1e-3, err_msg=name)


def test_predict_is_refused_and_says_which_verb_keeps_boxes(tmp_path):
    detections = made()
    run = answering.Trained(tmp_path, "best", ConfigDict(), {}, None, {}, {})
    for asks in (
        lambda: detections.questions(run, tmp_path, {}),
        lambda: detections.answerer(run, {}),
    ):
        with pytest.raises(UserError, match="jaxsign detect PICTURES --detector"):
            asks()
