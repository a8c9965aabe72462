"""What google_asl_recognition's manifests say of a model: sizes, recipe, data, machine."""

from typing import Any

from ml_collections import ConfigDict

from jaxsign.infer import run as runs
from jaxsign.infer.torch import originals
from jaxsign.nets import asl_hybrid
from jaxsign.tasks.manifests import Manifest

_MOTION = (
    "velocity", "acceleration", "relative_motion", "temporal_consistency", "motion_magnitude",
    "motion_direction",
)  # fmt: skip


def common(run: runs.Run, name: str) -> dict[str, Any]:
    """What both manifests say."""
    config, made = run.config, run.manifest
    net = originals.net_of(run, asl_hybrid.ASLHybrid)
    count = made.parameters or 0
    classes = int(config.net.num_gloss)
    return {
        "model_info": {
            "name": name,
            "timestamp": _stamp(made),
            "architecture": "Enhanced_TCN_LSTM_Transformer_v2",
            "version": "adaptive_regularization_v2",
            "description": f"Trained by jaxsign {made.jaxsign}".strip(),
        },
        "model_parameters": {
            "total_params": count,
            "trainable_params": count,
            "input_dim": 12 * len(net.landmarks),
            "hidden_dim": int(config.net.dim),
            "num_classes": classes,
            "max_sequence_length": config.net.max_len,
        },
        "training_config": _training(config),
        "architecture_details": _architecture(net),
        "augmentation": _augmentation(config.input.augment.landmarks),
        "early_stopping": {
            "patience": max(0, int(config.train.early_stop) - 1),
            "min_epochs": max(0, int(config.train.min_epochs) - 2),
        },
        "dataset_info": {
            "train_samples": made.train_examples,
            "test_samples": made.val_examples,
            "num_classes": classes,
            "classes": list(range(classes)),
            "class_names": list(run.labels["gloss"] or ()),
        },
        "hardware": _hardware(made),
        "optimizations": _optimizations(config),
        "key_improvements_v2": [
            f"mask_padding={config.net.mask_padding}",
            f"missing={config.net.missing}",
            f"bn_momentum={config.net.bn_momentum}",
            f"drop_path={config.net.get('drop_path', 0.0)}",
        ],
        "expected_improvements": {
            "val_accuracy_target": "76%",
            "train_val_gap_target": "as small as regularisation makes it",
            "stability": "running statistics move slowly" if config.net.bn_momentum < 0.5 else "",
            "early_stopping": f"after {config.train.early_stop} epochs without a new best",
        },
    }


def _stamp(made: Manifest) -> str:
    """YYYYMMDD_HHMMSS."""
    text = made.started or made.written
    digits = "".join(letter for letter in text[:19] if letter.isdigit())
    return f"{digits[:8]}_{digits[8:14]}" if len(digits) >= 14 else ""


def _training(config: ConfigDict) -> dict[str, Any]:
    schedule = config.schedule
    restarts = schedule.name == "restarts"
    return {
        "epochs": int(config.train.epochs),
        "batch_size": int(config.input.batch_size),
        "learning_rate": config.optim.lr,
        "optimizer": {"adamw": "AdamW", "adam": "Adam"}.get(config.optim.name, config.optim.name),
        "weight_decay": config.optim.weight_decay,
        "loss_function": "CrossEntropyLoss",
        "label_smoothing": (
            config.loss.label_smoothing if config.loss.name == "label_smoothing" else 0.0
        ),
        "scheduler": "CosineAnnealingWarmRestarts" if restarts else schedule.name,
        # The original counts the epoch at which the cosine begins as its last of the warm-up.
        "warmup_epochs": int(schedule.warmup) + 1 if restarts and schedule.warmup else 0,
        "scheduler_params": {
            "T_0": int(schedule.cycle),
            "T_mult": int(schedule.cycle_factor),
            "eta_min": f"lr*{schedule.final_factor:g}",
        },
        "gradient_accumulation_steps": int(config.optim.accumulation),
        "precision": config.precision,
    }


def _architecture(net: asl_hybrid.ASLHybrid) -> dict[str, Any]:
    stem, top = net.stem_dropout, net.top_dropout
    blocks = {
        "count": 3,
        "kernel_size": asl_hybrid.TAPS,
        "dropout_rates": list(asl_hybrid.BLOCK_DROPOUT),
    }
    return {
        "preprocessing": {
            "type": "PreprocessingLayer",
            "max_len": net.max_len,
            "motion_features": list(_MOTION),
        },
        "stem": {
            "type": "Linear + BatchNorm + AdaptiveDropout",
            "dropout_range": list(stem[:2]),
            "warmup_epochs": stem[2],
        },
        "tcn_blocks": {**blocks, "dilations": list(asl_hybrid.DILATIONS)},
        "lstm": {
            "type": "BidirectionalLSTM",
            "layers": 2,
            "hidden_dim": "dim//2",
            "dropout": asl_hybrid.ATTENTION_DROPOUT,
        },
        "attention": {
            "type": "TemporalAttention",
            "heads": asl_hybrid.HEADS,
            "dropout": asl_hybrid.ATTENTION_DROPOUT,
        },
        "conv_blocks": blocks,
        "transformer": {
            "blocks": 1,
            "heads": asl_hybrid.HEADS,
            "expand": asl_hybrid.EXPAND,
            "dropout": asl_hybrid.ATTENTION_DROPOUT,
        },
        "pooling": {
            "types": ["global_avg", "global_max", "attention"],
            "attention_heads": asl_hybrid.POOL_HEADS,
            "dropout": asl_hybrid.POOL_DROPOUT,
        },
        "classifier": {
            "type": "Sequential",
            "layers": ["Linear", "BatchNorm1d", "SiLU", "Dropout", "Linear"],
        },
        "adaptive_dropout": {
            "type": "AdaptiveDropout",
            "initial_p": top[0],
            "final_p": top[1],
            "warmup_epochs": top[2],
        },
    }


def _augmentation(landmarks: ConfigDict) -> dict[str, Any]:
    # The original lists the outer probability of each; an inner one of a half comes on top.
    return {
        "temporal_resample": {
            "probability": min(1.0, 2 * landmarks.resample),
            "scale_range": list(landmarks.resample_scale),
        },
        "random_masking": {
            "probability": min(1.0, 2 * landmarks.mask),
            "ratio": landmarks.mask_ratio[1],
        },
        "random_affine": {
            "probability": min(1.0, 2 * landmarks.affine),
            "max_scale": landmarks.scale,
            "max_shift": landmarks.shift,
            "max_rotate": landmarks.rotate,
        },
        "temporal_distortion": {
            "probability": min(1.0, 2 * landmarks.distort),
            "max_shift": landmarks.distort_step,
        },
    }


def _hardware(made: Manifest) -> dict[str, Any]:
    device = made.device
    gpu = "cuda" in device.lower() or "gpu" in device.lower()
    return {"device": "cuda:0" if gpu else "cpu", "gpu": device if gpu else "CPU", "full": device}


def _optimizations(config: ConfigDict) -> dict[str, Any]:
    return {
        "precision": config.precision,
        "compiled": "XLA",
        "length_buckets": list(config.input.buckets),
        "parallel": config.parallel,
        "gradient_clipping": config.optim.grad_clip,
    }
