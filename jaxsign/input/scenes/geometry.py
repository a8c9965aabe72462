"""Features of boxes and pairs from places and sizes alone, for scenes that bring none.

No class stands in them: a net knows the classes by their words, or has to tell them.
"""

import dataclasses

import numpy as np

from jaxsign.input.scenes import pairs
from jaxsign.input.scenes.scene import Scene

Array = np.ndarray
BOX_WIDTH, PAIR_WIDTH = 5, 7
_FARTHEST = 10.0  # sides of the subject


def completed(scene: Scene) -> Scene:
    """The scene with `of_boxes` as features, and `of_pairs` at every place around a pair."""
    union = np.repeat(of_pairs(scene), 49, axis=0).reshape(-1, 7, 7, PAIR_WIDTH)
    return dataclasses.replace(scene, features=of_boxes(scene), union_features=union)


def of_boxes(scene: Scene) -> Array:
    """float32 [N, 5]: centre (-1 to 1 within the image), twice the share of its sides, score."""
    sizes = scene.image_sizes[scene.box_frames]
    low, high = scene.boxes[:, :2], scene.boxes[:, 2:]
    parts = (low + high) / sizes - 1, 2 * (high - low) / sizes, scene.scores[:, None]
    return np.concatenate(parts, axis=1).astype(np.float32)


def of_pairs(scene: Scene) -> Array:
    """float32 [P, 7]: where the object of each pair is, as its subject sees it.

    The way between their centres (x, y) and its length in sides of the subject (the root of its
    area; 10 at most), logarithms of the object's width and height over the subject's, the overlap
    (intersection over union), and the share of the object that lies in the subject.
    """
    boxes = scene.boxes[scene.pairs].astype(np.float64)
    sides = boxes[..., 2:] - boxes[..., :2] + 1
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2
    way = (centres[:, 1] - centres[:, 0]) / np.sqrt(sides[:, 0].prod(-1))[:, None]
    both = np.minimum(boxes[:, 0, 2:], boxes[:, 1, 2:]) - boxes[:, :, :2].max(axis=1) + 1
    inside = np.maximum(both, 0).prod(-1) / sides[:, 1].prod(-1)
    columns = (
        way.clip(-_FARTHEST, _FARTHEST),
        np.linalg.norm(way, axis=1)[:, None].clip(max=_FARTHEST),
        np.log(sides[:, 1] / sides[:, 0]),
        pairs.iou(boxes[:, 0], boxes[:, 1])[:, None],
        inside[:, None],
    )
    return np.concatenate(columns, axis=1).astype(np.float32)
