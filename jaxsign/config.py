"""The recipe of a run: every number that shapes it, in one ml_collections config.

`base()` (defaults.py, sections/) holds every key that systems share, with its default; a file in
`configs/` starts from it and changes what its system needs. All defaults of a run are in one of
these two places.
"""

import difflib
import importlib.util
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags
from ml_collections import ConfigDict, config_flags

from jaxsign import defaults, fields, reading, run_files
from jaxsign.defaults import base
from jaxsign.errors import UserError, did_you_mean, listing
from jaxsign.whole import write_text

# Changing these does not make it another run: a stopped run may go on with them changed.
CHANGEABLE = (
    "checkpoint.keep_every",
    "data.action_genome.features",
    "data.label_map",
    "data.parts",
    "data.test",
    "data.train.labels",
    "data.train.path",
    "data.val.labels",
    "data.val.path",
    "decode",
    "devices",
    "input.cache_mb",
    "input.prefetch",
    "input.threads",
    "input.workers",
    "log",
    "net.detector",  # task.detector tells whether it is the same one
    "parallel",
    "train.early_stop",
    "train.epochs",
    "train.max_updates",
    "train.min_delta",
    "train.min_epochs",
)

_PREFIX = "--config."  # of a word that changes a key


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
    file = find(name)
    try:
        recipe = _checked(_run(file, name), name)
        known = list(flatten(recipe))
        # The last word on a key holds: absl would add up the values of tuples.
        last = {word.partition("=")[0]: _checked_word(word, known) for word in overrides}
        return _changed(recipe, list(last.values()))
    except UserError:
        raise
    except Exception as error:  # a recipe is a program: it can fail in any way
        explained = isinstance(error, ValueError | flags.Error)
        kind = "" if explained else f"{type(error).__name__}: "
        raise UserError(f"config {name}: {kind}{error}") from error


def _run(file: Path, name: str) -> object:
    """What the recipe's `get_config` makes, with the argument behind a colon if there is one."""
    spec = importlib.util.spec_from_file_location("config", file)
    assert spec is not None and spec.loader is not None  # the file ends in .py
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _, colon, argument = name.partition(":")
    made: object = module.get_config(argument) if colon else module.get_config()
    return made


def _checked(recipe: object, name: str) -> ConfigDict:
    if not isinstance(recipe, ConfigDict):
        raise UserError(
            f"config {name}: get_config returned {type(recipe).__name__}, expected a ConfigDict. "
            "Start from jaxsign.config.base()."
        )
    expected = base()
    known = flatten(expected)
    missing = [key for key in expected if key not in recipe]
    unknown = [
        key
        for key in flatten(recipe)
        if key.split(".")[0] not in defaults.FREE and key not in known
    ]
    if missing or unknown:
        near = did_you_mean(unknown[0], known) if unknown else ""
        raise UserError(
            f"config {name}: missing sections {missing}, unknown keys {unknown}.{near} "
            "Start from jaxsign.config.base() and change its keys."
        )
    return recipe


def _changed(recipe: ConfigDict, words: list[str]) -> ConfigDict:
    # Only what words change: the flags would write the whole recipe as text first.
    touched = ConfigDict()
    for key in keys_of(words):
        section = key.partition(".")[0]
        touched[section] = recipe[section]
    # A set of flags of its own: overrides are typed by ml_collections, and no global state is left.
    values = flags.FlagValues()
    argv = ["jaxsign", *words]
    config_flags.DEFINE_config_dict("config", touched, flag_values=values, sys_argv=argv)
    values(argv)
    recipe.update(values.config)
    return recipe.lock()


def _checked_word(word: str, known: list[str]) -> str:
    key, equals, _ = word.partition("=")
    if not word.startswith(_PREFIX):
        raise UserError(
            f"unknown argument {word!r}.{did_you_mean(key, [_PREFIX + k for k in known])} "
            "A recipe's numbers are set as --config.KEY=VALUE."
        )
    key = key.removeprefix(_PREFIX)
    if key not in known:
        raise UserError(f"unknown config key {key!r}.{_nearest(key, known)}")
    if not equals:
        raise UserError(f"config key {key!r} needs a value: --config.{key}=VALUE")
    return word


def keys_of(words: Iterable[str]) -> list[str]:
    """The keys that words --config.KEY=VALUE set."""
    return [word.partition("=")[0].removeprefix(_PREFIX) for word in words]


def _nearest(key: str, known: list[str]) -> str:
    """What may have been meant: within the section, if there is one of that name."""
    section, _, name = key.rpartition(".")
    leaves = [k.rpartition(".")[2] for k in known if k.rpartition(".")[0] == section]
    if not leaves:
        return did_you_mean(key, known) or _siblings(key, known)
    near = difflib.get_close_matches(name, leaves, n=1, cutoff=0.6)
    place = f"{section}." if section else ""
    meant = [place + near[0]] if near else _described(place, name) or _holding(name, known)
    return f" Did you mean {meant[0]!r}?" if meant else _siblings(key, known)


def _holding(word: str, known: list[str]) -> list[str]:
    """Keys of any section that hold a word, those that begin with it first: schedule.warmup."""
    names = {key: key.rpartition(".")[2] for key in known}
    held = [key for key in known if len(word) > 2 and word in names[key]]
    return sorted(held, key=lambda key: not names[key].startswith(word))


def _described(place: str, word: str) -> list[str]:
    """Keys of a section in whose description a word stands: 'learning' for optim.lr."""
    keys = fields.described(defaults.Recipe).items()
    word = word.replace("_", " ")
    return [key for key, about in keys if key.startswith(place) and word in about.text]


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
    write_text(Path(workdir) / run_files.CONFIG, stored_text(config))


def stored_text(config: ConfigDict) -> str:
    """The content of `config.json`."""
    return json.dumps(config.to_dict(), indent=2, default=list) + "\n"


# What runs did before these keys came, where the default is another thing or a key of the net's.
OLDER = {
    "train.frozen_statistics": "move",
    "net.detector": "",
    "net.hands": "body",
    "view.hands": "body",
    "view.aspect": 0.0,
}


def load_run_config(workdir: str | Path) -> ConfigDict:
    """Reads a run folder's `config.json`; lists become tuples again.

    Keys that came after the run was made have the values that change nothing.

    Raises:
      UserError: not a run folder, or an unreadable config.
    """
    path = Path(workdir) / run_files.CONFIG
    if not path.is_file():
        raise UserError(
            f"{workdir} is not a run folder: it has no config.json. Expected a folder that "
            "`jaxsign train` or `jaxsign import` made."
        )
    try:
        value = reading.read_json(path)
        if not isinstance(value, dict):
            raise ValueError(f"a {type(value).__name__}, expected an object")
        config = _with_later_keys(
            ConfigDict({key: _with_tuples(item) for key, item in value.items()})
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not a readable config ({error})") from error
    if wrong := defaults.problems(config):
        raise UserError(
            f"{path}: no run has these values; the file was edited or damaged:\n{listing(wrong)}"
        )
    return config


def _with_later_keys(config: ConfigDict) -> ConfigDict:
    known = flatten(base())
    for section, value in flatten(config).items():
        if value == {} and any(key.startswith(f"{section}.") for key in known):
            raise ValueError(f"{section}: empty, expected its keys")
    if "view" not in config:
        config.view = base().view
    flat = flatten(config)
    if "schedule.min_lr" in flat and "schedule.warmup_updates_before" not in flat:
        # The run is from when this schedule alone looked at it.
        if "warmup_cosine_updates" not in flat.values():
            config.schedule.min_lr = 0.0
    for key, default in known.items():
        *sections, name = key.split(".")
        node = config
        for section in sections:
            if section not in node:
                node[section] = ConfigDict()
            node = node[section]
            if not isinstance(node, ConfigDict):
                raise ValueError(f"{section}: a {type(node).__name__}, expected an object")
        free = sections and sections[0] in defaults.FREE
        if not free and name not in node:
            node[name] = OLDER.get(key, default)
    return config


def as_begun(config: ConfigDict, stored: ConfigDict) -> None:
    """Lets the recipe of a run that is older than a key go on in that run's way, in place.

    Keys that depend on the net or the view, which reading a run does not fill in, are `stored` too.
    """
    for key, older in OLDER.items():
        section, _, name = key.rpartition(".")
        if section in defaults.FREE:
            if name in config[section] and name not in stored[section]:
                config[section][name] = stored[section][name] = older
        elif stored[section][name] == older:
            config[section][name] = older


def _with_tuples(value: object) -> object:
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
        if new.get(key) != old.get(key) and not changeable(key)
    ]
    if different:
        raise UserError(
            f"{workdir} holds another run; these keys differ:\n{listing(different)}\n"
            "Choose another --workdir, or repeat that run's settings to continue it."
        )


def changeable(key: str) -> bool:
    """Whether a stopped run may go on with this key changed."""
    return any(key == name or key.startswith(f"{name}.") for name in CHANGEABLE)


def names(value: str | Iterable[str]) -> tuple[str, ...]:
    """'a, b' or ('a', 'b') -> ('a', 'b')."""
    words = value.split(",") if isinstance(value, str) else list(value)
    return tuple(word.strip() for word in words if word.strip())
