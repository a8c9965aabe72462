"""PoseFormer and PTN of SignON: 75 points of body and hands in, one isolated sign out.

    jaxsign train --config signon --workdir runs/ngt --config.data.train.path=DIR \
        --config.data.aspect=0.8182

DIR holds samples.csv and mediapipe/*.npy; `aspect` is height / width of its films. Several
languages: --config.data.parts=DIR1,DIR2 with an aspect each. The original reports 47.26 %
validation accuracy on the 458 signs of NGT.

Variants: '' - PoseFormer, 4 layers of 192. 'ptn' - PTN, 4 layers of 128.
"""

from ml_collections import ConfigDict

from jaxsign.config import base

VARIANTS = ("", "ptn")
# Every augmentation of the original's newer generation, each for a fifth of the clips.
_SHARE = 0.2


def get_config(arg: str = "") -> ConfigDict:
    """arg: one of `VARIANTS`."""
    if arg not in VARIANTS:
        raise ValueError(f"signon has no variant {arg!r}; known: {', '.join(VARIANTS[1:])}")
    config = base()
    config.system = "signon"
    config.task.heads = ("gloss",)
    config.data.source = "signon"
    config.view = ConfigDict({"name": "signon", "output": "points"})
    config.net = ConfigDict(_PTN if arg == "ptn" else _POSEFORMER)
    config.input.batch_size = 32
    config.input.buckets = (16, 32, 48, 64, 96, 128, 192, 256)
    config.input.augment.signon.update(
        shift_frames=_SHARE,
        flip=_SHARE,
        rotate_hands=_SHARE,
        jitter=_SHARE,
        crop=_SHARE,
        drop_frames=_SHARE,
    )
    config.optim.update(name="adam", lr=3e-4, weight_decay=0.0)
    config.loss.update(name="label_smoothing", label_smoothing=0.2, weights=(1.0,))
    config.schedule.update(name="plateau", warmup=0, factor=0.1, patience=5)
    config.train.update(epochs=1000, early_stop=20, stop_monitor="loss")
    return config


_COMMON = {
    "num_gloss": 0,  # 0 = as many as the data have
    "n_heads": 8,
    "n_layers": 4,
    "dropout": 0.2,
    "languages": 0,
    "missing": "zero",
    "padding": "valid",
}
_POSEFORMER = {"name": "poseformer", **_COMMON, "emb_dim": 192, "label_norm": False}
_PTN = {
    "name": "ptn",
    **_COMMON,
    "emb_dim": 128,
    "generation": "B",
    "embedding": "dense",
    "residual": False,
}
