"""Faster R-CNN: boxes in images with their classes, as video scene graphs need them.

    jaxsign train --config faster_rcnn --workdir runs/detector \\
        --config.data.train.path=DIR --config.train.pretrained=FILE

DIR holds images with boxes, FILE a detector of jwyang's faster-rcnn.pytorch or a ResNet's weights
(docs/detector.md). SGD with momentum, the rate a tenth after half of the epochs; batch norms and
the first layers stand still, as in jwyang's.

Variants: '' and 'coco' - ResNet-101, 12 anchors a cell, classes of the data. 'action-genome' -
Action Genome's 36 classes, the net of faster_rcnn_ag.pth; DIR is Action Genome's folder. 'boxes' -
a ResNet-18 without weights of others, whose batch norms train, for small sets of one's own:

    jaxsign train --config faster_rcnn:boxes --workdir runs/cells --config.data.train.path=DIR

'synthetic' - the same on made-up videos, drawn small:

    jaxsign train --config faster_rcnn:synthetic --workdir runs/made-up
"""

from ml_collections import ConfigDict

from jaxsign.config import base

_NET = {
    "name": "faster_rcnn",
    "backbone": "resnet101",
    "layout": "caffe",
    "num_classes": 0,  # as the data have
    "ratios": (0.5, 1.0, 2.0),
    "scales": (4.0, 8.0, 16.0, 32.0),
    "proposal_dim": 512,
    "compared": 6000,
    "proposals": 100,
    "train_compared": 12000,
    "train_proposals": 2000,
    "overlap": 0.7,
    "clip": "each",
    "chunk": 10,
    "short_side": 600,
}
_VARIANTS = ("coco", "action-genome", "boxes", "synthetic")


def get_config(arg: str = "") -> ConfigDict:
    """arg: "" or one of `_VARIANTS`."""
    if arg not in ("", *_VARIANTS):
        raise ValueError(f"faster_rcnn has no variant {arg!r}; known: {', '.join(_VARIANTS)}")
    config = base()
    config.system = "vidsgg"
    config.task.update(name="detections", heads=(), monitor="ap50")
    config.data.source = "boxes"
    config.view = ConfigDict({"name": ""})
    config.net = ConfigDict(dict(_NET))
    config.input.update(batch_size=4, buckets=())
    config.optim.update(name="sgd", lr=4e-3, momentum=0.9, weight_decay=1e-4)
    config.schedule.update(name="step", step_size=0.5, factor=0.1)
    config.train.update(epochs=10, frozen=("/norm/", "^base/(stem|layer1_)"))
    if arg == "action-genome":
        config.data.source = "action_genome"
        config.net.num_classes = 37
    if arg in ("boxes", "synthetic"):
        _from_scratch(config)
    if arg == "synthetic":
        _synthetic(config)
    return config


def _from_scratch(config: ConfigDict) -> None:
    """A small net that starts from nothing."""
    config.net.update(
        backbone="resnet18",
        layout="torchvision",
        scales=(1.0, 2.0, 4.0, 8.0),
        proposal_dim=128,
        compared=1000,
        proposals=100,
        train_compared=1000,
        train_proposals=128,
        short_side=192,
    )
    config.detect.update(anchors=128, proposals=16, overlap=0.5)
    config.input.batch_size = 4
    config.optim.update(name="adamw", lr=1e-3, weight_decay=0.01, grad_clip=10.0)
    config.schedule.update(name="warmup_cosine", warmup=1, start_factor=0.1, final_factor=0.01)
    config.train.update(epochs=24, frozen=(), pretrained="random", ema_decay=0.98)


def _synthetic(config: ConfigDict) -> None:
    """Made-up videos."""
    config.data.source = "synthetic_scenes"
    # Videos cost nothing: many, seen few times, teach more than few seen often.
    config.data.synthetic_scenes.update(videos=160, val_videos=16)
    config.net.update(scales=(1.0, 2.0, 4.0), short_side=160)
    config.schedule.update(name="warmup_cosine_updates", unit="step", warmup_updates=100)
    config.train.epochs = 4
