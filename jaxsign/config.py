"""The recipe of a run: every number that shapes it, in one ml_collections config.

`base()` holds every key that systems share, with its default; a file in `configs/` starts from it
and changes what its system needs. All defaults of a run are in one of these two places.
"""

import difflib
import importlib.util
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import ConfigDict, config_flags

from jaxsign.errors import UserError, did_you_mean, listing
from jaxsign.whole import write_text

# Changing these does not make it another run: a stopped run may go on with them changed.
CHANGEABLE = (
    "data.label_map",
    "data.test",
    "data.train.labels",
    "data.train.path",
    "data.val.labels",
    "data.val.path",
    "devices",
    "input.cache_mb",
    "input.prefetch",
    "input.threads",
    "input.workers",
    "log",
    "parallel",
    "train.early_stop",
    "train.epochs",
    "train.min_epochs",
)


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
                "early_stop": 0,  # epochs without a new best; 0 = never
                "min_epochs": 0,  # early stopping waits for so many
                "trainable": (".*",),  # regular expressions over parameter paths a/b/c
                "frozen": (),  # taken away from `trainable`
                "ema_decay": 0.0,  # 0 = no moving average
                "init_from": "",  # run folder whose best weights to start from
                # For nets with a backbone that start from images: a torchvision file, or "random".
                "backbone_weights": "",
            },
            "stages": "",  # names in config.stage, in order, comma-separated; empty = one stage
            "stage": {},
            "checkpoint": {"every_steps": 0},  # besides every epoch's end
            "log": {"every_steps": 20, "tensorboard": True, "progress": True},
            "smoke": {"batch_size": 4, "frames": 30},
        }
    )


def _data() -> dict[str, Any]:
    place = {"path": "", "labels": ""}
    return {
        "source": "npz",  # file of jaxsign/input/sources
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
        },
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


def _schedule() -> dict[str, Any]:
    return {
        "name": "constant",  # constant | cosine | warmup_cosine | restarts | step | plateau
        "unit": "epoch",  # what the position counts: epoch | step
        "warmup": 5,  # warmup_cosine, restarts: epochs (whatever the unit)
        "start_factor": 0.1,  # first rate of the warm-up, as a share of lr
        "final_factor": 0.0,  # last rate, as a share of lr
        "cycle": 10,  # restarts: epochs of the first cycle
        "cycle_factor": 2,  # restarts: each cycle is this much longer
        "step_size": 10,  # step: epochs between reductions
        "factor": 0.5,  # step, plateau
        "patience": 5,  # plateau
        "legacy_start": False,  # warmup_cosine with warmup 0: never above start_factor * lr
    }


def _loss() -> dict[str, Any]:
    return {
        "name": "ce",  # ce | focal | label_smoothing
        "focal_gamma": 2.0,
        "focal_alpha": 1.0,
        "label_smoothing": 0.1,
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


def find(name: str) -> Path:
    """The config file for what a person typed: a path, or the name of a file in `configs/`.

    Raises:
      UserError: no such file; lists those that there are.
    """
    path = Path(name.partition(":")[0])
    folder = _shipped()
    for candidate in (path, folder / path.name, folder / f"{path.name}.py"):
        if candidate.suffix == ".py" and candidate.is_file():
            return candidate.resolve()
    known = sorted(p.stem for p in folder.glob("*.py") if p.stem != "__init__")
    raise UserError(
        f"no config file {name!r}.{did_you_mean(path.stem, known)} "
        f"Give a path or one of: {', '.join(known)}"
    )


def _shipped() -> Path:
    spec = importlib.util.find_spec("configs")
    places = list(spec.submodule_search_locations or []) if spec else []
    return Path(places[0]) if places else Path("configs")


def load(name: str, overrides: Sequence[str] = ()) -> ConfigDict:
    """The config of `name` (FILE or FILE:ARG) with command-line overrides.

    Args:
      name: a path or a shipped name, with `:arg` for `get_config(arg)`.
      overrides: words like `--config.optim.lr=3e-4`.

    Raises:
      UserError: no such file, an unknown key (names the nearest), a value of the wrong type.
    """
    _, colon, argument = name.partition(":")
    file = f"--config={find(name)}{colon}{argument}"
    try:
        recipe = _parse([file])
        _check_recipe(recipe, name)
        known = list(flatten(recipe))
        # The last word on a key holds: absl would add up the values of tuples.
        last = {word.partition("=")[0]: _checked_word(word, known) for word in overrides}
        return _parse([file, *last.values()])
    except UserError:
        raise
    except Exception as error:  # a recipe is a program: it can fail in any way
        text = str(error).strip()
        # An error inside the config file comes with its traceback: its last line says what it is.
        reason = text.splitlines()[-1] if "Traceback" in text else text
        reason = reason.removeprefix("ValueError: ")
        raise UserError(f"config {name}: {reason}") from error


def _check_recipe(recipe: Any, name: str) -> None:
    if not isinstance(recipe, ConfigDict):
        raise UserError(
            f"config {name}: get_config returned {type(recipe).__name__}, expected a ConfigDict. "
            "Start from jaxsign.config.base()."
        )
    expected = base()
    missing = [key for key in expected if key not in recipe]
    # The keys of these depend on the net, the view and the stages, and are checked there.
    free = ("net", "view", "stage")
    unknown = [
        key
        for key in flatten(recipe)
        if key.split(".")[0] not in free and key not in flatten(expected)
    ]
    if missing or unknown:
        near = did_you_mean(unknown[0], flatten(expected)) if unknown else ""
        raise UserError(
            f"config {name}: missing sections {missing}, unknown keys {unknown}.{near} "
            "Start from jaxsign.config.base() and change its keys."
        )


def _parse(words: list[str]) -> ConfigDict:
    # A set of flags of its own: overrides are typed by ml_collections, and no global state is left.
    values = flags.FlagValues()
    argv = ["jaxsign", *words]
    config_flags.DEFINE_config_file("config", flag_values=values, sys_argv=argv)
    values(argv)
    return values.config


def _checked_word(word: str, known: list[str]) -> str:
    prefix = "--config."
    key, equals, _ = word.partition("=")
    if not word.startswith(prefix):
        raise UserError(
            f"unknown argument {word!r}.{did_you_mean(key, [prefix + k for k in known])} "
            "A recipe's numbers are set as --config.KEY=VALUE."
        )
    key = key.removeprefix(prefix)
    if key not in known:
        raise UserError(f"unknown config key {key!r}.{_nearest(key, known)}")
    if not equals:
        raise UserError(f"config key {key!r} needs a value: --config.{key}=VALUE")
    return word


def _nearest(key: str, known: list[str]) -> str:
    """What may have been meant: within the section, if there is one of that name."""
    section, _, name = key.rpartition(".")
    leaves = [k.rpartition(".")[2] for k in known if k.rpartition(".")[0] == section]
    if not leaves:
        return did_you_mean(key, known) or _siblings(key, known)
    near = difflib.get_close_matches(name, leaves, n=1, cutoff=0.6)
    place = f"{section}." if section else ""
    return f" Did you mean {place + near[0]!r}?" if near else _siblings(key, known)


def _siblings(key: str, known: list[str]) -> str:
    head = key.split(".")[0]
    near = [k for k in known if k.split(".")[0] == head] or sorted({k.split(".")[0] for k in known})
    return f" Known: {', '.join(near)}"


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested config -> {'optim.lr': value, ...}; an empty section stays a key of its own."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping | ConfigDict):
            flat.update(flatten(value, f"{prefix}{key}.") or {f"{prefix}{key}": {}})
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def merged(config: ConfigDict, changes: Mapping[str, Any], where: str = "config") -> ConfigDict:
    """A copy of `config` with nested `changes`; an unknown key is an error, the nearest named."""
    result = ConfigDict(config.to_dict())
    known = list(flatten(result))
    for key, value in flatten(changes).items():
        if key not in known:
            raise UserError(f"{where}: unknown key {key!r}.{did_you_mean(key, known)}")
        node, *rest = key.split(".")
        target = result
        for name in rest:
            target, node = target[node], name
        old = target[node]
        target[node] = tuple(value) if isinstance(old, tuple) else value
    return result


def save_run_config(config: ConfigDict, workdir: str | Path) -> None:
    """Writes `config.json` into the run folder."""
    text = json.dumps(config.to_dict(), indent=2, default=list)
    write_text(Path(workdir) / "config.json", text + "\n")


def load_run_config(workdir: str | Path) -> ConfigDict:
    """Reads a run folder's `config.json`; lists become tuples again.

    Keys that came after the run was made have their defaults, which change nothing.

    Raises:
      UserError: not a run folder, or an unreadable config.
    """
    path = Path(workdir) / "config.json"
    if not path.is_file():
        raise UserError(
            f"{workdir} is not a run folder: it has no config.json. Expected a folder that "
            "`jaxsign train` or `jaxsign import` made."
        )
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value, dict):
            raise ValueError(f"a {type(value).__name__}, expected an object")
        return _with_later_keys(ConfigDict(_with_tuples(value)))
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: not a readable config ({error})") from error


def _with_later_keys(config: ConfigDict) -> ConfigDict:
    if "view" not in config:
        config.view = base().view
    for key, default in flatten(base()).items():
        *sections, name = key.split(".")
        node = config
        for section in sections:
            if section not in node:
                node[section] = ConfigDict()
            node = node[section]
        # What these hold depends on the net, the view and the stages.
        if sections[:1] not in (["net"], ["view"], ["stage"]) and name not in node:
            node[name] = default
    return config


def _with_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in value.items()}
    return tuple(_with_tuples(item) for item in value) if isinstance(value, list) else value


def check_same_run(config: ConfigDict, stored: ConfigDict, workdir: str | Path) -> None:
    """Refuses to go on in a folder that holds another recipe's run.

    Raises:
      UserError: lists the keys that differ, but for those that may change (`CHANGEABLE`).
    """
    new, old = flatten(config), flatten(stored)
    different = [
        f"{key}: {old.get(key, '(absent)')!r} there, {new.get(key, '(absent)')!r} now"
        for key in sorted({*new, *old})
        if new.get(key) != old.get(key) and not _changeable(key)
    ]
    if different:
        raise UserError(
            f"{workdir} holds another run; these keys differ:\n{listing(different)}\n"
            "Choose another --workdir, or repeat that run's settings to continue it."
        )


def _changeable(key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in CHANGEABLE)


def names(value: str | Iterable[str]) -> tuple[str, ...]:
    """'a, b' or ('a', 'b') -> ('a', 'b')."""
    words = value.split(",") if isinstance(value, str) else list(value)
    return tuple(word.strip() for word in words if word.strip())
