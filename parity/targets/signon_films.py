"""What SignON does to films before a net: resized and cut, then in the numbers of ImageNet."""

import numpy as np

from jaxsign.input.signs import frames
from jaxsign.input.signs.views import frames as view
from parity import cases

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def evaluation(case: cases.Case) -> dict[str, np.ndarray]:
    """The first frame, resized; and as the net sees it, every fourth row and column of it."""
    pictures = np.moveaxis(case.inputs["frames_uint8"], 1, -1)
    whole = frames.resize_shorter(pictures, 256)
    assert list(np.moveaxis(whole, -1, 1).shape) == case.call["resized_shape"]
    seen = view.FramesView()(pictures)[:1, ::4, ::4] / 255
    normalised = np.moveaxis((seen - MEAN) / STD, -1, 1)
    return {
        "output/resized_uint8": np.moveaxis(whole[:1], -1, 1),
        "output/normalized": normalised,
        # Of a film that is made larger antialiasing changes nothing.
        "output/normalized_antialias": normalised,
    }
