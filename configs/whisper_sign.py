"""WhisperSign: hands in, a sequence of glosses out; three stages, CTC and an attention decoder.

    jaxsign train --config whisper_sign --workdir runs/vsl --config.data.train.path=data/processed

data/processed is what `jaxsign prepare` makes ({train,val,test}/{features,labels}, label_map.json).
One stage alone: --config.stages=stage2 --config.train.init_from=RUN of the stage before. Weights of
Whisper: --config.train.pretrained=FILE (openai .pt, Hugging Face .safetensors or .bin).

Variants: '' - the published sizes; padding has no influence, the best checkpoint is that of the
lowest word error rate. 'small' - fewer than 500 samples. 'low-memory' - 8 GB. 'slow-start' - when
the first stage does not converge. 'parity' - the original's behaviour, for its weights.
'synthetic' - sentences of built-in signs by signers who are not seen in training. 'boston104' -
201 American sentences, two hands and the nose (data.train.path=FILE.npz).
"""

from typing import Any

from ml_collections import ConfigDict

from jaxsign.config import base

VARIANTS = ("", "small", "low-memory", "slow-start", "parity", "synthetic", "boston104")


def get_config(arg: str = "") -> ConfigDict:
    """arg: one of `VARIANTS`."""
    if arg not in VARIANTS:
        raise ValueError(f"whisper_sign has no variant {arg!r}; known: {', '.join(VARIANTS[1:])}")
    config = _guide()
    change = {
        "small": _small,
        "low-memory": _low_memory,
        "slow-start": _slow_start,
        "parity": _parity,
        "synthetic": _synthetic,
        "boston104": _boston104,
    }
    if arg:
        change[arg](config)
    return config


def _guide() -> ConfigDict:
    config = base()
    config.system = "whispersign"
    config.task.update(name="ctc_attention", heads=("gloss",), monitor="wer")
    config.data.source = "whispersign"
    config.view = ConfigDict(
        {
            "name": "whisper_sign",
            "rate": 60.0,  # frames a second; 0 = as recorded
            "missing": "present",  # what an absent hand does to its neighbourhood
            "normalise": True,
            "relative_velocity": False,
            "smooth": 0,  # frames of a moving average
            "hands": "body",  # local = also each hand around its wrist, in its own size
            "feature_scaling": "",  # standard | minmax, fitted to the training clips
            "feature_shift": (),  # what was fitted
            "feature_scale": (),
        }
    )
    config.net = ConfigDict(
        {
            "name": "whisper_sign",
            "num_gloss": 0,  # 0 = as many as the data have; the vocabulary has the blank besides
            "num_joints": 42,
            "num_features": 7,
            "patch_size": 4,  # frames that become one
            "dim": 512,
            "num_heads": 8,
            "num_layers": 6,
            "ff_dim": 2048,
            "dropout": 0.1,
            "frontend_dropout": 0.1,
            "spatial_dropout": 0.15,
            "padding": "masked",  # masked | upstream
            "max_target": 200,
            "max_relative": 2000,
            "auxiliary_ctc": False,
        }
    )
    config.input.update(
        batch_size=16, buckets=(60, 90, 120, 180, 240, 300, 450, 600, 900, 1200), max_length=1500
    )
    config.input.augment.joints.update(
        joint_mask=0.15, time_mask=0.1, time_mask_frames=10, jitter=2, noise_std=0.005
    )
    config.optim.update(name="adamw", lr=5e-5, weight_decay=1e-4, grad_clip=1.0)
    config.schedule.update(
        name="warmup_cosine_updates", unit="step", warmup_updates=500, min_lr=1e-7
    )
    config.loss.update(alpha=0.3, weights=(1.0,))
    config.log.every_steps = 1
    config.stages = "stage1,stage2,stage3"
    config.stage = ConfigDict({"stage1": _stage1(), "stage2": _stage2(), "stage3": _stage3()})
    return config


def _stage1() -> dict[str, Any]:
    """The frontend and the CTC head learn under a fixed encoder."""
    return {
        "train": {"frozen": ("^encoder/", "^attention_decoder/"), "epochs": 30},
        "optim": {"lr": 1e-3, "weight_decay": 1e-4},
        "input": {"batch_size": 32},
        "loss": {"alpha": 1.0},
    }


def _stage2() -> dict[str, Any]:
    return {
        "start": "best",
        "train": {"frozen": (), "epochs": 100},
        "optim": {"lr": 5e-5, "weight_decay": 1e-4},
        "loss": {"alpha": 0.3},
        "input": {"batch_size": 16},
    }


def _stage3() -> dict[str, Any]:
    """Fine-tuning on windows of the clips, with more of the gestures masked."""
    return {
        "start": "best",
        "train": {"epochs": 30},
        "optim": {"lr": 1e-5, "weight_decay": 1e-5},
        "loss": {"alpha": 0.3},
        "input": {
            "batch_size": 16,
            "windows": {"enabled": True, "seconds": 3.0, "overlap": 0.5},
            "augment": {"joints": {"time_mask": 0.3}},
        },
    }


def _small(config: ConfigDict) -> None:
    config.net.update(dim=256, num_heads=4, num_layers=4, ff_dim=1024)
    config.net.update(dropout=0.2, frontend_dropout=0.2, spatial_dropout=0.2)


def _low_memory(config: ConfigDict) -> None:
    config.stage.stage2.input.batch_size = 8
    config.input.max_length = 750


def _slow_start(config: ConfigDict) -> None:
    config.stage.stage1.optim.lr = 5e-3
    config.stage.stage1.train.epochs = 50


def _parity(config: ConfigDict) -> None:
    config.net.padding = "upstream"
    config.view.missing = "upstream"
    # Losses of stages are of different things; word error rates are not.
    config.task.monitor = "loss"
    for name in ("stage2", "stage3"):
        config.stage[name].reset_best = True
    # The original's decoder was never trained.
    config.decode.mode = "beam"


def _synthetic(config: ConfigDict) -> None:
    config.data.source = "synthetic"
    config.data.synthetic.update(
        signs=20, categories=2, signers=12, val_signers=2, clips_per_signer=4, continuous=True
    )
    config.view.rate = 0.0  # 30 frames a second as they are
    config.view.smooth = 5
    config.net.update(dim=128, num_heads=4, num_layers=2, ff_dim=512, patch_size=2)
    config.input.update(buckets=(120, 180, 240), max_length=300)
    config.input.augment.joints.update(joint_mask=0.02, time_mask=0.05, time_scale=(0.8, 1.25))
    config.schedule.warmup_updates = 50
    for name, epochs, lr in (("stage1", 3, 1e-3), ("stage2", 40, 5e-4), ("stage3", 4, 1e-4)):
        config.stage[name].train.epochs = epochs
        config.stage[name].optim.lr = lr
        config.stage[name].input.batch_size = 16


def _boston104(config: ConfigDict) -> None:
    config.data.source = "sentences"
    config.view = ConfigDict({"name": "few_points"})
    config.net.update(num_joints=3, num_features=4, patch_size=2)
    config.net.update(dim=128, num_heads=4, num_layers=2, ff_dim=512)
    config.net.update(dropout=0.2, frontend_dropout=0.2, spatial_dropout=0.2)
    config.input.update(buckets=(90, 130), max_length=170)
    config.input.augment.joints.update(joint_mask=0.02, time_mask=0.1, time_scale=(0.8, 1.25))
    config.schedule.warmup_updates = 50
    for name, epochs, lr in (("stage1", 30, 1e-3), ("stage2", 100, 5e-4), ("stage3", 30, 1e-4)):
        config.stage[name].train.epochs = epochs
        config.stage[name].optim.lr = lr
        config.stage[name].input.batch_size = 16
