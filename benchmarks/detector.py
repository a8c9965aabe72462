"""The detector of scene graphs beside a torch reference without torchvision's operations.

python -m benchmarks.detector [--quick] [--json FILE]
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

from benchmarks import command, detector_sides, detector_users, timing
from benchmarks.rows import Row
from jaxsign import nets
from jaxsign.nets import faster_rcnn
from jaxsign.nets.layers import roi_align
from parity.reference import vidsgg_detector


def measure(size: str) -> list[Row]:
    """One image: its maps, RoIAlign of its proposals, their features, and all of it."""
    chosen = detector_sides.SIZES[size]
    both = detector_sides.Both.of(chosen)
    module = both.module
    image = np.random.default_rng(0).normal(0, 60, (1, *chosen.image, 3)).astype(np.float32)
    ours = _Ours(both.net, both.variables, image)
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


class _Ours:
    """Compiled parts of the net, and what they give."""

    def __init__(self, net: faster_rcnn.FasterRCNN, variables: nets.Variables, image: np.ndarray):
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


MEASURES = (
    command.Measure("detector", measure),
    command.Measure("detector_users", detector_users.measure),
)

if __name__ == "__main__":
    command.main(*MEASURES)
