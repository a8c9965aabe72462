"""What SignON reports of an epoch, from the answers that were recorded."""

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxsign.tasks.classes import macro
from parity.targets import FileCheck


def epoch(path: Path) -> FileCheck:
    """`metrics.json`: of three batches accuracy and macro F1; of the epoch both, and their mean."""
    told = json.loads(path.read_text(encoding="utf-8"))
    totals: dict = {}
    batches = []
    for batch in told["batches"]:
        answers, truth = jnp.array(batch["preds"]), jnp.array(batch["targets"])
        real = jnp.ones(len(truth), jnp.float32)
        made = macro.sums(answers, truth, real, None, told["num_classes"], 2)
        sums = {name: np.asarray(value) for name, value in made.items()}
        totals = {name: value + totals.get(name, 0) for name, value in sums.items()}
        batches.append(macro.means(sums, 2))
    whole = macro.means(totals, 2)
    expected = {
        "accuracy": [batch["accuracy"] for batch in told["batches"]],
        "f1_macro": [batch["f1_macro"] for batch in told["batches"]],
        "epoch_accuracy": told["epoch_accuracy_batch_weighted"],
        "epoch_f1_upstream_mean_of_batches": told["epoch_f1_upstream_mean_of_batches"],
        "epoch_f1_true": told["epoch_f1_true"],
    }
    produced = {
        "accuracy": [batch["acc_0"] for batch in batches],
        "f1_macro": [batch["f1"] for batch in batches],
        "epoch_accuracy": whole["acc_0"],
        "epoch_f1_upstream_mean_of_batches": whole["f1_batchmean"],
        "epoch_f1_true": whole["f1"],
    }
    return FileCheck(expected, produced, {"default": [1e-6, 0]})
