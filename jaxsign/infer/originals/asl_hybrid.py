"""Checkpoint, manifests and picture as google_asl_recognition writes them."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxsign.config import write_text
from jaxsign.infer import run as runs
from jaxsign.train import records

ARCHITECTURE = "Simplified_TCN_LSTM_Transformer"
_MOTION = (
    "velocity", "acceleration", "relative_motion", "temporal_consistency", "motion_magnitude",
    "motion_direction",
)  # fmt: skip
_BASELINE = 65.0  # percent; what the original counts its improvement from


def checkpoint(run: runs.Run, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The original's dictionary; its optimizer state has no moments."""
    rows = _rows(run)
    best = _best(run, rows)
    optim = run.config.optim
    group = {
        "lr": float(best.get("lr", optim.lr)),
        "betas": (optim.b1, optim.b2),
        "eps": optim.eps,
        "weight_decay": optim.weight_decay,
        "amsgrad": False,
        "maximize": False,
        "foreach": None,
        "capturable": False,
        "differentiable": False,
        "fused": None,
        "decoupled_weight_decay": True,
        "params": list(range(sum(_trained(key) for key in tensors))),
    }
    return {
        "epoch": int(best["epoch"]) - 1,
        "model_state_dict": dict(tensors),
        "optimizer_state_dict": {"state": {}, "param_groups": [group]},
        "val_acc": best["val_gloss_acc"],
        "train_acc": best["train_gloss_acc"],
        "architecture": ARCHITECTURE,
        "manifest": {**_common(run, "asl_model"), "training_results": _results(run, rows)},
    }


def _trained(key: str) -> bool:
    return not key.endswith(("running_mean", "running_var", "num_batches_tracked"))


def beside(run: runs.Run, path: Path) -> list[Path]:
    """Writes both manifests and training_history.png beside the checkpoint `path`."""
    rows = _rows(run)
    common = _common(run, path.stem)
    history = _history(rows)
    first = {**common, "training_results": _results(run, rows)}
    last = {**common, "training_history": history, "final_results": _final(run, rows, history)}
    written = []
    for ending, content in (("manifest", first), ("final_manifest", last)):
        target = path.with_name(f"{path.stem}_{ending}.json")
        write_text(target, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        written.append(target)
    if rows:
        written.append(path.with_name("training_history.png"))
        _draw(history, written[-1])
    return written


def _rows(run: runs.Run) -> list[dict[str, float]]:
    """The run's epochs, accuracies in percent; none for an imported run."""
    path = run.workdir / "metrics.csv"
    if not path.is_file():
        return []
    names = ("epoch", "train_loss", "val_loss", "val_gloss_acc", "train_gloss_acc", "lr",
             "epoch_time")  # fmt: skip
    rows = [{name: _number(row.get(name)) for name in names} for row in records.read_csv(path)]
    for row in rows:
        row["val_gloss_acc"] *= 100
        row["train_gloss_acc"] *= 100
    return rows


def _number(text: str | None) -> float:
    return float(text) if text else math.nan


def _best(run: runs.Run, rows: list[dict[str, float]]) -> dict[str, float]:
    epoch = int(run.info.get("epoch") or 0)
    for row in rows:
        if row["epoch"] == epoch:
            return row
    metric = run.info.get("metric")
    percent = 100 * metric if isinstance(metric, int | float) and math.isfinite(metric) else 0.0
    return {"epoch": max(epoch, 1), "val_gloss_acc": percent, "train_gloss_acc": 0.0}


def _results(run: runs.Run, rows: list[dict[str, float]]) -> dict[str, Any]:
    best = _best(run, rows)
    nothing: dict[str, Any] = {"train_loss": None, "val_loss": None, "epoch": best["epoch"]}
    last: Mapping[str, Any] = rows[-1] if rows else nothing
    return {
        "best_epoch": int(best["epoch"]) - 1,
        "best_val_accuracy": best["val_gloss_acc"],
        "best_train_accuracy": best["train_gloss_acc"],
        "current_train_loss": last["train_loss"],
        "current_val_loss": last["val_loss"],
        "training_progress": {
            "epochs_completed": int(last["epoch"]),
            "total_epochs": int(run.config.train.epochs),
            "patience_counter": 0,
        },
    }


def _history(rows: list[dict[str, float]]) -> dict[str, list[float]]:
    names = {
        "train_losses": "train_loss",
        "train_accuracies": "train_gloss_acc",
        "val_losses": "val_loss",
        "val_accuracies": "val_gloss_acc",
        "learning_rates": "lr",
    }
    return {name: [row[key] for row in rows] for name, key in names.items()}


def _final(
    run: runs.Run, rows: list[dict[str, float]], history: dict[str, list[float]]
) -> dict[str, Any]:
    best = _best(run, rows)["val_gloss_acc"]
    return {
        "training_time_hours": sum(row["epoch_time"] for row in rows) / 3600,
        "best_val_accuracy": best,
        "improvement_over_baseline": best - _BASELINE,
        "total_epochs_trained": len(rows),
        "early_stopping_triggered": 0 < len(rows) < run.config.train.epochs,
        "final_epoch": len(rows),
        "training_history": history,
    }


def _common(run: runs.Run, name: str) -> dict[str, Any]:
    """What both manifests say."""
    config, made = run.config, _manifest(run)
    count = int(made.get("parameters", 0))
    classes = int(config.net.num_gloss)
    return {
        "model_info": {
            "name": name,
            "timestamp": _stamp(made),
            "architecture": "Enhanced_TCN_LSTM_Transformer_v2",
            "version": "adaptive_regularization_v2",
            "description": f"Trained by jaxsign {made.get('jaxsign', '')}".strip(),
        },
        "model_parameters": {
            "total_params": count,
            "trainable_params": count,
            "input_dim": 12 * len(run.net.points),  # type: ignore[attr-defined]
            "hidden_dim": int(config.net.dim),
            "num_classes": classes,
            "max_sequence_length": config.net.max_len,
        },
        "training_config": _training(config),
        "architecture_details": _architecture(run.net),
        "augmentation": _augmentation(config.input.augment.landmarks),
        "early_stopping": {
            "patience": max(0, int(config.train.early_stop) - 1),
            "min_epochs": max(0, int(config.train.min_epochs) - 2),
        },
        "dataset_info": {
            "train_samples": made.get("train_examples"),
            "test_samples": made.get("val_examples"),
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


def _manifest(run: runs.Run) -> dict[str, Any]:
    path = run.workdir / "manifest.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _stamp(made: Mapping[str, Any]) -> str:
    """YYYYMMDD_HHMMSS."""
    text = str(made.get("started") or made.get("written") or made.get("created") or "")
    digits = "".join(letter for letter in text[:19] if letter.isdigit())
    return f"{digits[:8]}_{digits[8:14]}" if len(digits) >= 14 else ""


def _training(config: Any) -> dict[str, Any]:
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


def _architecture(net: Any) -> dict[str, Any]:
    from jaxsign.nets import asl_hybrid as source

    stem, top = net.stem_dropout, net.top_dropout
    blocks = {
        "count": 3,
        "kernel_size": source.TAPS,
        "dropout_rates": list(source.BLOCK_DROPOUT),
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
        "tcn_blocks": {**blocks, "dilations": list(source.DILATIONS)},
        "lstm": {
            "type": "BidirectionalLSTM",
            "layers": 2,
            "hidden_dim": "dim//2",
            "dropout": source.ATTENTION_DROPOUT,
        },
        "attention": {
            "type": "TemporalAttention",
            "heads": source.HEADS,
            "dropout": source.ATTENTION_DROPOUT,
        },
        "conv_blocks": blocks,
        "transformer": {
            "blocks": 1,
            "heads": source.HEADS,
            "expand": source.EXPAND,
            "dropout": source.ATTENTION_DROPOUT,
        },
        "pooling": {
            "types": ["global_avg", "global_max", "attention"],
            "attention_heads": source.POOL_HEADS,
            "dropout": source.POOL_DROPOUT,
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


def _augmentation(landmarks: Any) -> dict[str, Any]:
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


def _hardware(made: Mapping[str, Any]) -> dict[str, Any]:
    device = str(made.get("device", ""))
    gpu = "cuda" in device.lower() or "gpu" in device.lower()
    return {"device": "cuda:0" if gpu else "cpu", "gpu": device if gpu else "CPU", "full": device}


def _optimizations(config: Any) -> dict[str, Any]:
    return {
        "precision": config.precision,
        "compiled": "XLA",
        "length_buckets": list(config.input.buckets),
        "parallel": config.parallel,
        "gradient_clipping": config.optim.grad_clip,
    }


def _draw(history: Mapping[str, list[float]], path: Path) -> None:
    """Two panels, 15 x 5 inch at 300 dpi: losses and accuracies."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(15, 5))
    panels = (("Loss", "Loss", "losses"), ("Accuracy", "Accuracy (%)", "accuracies"))
    for axis, (name, unit, key) in zip(axes, panels, strict=True):
        axis.plot(history[f"train_{key}"], color="blue", label=f"Training {name}")
        axis.plot(history[f"val_{key}"], color="red", label=f"Validation {name}")
        axis.set_title(f"Training and Validation {name}")
        axis.set_xlabel("Epoch")
        axis.set_ylabel(unit)
        axis.legend()
        axis.grid(True)
    partial = path.with_name(f".{path.name}.partial.png")
    figure.savefig(partial, dpi=300, bbox_inches="tight")
    pyplot.close(figure)
    partial.replace(path)
