"""The detector's part of scene_devices.py.

Nothing is drawn, as the key of a draw hangs on the device: more anchors and proposals are asked for
than there are.
"""

import functools

import drawn_boxes
import four_devices
import jax
import numpy as np

from jaxsign import tasks
from jaxsign.nets import faster_rcnn

ROWS = 4


def recipe():
    config = drawn_boxes.recipe()
    config.detect.update(anchors=10_000, anchor_share=1.0, proposals=10_000, proposal_share=1.0)
    config.net.num_classes, config.task.objects = 3, ("__background__", *drawn_boxes.COLOURS)
    # Adam would make whole steps of the rounding in the gradient of a bias before BatchNorm.
    config.optim.update(name="sgd", weight_decay=0.0)
    config.train.ema_decay = 0.5
    return config


def made(rng):
    """Images of two sizes in a batch; the last row only fills it."""
    side = drawn_boxes.SIDE
    sizes = np.array([(side, side), (side - 16, side), (side, side - 16), (16, 16)], np.int32)
    low = rng.integers(0, 16, (ROWS, 3, 2))
    boxes = np.concatenate([low, low + rng.integers(12, 30, low.shape)], axis=-1)
    return {
        "images": rng.normal(0, 60, (ROWS, side, side, 3)).astype(np.float32),
        "image_sizes": sizes,
        "scales": np.ones(ROWS, np.float32),
        "true_boxes": boxes.astype(np.float32),
        "true_labels": rng.integers(1, 3, (ROWS, 3)).astype(np.int32),
        "valid_true": np.arange(3) < np.array([[3], [1], [0], [0]]),  # also one without boxes
        "ignored": np.zeros((ROWS, 3), bool),
        "weight": (np.arange(ROWS) < ROWS - 1).astype(np.float32),
        "index": np.zeros(ROWS, np.int32),
    }


def found():
    """What differs on all devices, as `four_devices.compared` has it."""
    rng, config = np.random.default_rng(0), recipe()

    def net_of(axis):
        return faster_rcnn.FasterRCNN(
            **{name: value for name, value in config.net.items() if name != "name"}, axis_name=axis
        )

    asked = made(rng)
    batches = [{name: array[None] for name, array in made(rng).items()} for _ in range(2)]
    task = tasks.build(config, net_of(None))
    variables = jax.jit(functools.partial(task.init, jax.random.key(0)))(asked)
    return four_devices.compared(("pmap",), config, net_of, variables, batches, asked)
