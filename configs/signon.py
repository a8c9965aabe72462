"""PoseFormer, PTN and VTN of SignON: points of body and hands or films in, one isolated sign out.

    jaxsign train --config signon --workdir runs/ngt --config.data.train.path=DIR \
        --config.data.aspect=0.8182

DIR holds samples.csv and mediapipe/*.npy; `aspect` is height / width of its films. Several
languages: --config.data.parts=DIR1,DIR2 with an aspect each. The original reports 47.26 %
validation accuracy on the 458 signs of NGT.

Variants: '' - PoseFormer, 4 layers of 192. 'ptn' - PTN, 4 layers of 128. 'ptn-a' - the older PTN on
MediaPipe_Raw files, without label smoothing. 'vtn' - VTN on films; it needs
--config.train.backbone_weights=FILE (torchvision's resnet34), or random. 'lse' - PoseFormer of 2
layers, which the original has for the 33 signs of LSE. 'parity' - PoseFormer as the original has
it: it finds padding itself, and distances of 0 are not looked after. 'synthetic' - a small
PoseFormer on twenty built-in signs of signers who are not seen in training. 'traduttore',
'signwish' - recipes of our own for two open sets of ASL, 33 words and letters and 11 words; with
PTN in place of PoseFormer 'traduttore-ptn', 'signwish-ptn':

    jaxsign train --config signon:traduttore --workdir runs/traduttore \
        --config.data.train.path=DIR --config.data.val.path=DIR --config.data.test.path=DIR

DIR holds sequences.npz with the set's own split. Traduttore: 0.986 test accuracy (three seeds) in
about two and a half minutes on two cores; docs/transfer.md has the others.

'transfer' - PoseFormer from another run: --config.train.init_from=RUN. Its body stands still until
the loss of validation has not fallen for 5 epochs, then all thaws (docs/transfer.md, too).
"""

from ml_collections import ConfigDict

from jaxsign.config import base

VARIANTS = (
    "", "ptn", "ptn-a", "vtn", "lse", "parity", "synthetic",
    "traduttore", "traduttore-ptn", "signwish", "signwish-ptn", "transfer",
)  # fmt: skip
# Every augmentation of the original's newer generation, each for a fifth of the clips.
_SHARE = 0.2
_AUGMENTATIONS = ("shift_frames", "flip", "rotate_hands", "jitter", "crop", "drop_frames")


def get_config(arg: str = "") -> ConfigDict:
    """arg: one of `VARIANTS`."""
    if arg not in VARIANTS:
        raise ValueError(f"signon has no variant {arg!r}; known: {', '.join(VARIANTS[1:])}")
    config = base()
    config.system = "signon"
    config.task.heads = ("gloss",)
    config.data.source = "signon"
    config.view = ConfigDict(
        {
            "name": "signon",
            "output": "points",
            "aspect": 0.0,  # height / width of the films, where nothing else tells it
        }
    )
    config.net = ConfigDict(_PTN if "ptn" in arg.split("-") else _POSEFORMER)
    config.input.batch_size = 32
    config.input.buckets = (16, 32, 48, 64, 96, 128, 192, 256)
    if arg not in ("ptn-a", "vtn"):
        config.input.augment.signon.update(dict.fromkeys(_AUGMENTATIONS, _SHARE))
    config.optim.update(name="adam", lr=3e-4, weight_decay=0.0)
    config.loss.update(name="label_smoothing", label_smoothing=0.2, weights=(1.0,))
    config.schedule.update(name="plateau", warmup=0, factor=0.1, patience=5)
    config.train.update(epochs=1000, early_stop=20, stop_monitor="loss")
    change = _CHANGES.get(arg.removesuffix("-ptn"))
    if change:
        change(config)
    return config


def _older(config: ConfigDict) -> None:
    config.data.kind = "Mediapipe_Raw"
    config.view = ConfigDict({"name": "signon", "generation": "A", "aspect": 0.0})
    config.net.update(generation="A")
    config.loss.update(name="ce", label_smoothing=0.0)


def _films(config: ConfigDict) -> None:
    config.data.kind = "RGB_Full"
    config.view = ConfigDict({"name": "frames"})
    sizes = {name: _COMMON[name] for name in ("num_gloss", "n_heads", "n_layers", "languages")}
    config.net = ConfigDict(
        {"name": "vtn", **sizes, "dropout": 0.1, "emb_dim": 512, "backbone_name": "resnet34"}
    )
    config.input.augment.frames.update(crop=1.0, flip=0.5)
    config.input.update(buckets=(16,), batch_size=8)


def _original(config: ConfigDict) -> None:
    config.net.update(missing="upstream", padding="upstream")


def _synthetic(config: ConfigDict) -> None:
    config.data.source = "synthetic"
    config.data.synthetic.update(signs=20, categories=4, signers=10, clips_per_signer=3)
    config.net.update(emb_dim=64, n_layers=2)
    config.input.buckets = (32, 64)
    config.optim.lr = 1e-3
    config.loss.label_smoothing = 0.1
    config.schedule.update(name="warmup_cosine", warmup=2, final_factor=0.01)
    config.train.update(epochs=25, early_stop=0)


def _lse(config: ConfigDict) -> None:
    config.net.n_layers = 2


def _traduttore(config: ConfigDict) -> None:
    _webcam(config, frames=20, aspect=0.5625)


def _signwish(config: ConfigDict) -> None:
    _webcam(config, frames=24, aspect=0.75)


def _webcam(config: ConfigDict, frames: int, aspect: float) -> None:
    """Short clips that are no files of SignON's; `aspect` is what their hands' bones tell."""
    config.data.source = "landmarks75"
    config.view.films = (aspect,)
    config.input.update(buckets=(frames,), max_length=frames)
    # A letter's mirror image is none, and neither set has left-handed signers.
    config.input.augment.signon.flip = 0.0
    config.optim.update(name="adamw", lr=1e-3, weight_decay=0.05, grad_clip=1.0)
    config.loss.label_smoothing = 0.1
    config.schedule.update(name="warmup_cosine", warmup=2, final_factor=0.01)
    config.train.update(epochs=12, early_stop=0)


def _from_a_run(config: ConfigDict) -> None:
    config.train.keep_head = False
    config.stages = "frozen,thawed"
    body = "frame_embed, input_convs, filters, blocks"
    config.stage = ConfigDict(
        {
            "frozen": {
                "train": {"freeze_parts": body},
                "until": {"monitor": "loss", "patience": 5},
                "optim": {"lr": 3e-3},
                "schedule": {"name": "constant"},
            },
            "thawed": {"train": {"freeze_parts": ""}, "keep_optimizer": True},
        }
    )


_CHANGES = {
    "ptn-a": _older,
    "vtn": _films,
    "lse": _lse,
    "parity": _original,
    "synthetic": _synthetic,
    "traduttore": _traduttore,
    "signwish": _signwish,
    "transfer": _from_a_run,
}
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
