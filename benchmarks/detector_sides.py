"""A detector of random weights, in jaxsign and as a torch reference; sizes that are measured."""

import dataclasses

import jax
import numpy as np
import torch

from jaxsign import nets
from jaxsign.nets import faster_rcnn, state_dict
from parity.reference import vidsgg_detector


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured: a net, rows and columns of its image, classes, and a video's frames."""

    backbone: str = "resnet101"
    image: tuple[int, int] = (600, 800)
    classes: int = 37
    frames: int = 16
    rounds: int = 5


SIZES = {
    "full": Size(),
    "quick": Size("resnet50", (300, 400), frames=4, rounds=2),
    "check": Size("resnet50", (64, 96), classes=3, frames=2, rounds=1),
}


@dataclasses.dataclass(frozen=True)
class Both:
    """One detector twice: jaxsign's net with its variables, and torch's module."""

    net: faster_rcnn.FasterRCNN
    variables: nets.Variables
    module: vidsgg_detector.FasterRCNN

    @classmethod
    def of(cls, size: Size) -> "Both":
        """Of the size's backbone and classes."""
        net = faster_rcnn.FasterRCNN(
            backbone=size.backbone, num_classes=size.classes, short_side=min(size.image)
        )
        weights = _weights(net)
        variables = jax.device_put(state_dict.to_variables(net.key_table(), weights))
        module = vidsgg_detector.FasterRCNN(size.backbone, size.classes)
        module.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in weights.items()})
        return cls(net, variables, module.eval())


def _weights(net: faster_rcnn.FasterRCNN) -> dict[str, np.ndarray]:
    """Numbers of a size that sums of many blocks keep, under torch's keys; boxes are found."""
    rng = np.random.default_rng(0)
    found: dict[str, np.ndarray] = {}
    for row in net.key_table():
        shape, leaf = row.shape or (), row.key.rpartition(".")[2]
        if row.kind == "count":
            found[row.key] = np.zeros(shape, np.int64)
        elif len(shape) > 1:
            found[row.key] = rng.normal(0, np.prod(shape[1:]) ** -0.5, shape)
        else:
            one = leaf in ("weight", "running_var")
            found[row.key] = np.full(shape, 0.3 if ".bn3." in row.key and leaf == "weight" else one)
    found["RCNN_cls_score.bias"][1] = 4
    return {k: v if v.dtype == np.int64 else v.astype(np.float32) for k, v in found.items()}
