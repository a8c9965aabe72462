"""What lies beside the ASL hybrid's cases: schedules, dropout ramps, and the checkpoint."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import config as configs
from jaxsign.nets import asl_hybrid, state_dict, torch_files
from jaxsign.nets.layers import dropout, regularisers
from jaxsign.train import schedule
from parity import weights
from parity.targets import FileCheck

_FLOAT64 = {"default": [1e-9, 1e-12]}
# Rates are float32 numbers on the device.
_FLOAT32 = {"default": [1e-6, 1e-7]}


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def adaptive_dropout(path: Path) -> FileCheck:
    """`schedule_adaptive_dropout.json`: rates by counter and by training epoch."""
    recorded = _read(path)
    net = asl_hybrid.ASLHybrid()
    ramps = {
        "seed_default": regularisers.AdaptiveDropout(),
        "stem_dropout": regularisers.AdaptiveDropout(*net.stem_dropout),
        "adaptive_dropout": regularisers.AdaptiveDropout(*net.top_dropout),
    }
    expected: dict[str, Any] = {}
    produced: dict[str, Any] = {}
    for name, options in recorded["configs"].items():
        layer, counters = ramps[name], recorded["by_counter"][name]
        expected[f"{name}/numbers"] = list(options.values())
        produced[f"{name}/numbers"] = [layer.initial, layer.final, layer.warmup]
        expected[f"{name}/by counter"] = list(counters.values())
        produced[f"{name}/by counter"] = [layer.rate(jnp.float32(int(n) - 1)) for n in counters]
        epochs = recorded["by_training_epoch"][name]
        expected[f"{name}/by epoch"] = list(epochs.values())
        produced[f"{name}/by epoch"] = [layer.rate(jnp.float32(int(n))) for n in epochs]
    return FileCheck(expected, produced, _FLOAT32)


def late_dropout(path: Path) -> FileCheck:
    """`schedule_late_dropout.json`: rates by optimizer step."""
    recorded = _read(path)
    expected: dict[str, Any] = {"p": recorded["p"]}
    produced: dict[str, Any] = {"p": regularisers.LateDropout().p}
    for name, rows in recorded["by_step"].items():
        start = int(name.partition("=")[2])
        expected[name] = list(rows.values())
        produced[name] = [
            regularisers.late_rate(jnp.int32(int(step)), recorded["p"], start) for step in rows
        ]
    return FileCheck(expected, produced, _FLOAT32)


def drop_path(path: Path) -> FileCheck:
    """`schedule_drop_path.json`: the formula with given draws, and the share that is kept."""
    recorded = _read(path)
    example, p = recorded["example"], recorded["p"]
    y = regularisers.drop_path(
        jnp.asarray(example["x"], jnp.float32), jnp.asarray(example["kept"]), p
    )
    kept = dropout.keep_mask(jax.random.key(0), (200_000,), p)
    expected = {"y": example["y"], "kept": recorded["measured_keep_rate_200000"]}
    produced = {"y": np.asarray(y), "kept": float(kept.mean())}
    # Two samples of the same size: three standard deviations of their difference.
    return FileCheck(expected, produced, {**_FLOAT32, "kept": [0, 0.0038]})


def learning_rates(path: Path) -> FileCheck:
    """`schedule_lr_warm_restarts.json`: the guide's curve and the program's, with a warm-up."""
    recorded = _read(path)
    options, settings = configs.base().schedule, recorded["settings"]
    base = settings["base_lr"]
    options.update(
        name="restarts",
        warmup=0,
        cycle=settings["T_0"],
        cycle_factor=settings["T_mult"],
        final_factor=settings["eta_min"] / base,
    )
    expected: dict[str, Any] = {}
    produced: dict[str, Any] = {}
    plain = schedule.build(options, base, 400)
    points = recorded["restarts"]
    expected["restarts"] = list(points.values())
    produced["restarts"] = [plain.rate(int(epoch)) for epoch in points]
    rows = recorded["restarts_first_300"]
    expected["first 300"], produced["first 300"] = rows, [plain.rate(e) for e in range(len(rows))]
    # Ten epochs of the original's warm-up: the tenth is the curve's first.
    options.update(warmup=9, start_factor=0.1)
    warm, rows = schedule.build(options, base, 400), recorded["with_warmup_first_300"]
    expected["with warm-up"] = rows
    produced["with warm-up"] = [warm.rate(epoch) for epoch in range(len(rows))]
    return FileCheck(expected, produced, _FLOAT64)


def checkpoint(path: Path) -> FileCheck:
    """`checkpoint_*.pth`: read, imported and exported; the bits must come back."""
    stored = torch_files.read(path)
    bare = state_dict.unwrap(stored, where=path.name)
    assert asl_hybrid.NET.matches(bare)
    fields = asl_hybrid.NET.fields_from_state_dict(bare)
    sizes = stored["manifest"]["model_parameters"]
    net = asl_hybrid.ASLHybrid(**fields)
    table = net.key_table()
    variables = state_dict.to_variables(table, bare, where=path.name)
    exported = state_dict.to_state_dict(table, variables)
    weights.check_round_trip(bare, exported, where=path.name)
    expected = {
        "keys": list(bare),
        "dim": sizes["hidden_dim"],
        "num_gloss": sizes["num_classes"],
        "parameters": sizes["total_params"],
    }
    leaves = jax.tree.leaves(variables["params"])
    produced = {
        "keys": list(exported),
        **{name: fields[name] for name in ("dim", "num_gloss")},
        "parameters": sum(leaf.size for leaf in leaves),
    }
    return FileCheck(expected, produced)
