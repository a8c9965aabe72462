"""A small detector with made-up weights, and frames for it."""

import functools

import fresh
import jax.numpy as jnp
import numpy as np

from jaxsign.infer.torch import detectors as torch_detectors
from jaxsign.nets import faster_rcnn
from jaxsign.tasks.detections import looking

SIDE = 64
SMALL = {
    "backbone": "resnet18",
    "proposal_dim": 8,
    "proposals": 12,
    "short_side": SIDE,
}


@functools.cache
def variables(classes=37):
    made = net(classes)
    found = fresh.variables(made, jnp.zeros((1, 64, 64, 3)))
    for part in ("base", "top"):  # sums of many blocks stay as small as what they are made of
        for name, block in found["params"][part].items():
            if name != "stem":
                block[sorted(n for n in block if n != "shortcut")[-1]]["norm"]["scale"] *= 0.2
    found["params"]["rpn"]["deltas"]["kernel"] *= 0.1
    found["params"]["class_scores"]["kernel"] *= 6  # so that some boxes are likely
    return found


def net(classes=37):
    return faster_rcnn.FasterRCNN(**SMALL, num_classes=classes)


def detector(objects, chunk=3, **options):
    count = len(objects)
    return looking.FrameDetector(net(count), variables(count), objects, chunk=chunk, **options)


@functools.cache
def file(folder):
    """A file of the detector with Action Genome's classes."""
    path = folder / "faster_rcnn_ag.pth"
    torch_detectors.save(torch_detectors.Detector(net(), variables()), path)
    return path


def frame(number=0, size=(48, 64)):
    """uint8 [H, W, 3]: noise, a bright box in it."""
    rng = np.random.default_rng(number)
    image = rng.integers(0, 90, (*size, 3), dtype=np.uint8)
    image[8:28, 10 + number : 40 + number] += 120
    return image
