"""Images of coloured boxes on disk, and a small detector that learns them."""

import json

import numpy as np
import PIL.Image

from jaxsign import config as configs
from jaxsign.train import log, loop

COLOURS = {"disc": (230, 60, 40), "leaf": (40, 200, 70)}
SIDE = 64


def written(folder):
    """Eight images as COCO's json; of the last one nothing is told."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(8):
        picture = rng.integers(90, 120, (SIDE, SIDE, 3), dtype=np.uint8)
        for place in range(0 if number == 7 else 2 + number % 2):
            label = int(rng.integers(2))
            x, y = (4 + 30 * np.array([place % 2, place // 2]) + rng.integers(0, 8, 2)).tolist()
            width, height = rng.integers(14, 21, 2).tolist()
            picture[y : y + height, x : x + width] = [*COLOURS.values()][label]
            annotations.append({"id": len(annotations), "image_id": number, "category_id": label,
                                "bbox": [x, y, width, height]})  # fmt: skip
        PIL.Image.fromarray(picture).save(folder / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": SIDE, "height": SIDE})
    categories = [{"id": i, "name": name} for i, name in enumerate(COLOURS)]
    rows = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "boxes.json").write_text(json.dumps(rows))
    return folder


def recipe(place=""):
    """For the images of a folder."""
    config = configs.load("faster_rcnn:boxes")
    for split in ("train", "val"):
        config.data[split].path = str(place)
    config.net.update(
        short_side=SIDE, proposal_dim=8, scales=(1.0, 2.0), compared=64, proposals=12,
        train_compared=64, train_proposals=8,
    )  # fmt: skip
    config.detect.update(anchors=32, proposals=8, proposal_share=0.5)
    config.input.update(batch_size=4, threads=0)
    config.log.tensorboard = False
    return config


def train(place, run):
    """Three epochs of two steps, kept after each step, with a moving average."""
    config = recipe(place)
    config.deterministic = True
    config.checkpoint.every_steps = 1
    config.train.update(epochs=3, ema_decay=0.5)
    return loop.train(config, run, log.TrainingDisplay(live=False))


def learn_by_heart(place, run):
    """Many epochs; it is validated on the same images. Anchors are about as large as the boxes."""
    config = recipe(place)
    config.net.update(
        proposal_dim=32, ratios=(1.0,), scales=(1.0,), compared=16, proposals=16,
        train_compared=16, train_proposals=16,
    )  # fmt: skip
    config.detect.update(anchors=16, proposals=6, flip=0.0)
    config.train.update(epochs=60, ema_decay=0.0, eval_every=20)
    return loop.train(config, run, log.TrainingDisplay(live=False))
