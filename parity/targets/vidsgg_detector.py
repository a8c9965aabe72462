"""The detector through its golden case."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import nets
from jaxsign.input.scenes import pairs
from jaxsign.nets import faster_rcnn
from parity import cases, weights
from parity.settings import vidsgg_detector as settings

Arrays = dict[str, np.ndarray]


def forward(case: cases.Case) -> Arrays:
    """Images: maps, proposals, what is told of them, and what is told of true boxes."""
    net = faster_rcnn.FasterRCNN(**settings.detector(case))
    variables, produced = weights.load(case, net.key_table(), settings.is_norm)
    inputs = case.inputs
    images = jnp.asarray(np.moveaxis(inputs["image"], 1, -1))
    sizes = jnp.asarray(inputs["im_info"][:, :2])

    of = inputs["gt_boxes_scaled"][:, 0].astype(int)
    place = pairs.places(of)
    shape = len(images), int(place.max()) + 1
    true = jnp.asarray(pairs.padded(inputs["gt_boxes_scaled"][:, 1:], of, place, shape, 0))

    def run(variables: Any) -> Any:
        found, state = nets.call(
            net,
            variables,
            {"images": images, "image_sizes": sizes},
            mutable=["intermediates"],
        )
        known = net.apply(variables, found["maps"], true, sizes, method="look")
        return found, state["intermediates"], known

    found, inner, known = jax.tree.map(np.asarray, jax.jit(run)(variables))
    return produced | settings.told(
        {
            "maps": np.moveaxis(found["maps"], -1, 1),
            "rpn_scores": np.moveaxis(inner["rpn_scores"][0], -1, 1),
            "rpn_deltas": np.moveaxis(inner["rpn_deltas"][0], -1, 1),
            "boxes": found["boxes"],
            "scores": found["scores"],
            "class_deltas": inner["of_classes"][0],
            "features": found["features"],
            "known_features": known["features"][of, place],
            "known_logits": known["class_logits"][of, place],
        }
    )
