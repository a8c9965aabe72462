"""Every key that recipes share, with its default; a file in `configs/` starts from it."""

from typing import Any

from ml_collections import ConfigDict


def base() -> ConfigDict:
    """The shared keys and their defaults."""
    return ConfigDict(
        {
            "system": "",
            "seed": 42,
            # Reproducible outputs to the byte: wall-clock and memory columns are written as 0.
            "deterministic": False,
            "precision": "auto",  # auto | float32 | bfloat16 | float16; auto: float32 on a CPU
            "parallel": "pmap",  # on several devices: pmap | jit (sharded over a mesh)
            "devices": 0,  # 0 = all local devices
            "net": {"name": ""},
            "task": {"name": "classify", "heads": ("gloss", "cat"), "monitor": "gloss"},
            "data": _data(),
            "view": {"name": "fslr156", "confidence": 0.5, "max_gap": 5, "normalise": "none"},
            "input": _input(),
            "optim": {
                "name": "adam",  # adam (decay as L2) | adamw | radam | sgd
                "lr": 1e-4,
                "weight_decay": 0.0,
                "grad_clip": 0.0,  # global norm; 0 = off
                "accumulation": 1,  # micro-batches a step
                "b1": 0.9,
                "b2": 0.999,
                "eps": 1e-8,
                "momentum": 0.9,  # sgd
            },
            "schedule": _schedule(),
            "loss": _loss(),
            "train": {
                "epochs": 20,  # in all, also after a resume
                "early_stop": 0,  # epochs without a better stop_monitor; 0 = never
                "stop_monitor": "",  # one of the task's numbers; empty = task.monitor
                "min_delta": 0.0,  # it is better by more than this
                "min_epochs": 0,  # early stopping waits for so many
                "trainable": (".*",),  # regular expressions over parameter paths a/b/c
                "frozen": (),  # taken away from `trainable`
                "ema_decay": 0.0,  # 0 = no moving average
                "init_from": "",  # run folder whose best weights to start from
                # Weights of another model that the net knows how to start from: a local file.
                "pretrained": "",
                # Parts that file does not hold add nothing at first.
                "pretrained_zero_branches": True,
                # For nets with a backbone that start from images: a torchvision file, or "random".
                "backbone_weights": "",
            },
            "stages": "",  # names in config.stage, in order, comma-separated; empty = one stage
            "stage": {},
            "decode": _decode(),
            "checkpoint": {"every_steps": 0},  # besides every epoch's end
            "log": {"every_steps": 20, "tensorboard": True, "progress": True},
            "smoke": {"batch_size": 4, "frames": 30},
        }
    )


def _data() -> dict[str, Any]:
    place = {"path": "", "labels": ""}
    return {
        "source": "npz",  # a kind of input/signs/sources.py
        "train": dict(place),
        "val": dict(place),
        "test": dict(place),
        "key": "X",  # array of the npz files
        "label_map": "",  # csv gloss_id,label,cat_id,category
        "missing": "error",  # a row without its file: error | skip
        "max_clips": 0,  # of every split, drawn with seed 42; 0 = all
        "synthetic": {
            "signs": 10,
            "categories": 3,
            "signers": 6,
            "val_signers": 2,
            "clips_per_signer": 8,
            "frames": (20, 60),
            "noise": 0.004,
            "dropout": 0.05,
            "continuous": False,
            "glosses": (2, 5),
            "seed": 0,
        },
    }


def _input() -> dict[str, Any]:
    return {
        "batch_size": 32,  # a micro-batch, over all devices; 0 = found by trial steps
        "buckets": (64, 128, 192, 256, 300),  # lengths that clips are padded to; () = one length
        "max_length": 0,  # frames kept of a clip; 0 = what the net takes
        "workers": 0,  # processes; 0 = threads only
        "threads": 2,
        "prefetch": 2,
        "cache_mb": 1024,
        "augment": {
            "noise_std": 0.0,
            "noise_prob": 0.3,
            "mask_prob": 0.0,
            "mask_ratio": 0.1,
            "shift": 0.0,
            "scale": 0.0,
            "rotate": 0.0,
            "speed": 0.0,
            "point_dropout": 0.0,
            "flip": 0.0,
            "landmarks": _augment_landmarks(),  # of views that are points [T, P, 2]
            "joints": _augment_joints(),  # of views that are joints [T, J, F] with velocities
        },
        # Clips longer than a window are cut into windows, shorter ones add a piece of themselves.
        "windows": {"enabled": False, "seconds": 3.0, "overlap": 0.5},
    }


def _augment_landmarks() -> dict[str, Any]:
    return {
        "resample": 0.0,  # probability of another speed
        "resample_scale": (0.8, 1.2),
        "affine": 0.0,  # probability of scale, shift, rotate and shear together
        "scale": 0.02,
        "shift": 0.01,
        "rotate": 0.0,  # degrees
        "shear": 0.0,
        "mask": 0.0,  # probability of missing frames
        "mask_ratio": (0.05, 0.05),
        "mask_value": "zero",  # zero | nan
        "distort": 0.0,  # probability of a random walk
        "distort_step": 0.1,
        "cutout": 0.0,  # probability of a square without points
        "cutout_size": (0.2, 0.4),
        "flip": 0.0,  # probability of the mirror image
    }


def _augment_joints() -> dict[str, Any]:
    return {
        "joint_mask": 0.0,  # probability of every joint to be absent
        "time_mask": 0.0,  # probability of a spell without any joint
        "time_mask_frames": 10,  # its most frames
        "jitter": 0,  # most frames that a clip is delayed or advanced
        "noise_std": 0.0,
        "time_scale": (1.0, 1.0),  # range of the factor that a clip gets longer
    }


def _decode() -> dict[str, Any]:
    return {
        "mode": "two_pass",  # greedy | beam | two_pass
        "beam": 10,
        "n_best": 8,
        "ctc_weight": -1.0,  # share of CTC in the second pass; negative = loss.alpha
        "length_bonus": 0.0,
    }


def _schedule() -> dict[str, Any]:
    return {
        # constant | cosine | warmup_cosine | warmup_cosine_updates | restarts | step | plateau
        "name": "constant",
        "unit": "epoch",  # what the position counts: epoch | step
        "warmup": 5,  # warmup_cosine, restarts: epochs (whatever the unit)
        "warmup_updates": 500,  # warmup_cosine_updates
        "min_lr": 1e-7,  # warmup_cosine_updates: never below
        "start_factor": 0.1,  # first rate of the warm-up, as a share of lr
        "final_factor": 0.0,  # last rate, as a share of lr
        "cycle": 10,  # restarts: epochs of the first cycle
        "cycle_factor": 2,  # restarts: each cycle is this much longer
        "step_size": 10,  # step: epochs between reductions
        "factor": 0.5,  # step, plateau
        "patience": 5,  # plateau
        "monitor": "",  # plateau: one of the task's numbers; empty = task.monitor
        "legacy_start": False,  # warmup_cosine with warmup 0: never above start_factor * lr
    }


def _loss() -> dict[str, Any]:
    return {
        "name": "ce",  # ce | focal | label_smoothing
        "focal_gamma": 2.0,
        "focal_alpha": 1.0,
        "label_smoothing": 0.1,
        "alpha": 0.3,  # share of CTC beside the attention decoder's loss; 1 = CTC alone
        "auxiliary": 0.0,  # weight of a second CTC loss before the encoder (net.auxiliary_ctc)
        "weights": (0.5, 0.5),  # one a head (alpha, beta)
        "weighting": "static",  # static | grid-search | uncertainty
        "grid": "0.5,0.5;0.7,0.3;0.3,0.7;0.8,0.2;0.2,0.8",
        "uncertainty_init": 1.0,
        "curriculum": "",  # gloss-first | category-first | dynamic
        "curriculum_epochs": 10,
        "curriculum_warmup": 5,
        "curriculum_min_weight": 0.1,
        "curriculum_schedule": "linear",  # linear | cosine | exponential
    }
