"""The detector of scene graphs beside a torch reference without torchvision's operations.

python -m benchmarks.detector [--quick] [--json FILE]
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import command, timing
from benchmarks.report import Row
from jaxsign import nets
from jaxsign.nets import faster_rcnn, state_dict
from jaxsign.nets.layers import roi_align


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured: a net, rows and columns of its image, and classes."""

    backbone: str = "resnet101"
    image: tuple[int, int] = (600, 800)
    classes: int = 37
    rounds: int = 5


SIZES = {
    "full": Size(),
    "quick": Size(rounds=2),
    "check": Size("resnet50", (64, 96), classes=3, rounds=1),
}


def measure(size: str) -> list[Row]:
    """One image: its maps, RoIAlign of its proposals, their features, and all of it."""
    import torch  # late: other benchmarks do without

    from parity.reference import vidsgg_detector

    chosen = SIZES[size]
    net = faster_rcnn.FasterRCNN(backbone=chosen.backbone, num_classes=chosen.classes)
    weights = _weights(net)
    variables = jax.device_put(state_dict.to_variables(net.key_table(), weights))
    module = vidsgg_detector.FasterRCNN(chosen.backbone, chosen.classes)
    module.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in weights.items()})
    module.eval()
    image = np.random.default_rng(0).normal(0, 60, (1, *chosen.image, 3)).astype(np.float32)
    ours = _Ours(net, variables, image)
    given = torch.from_numpy(np.moveaxis(image, -1, 1).copy())
    height_width = torch.tensor([chosen.image])
    maps = torch.from_numpy(np.moveaxis(np.array(ours.maps), -1, 1).copy())
    boxes = np.array(ours.boxes)
    rois = torch.from_numpy(np.concatenate([np.zeros((*boxes.shape[:2], 1)), boxes], -1)[0]).float()

    def theirs(run: Callable[..., Any], *arrays: Any) -> timing.Run:
        def once() -> None:
            with torch.inference_mode():
                run(*arrays)

        return once

    pairs = {
        "maps of an image": (ours.base, theirs(module.RCNN_base, given)),
        "RoIAlign of 100 boxes": (ours.align, theirs(vidsgg_detector.roi_align, maps, rois)),
        "features of 100 boxes": (ours.look, theirs(module.look, maps, rois)),
        "an image": (ours.all, theirs(module, given, height_width)),
    }
    rows = []
    for name, (run, other) in pairs.items():
        times = timing.alternate({"jaxsign": run, "torch": other}, rounds=chosen.rounds)
        rows.append(Row(f"Detector: {name}", times, note=f"{chosen.backbone}, {chosen.image}"))
    return rows


def _weights(net: faster_rcnn.FasterRCNN) -> dict[str, np.ndarray]:
    """Numbers of a size that sums of many blocks keep, under torch's keys."""
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
    return {k: v if v.dtype == np.int64 else v.astype(np.float32) for k, v in found.items()}


class _Ours:
    """Compiled parts of the net, and what they give."""

    def __init__(self, net: faster_rcnn.FasterRCNN, variables: Any, image: np.ndarray):
        sizes = jnp.asarray(image.shape[1:3])[None]
        pixels = jnp.asarray(image)

        def compiled(method: Callable[..., Any], *arrays: Any) -> Callable[[], Any]:
            function = jax.jit(lambda v, *given: net.apply(v, *given, method=method))
            return lambda: jax.block_until_ready(function(variables, *arrays))

        self.base = compiled(lambda own, x: own.base(x)[0], pixels)
        whole = jax.jit(lambda v, x: nets.call(net, v, {"images": x}))
        self.all = lambda: jax.block_until_ready(whole(variables, pixels))
        found = self.all()
        self.maps, self.boxes = found["maps"], found["boxes"]
        align = jax.jit(roi_align.roi_align)
        self.align = lambda: jax.block_until_ready(align(self.maps, self.boxes))
        self.look = compiled(faster_rcnn.FasterRCNN.look, self.maps, self.boxes, sizes)


if __name__ == "__main__":
    command.main(measure)
