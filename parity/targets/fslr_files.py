"""What lies beside the FSLR cases: key maps, checkpoints, schedules, weightings, result files."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxsign import config as configs
from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.infer.torch import exporting, importing
from jaxsign.input import labels
from jaxsign.nets import sign_transformer, state_dict, torch_files
from jaxsign.tasks.classes import answers, metrics, weighting
from jaxsign.tasks.classes import loss as losses
from jaxsign.train import optimizer, schedule
from parity import cases, weights
from parity.targets import FileCheck, fslr_train

# The originals computed these in float64 with other sums; what is left is rounding.
_FLOAT64 = {"default": [1e-9, 1e-12]}


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def flatten(value: Any, name: str = "") -> dict[str, Any]:
    """Nested dicts and lists -> leaves by path; lists of numbers or of texts stay whole."""
    if isinstance(value, list | tuple) and not _is_array(value):
        value = dict(enumerate(value))
    if not isinstance(value, Mapping):
        return {name: value}
    flat: dict[str, Any] = {f"{name}/#": len(value)}
    for key, part in value.items():
        flat |= flatten(part, f"{name}/{key}" if name else str(key))
    return flat


def _is_array(value: Any) -> bool:
    rows = [row if isinstance(row, list | tuple) else [row] for row in value]
    kinds = {isinstance(item, str) for row in rows for item in row}
    simple = all(isinstance(item, str | int | float) for row in rows for item in row)
    return simple and len(kinds) == 1 and len({len(row) for row in rows}) == 1


def schedules_and_weightings(path: Path) -> FileCheck:
    """`schedules.json`: learning rates, curricula, grid search, uncertainty, moving average."""
    recorded = read_json(path)
    expected: dict[str, Any] = {}
    produced: dict[str, Any] = {}
    for name, row in recorded["lr_schedules"].items():
        used, logged = _learning_rates(name, row)
        produced |= {f"lr/{name}/used": used, f"lr/{name}/logged": logged}
        expected[f"lr/{name}/used"] = row["lr_used"]
        expected[f"lr/{name}/logged"] = row["lr_logged_after_step"]
    for name, row in recorded["curriculum"].items():
        pairs, phases = _curriculum(name, row)
        produced |= {f"curriculum/{name}/weights": pairs, f"curriculum/{name}/phase": phases}
        expected[f"curriculum/{name}/weights"] = row["weights"]
        expected[f"curriculum/{name}/phase"] = row["phase"]
    expected["grid_search"] = recorded["grid_search"]["weights"]
    produced["grid_search"] = _grid_search(recorded["grid_search"])
    for name, row in recorded["uncertainty"].items():
        keys = ("total", "log_var", "grad", "weights")
        for key, values in _uncertainty(name, row).items():
            produced[f"uncertainty/{name}/{key}"] = values
        for key in keys:
            expected[f"uncertainty/{name}/{key}"] = [s[key] for s in row["steps"]]
    expected["ema"] = [shadow for _, shadow in recorded["ema"]["param_and_shadow"]]
    produced["ema"] = _moving_average(recorded["ema"])
    # The last two run in float32 on jaxsign's side.
    tolerance = _FLOAT64 | {"uncertainty/": [1e-6, 1e-6], "ema": [1e-6, 0]}
    return FileCheck(expected, produced, tolerance)


def _learning_rates(name: str, row: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    options = configs.base().schedule
    kind, _, numbers = name.partition("_E")[0].rpartition("_W")
    if name.startswith("plateau"):
        options.name, options.patience = "plateau", int(name.rpartition("_p")[2])
    elif kind:
        options.name, options.warmup, options.final_factor = kind, int(numbers), 0.01
        # Without warm-up epochs the original stays at a tenth of the rate; jaxsign does so only
        # when told to.
        options.legacy_start = True
    else:
        options.name = numbers
    made = schedule.build(options, row["base_lr"], row["epochs"])
    used, logged = [], []
    for epoch in range(row["epochs"]):
        used.append(made.rate(epoch))
        if "metric" in row:
            made.observe(row["metric"][epoch])
        logged.append(made.rate(epoch + 1))
    return used, logged


def _curriculum(name: str, row: Mapping[str, Any]) -> tuple[list, list[str]]:
    options = configs.base().loss
    options.curriculum, options.curriculum_schedule = name.split("/")
    options.curriculum_epochs = row["curriculum_epochs"]
    options.curriculum_warmup = row["warmup_epochs"]
    options.curriculum_min_weight = row["min_weight"]
    count = len(row["weights"])
    found = [weighting.weights(options, epoch, count) for epoch in range(count)]
    return [pair for pair, _ in found], [phase for _, phase in found]


def _grid_search(row: Mapping[str, Any]) -> list:
    options = configs.base().loss
    options.weighting = "grid-search"
    options.grid = ";".join(f"{a},{b}" for a, b in row["pairs"])
    return [weighting.weights(options, epoch, row["epochs"])[0] for epoch in range(row["epochs"])]


def _uncertainty(name: str, row: Mapping[str, Any]) -> dict[str, list]:
    """The recorded losses through jaxsign's loss and its Adam."""
    s = jnp.full(2, np.log(float(name.removeprefix("init_"))), jnp.float32)
    adam = optimizer.build(configs.base().optim)
    state = adam.init(s)
    found: dict[str, list] = {"total": [], "log_var": [], "grad": [], "weights": []}
    for given in row["steps"]:
        both = jnp.array([given["loss_gloss"], given["loss_cat"]])
        total, grad = jax.value_and_grad(losses.uncertainty_weighted, argnums=1)(both, s)
        for key, value in zip(found, (total, s, grad, jnp.exp(-s)), strict=True):
            found[key].append(np.asarray(value))
        update, state = adam.update(grad, state, s)
        s = optax.apply_updates(s, jax.tree.map(lambda u: -row["adam_lr"] * u, update))
    return found


def _moving_average(row: Mapping[str, Any]) -> list[float]:
    values = [value for value, _ in row["param_and_shadow"]]
    if values != [row["start"] + 1 + i for i in range(len(values))]:
        raise UserError(f"ema: the recorded parameters {values} do not grow by 1 from the start")
    return fslr_train.moving_average(row["start"], row["decay"], len(values))


def state_dict_layout(path: Path) -> FileCheck:
    """`state_dict_*.json`: keys in order, shapes, types and counts of a whole net."""
    recorded = read_json(path)
    name, shape = {
        "state_dict_signtransformer": ("sign_transformer", (1, 2, 156)),
        "state_dict_inceptionv3gru": ("iv3_gru", (1, 1, 75, 75, 3)),
    }[path.stem]
    net, example = nets.build(name), jnp.zeros(shape)
    table = net.key_table()
    shapes = jax.eval_shape(net.init, jax.random.key(0), example)
    variables = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    exported = state_dict.to_state_dict(table, variables)
    params = {entry.key for entry in table if entry.path[0] == "params"}
    sizes = {key: int(np.prod(value.shape)) for key, value in exported.items()}
    rows = recorded["state_dict"]
    expected = {
        "keys": list(rows),
        "shapes": [str(list(shape)) for shape, _ in rows.values()],
        "types": [dtype for _, dtype in rows.values()],
        "parameters": recorded["counts"]["parameters"],
        "buffers": recorded["counts"]["buffers"],
        # A variable without a key would be lost in an export.
        "variables": recorded["counts"]["keys"],
    }
    produced = {
        "keys": list(exported),
        "shapes": [str(list(value.shape)) for value in exported.values()],
        "types": [str(value.dtype) for value in exported.values()],
        "parameters": sum(n for key, n in sizes.items() if key in params),
        "buffers": sum(n for key, n in sizes.items() if key not in params),
        "variables": len(jax.tree.leaves(variables)),
    }
    return FileCheck(expected, produced)


def checkpoint_import_and_export(path: Path) -> FileCheck:
    """`checkpoints/`: every file is read, imported and exported; the bits must come back."""
    described = read_json(path / "README.json")
    expected: dict[str, Any] = {}
    produced: dict[str, Any] = {}
    for name in described["files"]:
        loaded = torch_files.read(path / name)
        bare = state_dict.unwrap(loaded, where=name)
        fields = sign_transformer.NET.fields_from_state_dict(bare)
        for key in sorted(fields.keys() & described["ctor"].keys()):
            expected[f"{name}/field {key}"] = described["ctor"][key]
            produced[f"{name}/field {key}"] = fields[key]
        net = sign_transformer.SignTransformer(n_heads=described["ctor"]["n_heads"], **fields)
        table = net.key_table()
        exported = state_dict.to_state_dict(table, state_dict.to_variables(table, bare, where=name))
        weights.check_round_trip(bare, exported, where=name)
        produced |= {f"{name}/{key}": value for key, value in exported.items()}
        if name.endswith(("_last.pt", "raw_state_dict.pt")):
            expected |= {f"{name}/{k}": v for k, v in _trained(path.parent).items()}
    if not any(key.startswith("SignTransformer_last.pt/gloss") for key in expected):
        raise UserError(f"{path}: the case train_run_warmupcosine.npz is not beside it")
    again = _through_a_run_folder(path / "SignTransformer_last.pt", described["ctor"]["n_heads"])
    expected |= {f"verbs/{key}": described[key] for key in ("epoch", "best_metric")}
    expected |= {f"verbs/{k}": v for k, v in _trained(path.parent).items()}
    produced |= {f"verbs/{key}": again[key] for key in ("epoch", "best_metric")}
    produced |= {f"verbs/{key}": value for key, value in again["model"].items()}
    return FileCheck(expected, produced)


def _through_a_run_folder(path: Path, n_heads: int) -> dict[str, Any]:
    """What `jaxsign import` and `jaxsign export` make of a checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        run, out = Path(folder) / "run", Path(folder) / "out.pt"
        importing.import_checkpoint(path, run, n_heads=n_heads)
        exporting.export_checkpoint(run, out)
        return torch_files.read(out)


def _trained(folder: Path) -> dict[str, np.ndarray]:
    """Weights at the end of the recorded run, which wrote the checkpoints."""
    return cases.load(folder / "train_run_warmupcosine.npz").under("after/")


def evaluation_metrics(path: Path) -> FileCheck:
    """`validation_metrics.json`: scores, per-class reports and confusion matrices."""
    recorded = read_json(path)
    given = {key: np.array(value) for key, value in recorded["input"].items()}
    truth, predicted = (
        {head: given[f"{head}_{part}"] for head in ("gloss", "cat")} for part in ("true", "pred")
    )
    groups = metrics.report(truth, predicted, given["occluded"])
    skipped = ("model_info", "dataset_info")  # the run's description, not a result
    wanted = {k: v for k, v in recorded["expected"].items() if k not in skipped}
    return FileCheck(flatten(wanted), flatten(groups), _FLOAT64)


def prediction_results(path: Path) -> FileCheck:
    """`prediction_json.json`: raw, saved and printed predictions from recorded logits."""
    logits = cases.load(path.parent / "transformer_default_recipe.npz").under("output/")
    names = labels.label_map(str(path.parent / "labels_reference.csv"), {})
    recorded = read_json(path)["cases"]
    found = []
    for row, wanted in enumerate(recorded):
        raw = answers.make({head: logits[head][row] for head in ("gloss", "cat")})
        if "frames_extracted" in wanted["raw"]:
            raw["frames_extracted"] = wanted["raw"]["frames_extracted"]
        named = answers.with_names(raw, names)
        printed = answers.text(named, ("gloss", "cat"))
        found.append({"raw": raw, "formatted": named, "printed": printed})
    # Probabilities are float32 in the original.
    return FileCheck(flatten(recorded), flatten(found), {"default": [1e-6, 1e-9]})
