"""Checkpoint, manifests and picture as google_asl_recognition writes them."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxsign import run_files
from jaxsign.infer import run as runs
from jaxsign.infer.torch import originals
from jaxsign.infer.torch.originals import _asl_hybrid_manifest as manifests
from jaxsign.train import records
from jaxsign.whole import whole, write_json

ARCHITECTURE = "Simplified_TCN_LSTM_Transformer"
_BASELINE = 65.0  # percent; what the original counts its improvement from


class AslHybridForm(originals.Form):
    """Its dictionary, its manifests and its picture."""

    variant = "parity"

    def checkpoint(self, run: runs.Run, tensors: Mapping[str, Any]) -> dict[str, Any]:
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
            "manifest": _kept(run) or first_manifest(run, "asl_model"),
        }

    def beside(self, run: runs.Run, path: Path) -> list[Path]:
        """Writes both manifests and training_history.png beside the checkpoint `path`."""
        rows = _rows(run)
        if not rows:
            # Imported: the manifest that came with the weights, or none.
            contents = {"manifest": kept} if (kept := _kept(run)) else {}
        else:
            contents = {
                "manifest": first_manifest(run, path.stem),
                "final_manifest": _final_manifest(run, path.stem),
            }
        written = []
        for ending, content in contents.items():
            target = path.with_name(f"{path.stem}_{ending}.json")
            write_json(target, content)
            written.append(target)
        if rows:
            written.append(path.with_name("training_history.png"))
            _draw(_history(rows), written[-1])
        return written


FORM = AslHybridForm()


def _trained(key: str) -> bool:
    return not key.endswith(("running_mean", "running_var", "num_batches_tracked"))


def first_manifest(run: runs.Run, name: str) -> dict[str, Any]:
    """What the original rewrites at every new best epoch."""
    return {**manifests.common(run, name), "training_results": _results(run, _rows(run))}


def _final_manifest(run: runs.Run, name: str) -> dict[str, Any]:
    rows = _rows(run)
    history = _history(rows)
    final = _final(run, rows, history)
    return {**manifests.common(run, name), "training_history": history, "final_results": final}


def _kept(run: runs.Run) -> dict[str, Any]:
    """The manifest that imported weights came with."""
    imported = run.manifest.imported
    return (imported and imported.manifest) or {}


def _rows(run: runs.Run) -> list[dict[str, float]]:
    """The run's epochs, accuracies in percent; none for an imported run."""
    path = run.workdir / run_files.METRICS
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
    return float(text) if text else 0.0


def _best(run: runs.Run, rows: list[dict[str, float]]) -> dict[str, Any]:
    """The row of the best epoch; of an imported run what its checkpoint told, else None."""
    epoch = int(run.info.get("epoch") or 0)
    for row in rows:
        if row["epoch"] == epoch:
            return row
    metric = run.info.get("metric")
    percent = 100 * metric if isinstance(metric, int | float) and math.isfinite(metric) else None
    imported = run.manifest.imported
    trained = None if imported is None else imported.train_acc
    return {"epoch": max(epoch, 1), "val_gloss_acc": percent, "train_gloss_acc": trained}


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


def _draw(history: Mapping[str, list[float]], path: Path) -> None:
    """Two panels, 15 x 5 inch at 300 dpi: losses and accuracies."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 5))
    axes = figure.subplots(1, 2)
    panels = (("Loss", "Loss", "losses"), ("Accuracy", "Accuracy (%)", "accuracies"))
    for axis, (name, unit, key) in zip(axes, panels, strict=True):
        axis.plot(history[f"train_{key}"], color="blue", label=f"Training {name}")
        axis.plot(history[f"val_{key}"], color="red", label=f"Validation {name}")
        axis.set_title(f"Training and Validation {name}")
        axis.set_xlabel("Epoch")
        axis.set_ylabel(unit)
        axis.legend()
        axis.grid(True)
    with whole(path) as draft:
        figure.savefig(draft, format="png", dpi=300, bbox_inches="tight")
