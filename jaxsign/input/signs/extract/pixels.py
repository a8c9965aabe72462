"""What is done to a frame before landmarks are looked for: its intensities, and its edges.

Both follow SignON's preparation of its corpora.
"""

import numpy as np

from jaxsign.input.signs.extract.settings import ExtractionSettings

Array = np.ndarray
_DARKEST, _BRIGHTEST = 2, 98  # percentiles that become black and white


def prepared(image: Array, settings: ExtractionSettings) -> Array:
    """uint8 [H, W, 3], contiguous, as the settings say; the same image where they say nothing."""
    if settings.equalize_histogram:
        image = equalized(image)
    return image if settings.sharpen is None else sharpened(image, settings.sharpen)


def equalized(image: Array) -> Array:
    """The frame's 2nd to 98th percentile of intensity over the whole range; one colour stays."""
    low, high = np.percentile(image, (_DARKEST, _BRIGHTEST))
    if low >= high:
        return image
    levels = np.clip((np.arange(256) - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    return levels[image]


def sharpened(image: Array, sigma: float) -> Array:
    """Twice the frame less its Gaussian blur; with sigma 0 by the four neighbours of each pixel."""
    from scipy import ndimage  # late: most extractions do without

    if sigma:
        # The reach of OpenCV's blur of bytes, which is rounded to bytes too.
        reach = (round(6 * sigma + 1) | 1) // 2
        spread = (sigma, sigma, 0)
        blurred = ndimage.gaussian_filter(
            image.astype(np.float32), spread, mode="mirror", radius=(reach, reach, 0)
        )
        made = 2 * image.astype(np.int16) - np.rint(blurred).astype(np.int16)
    else:
        kernel = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.int16)
        made = ndimage.correlate(image.astype(np.int16), kernel[..., None], mode="mirror")
    return np.clip(made, 0, 255).astype(np.uint8)
