"""A torch checkpoint of an original system -> a run folder."""

import contextlib
import dataclasses
import datetime
import hashlib
import importlib
import math
import os
import pkgutil
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

import jaxsign
from jaxsign import config as configs
from jaxsign import locking, nets, run_files, runtime
from jaxsign.errors import UserError, listing
from jaxsign.infer.torch import originals, recognise
from jaxsign.input import labels
from jaxsign.nets import state_dict as torch_map
from jaxsign.nets import torch_files
from jaxsign.tasks import manifests
from jaxsign.train import checkpoint, fitting
from jaxsign.whole import write_json

Array = np.ndarray

_WRITTEN = (run_files.CONFIG, run_files.LABELS, run_files.MANIFEST, run_files.CHECKPOINTS)
# Lies in a run folder while an import writes it: what of `_WRITTEN` is there is the import's. It
# becomes config.json in one act, which makes the folder a run.
_MARK = ".importing"


@dataclasses.dataclass(frozen=True)
class Imported:
    """What was found in a checkpoint and what became of it.

    Attributes:
      workdir: the run folder that was written.
      net: the net's name; fields: its constructor fields.
      variables: the Flax variables.
      epoch, best_metric: as the file says; None where it does not.
      metric_name: what the metric is.
      parameters: how many numbers are trained ones.
      notes: what had to be assumed or was left out, one sentence each.
    """

    workdir: Path
    net: str
    fields: dict[str, Any]
    epoch: int | None
    best_metric: float | None
    parameters: int
    notes: tuple[str, ...]
    metric_name: str = "best metric"


def import_checkpoint(
    path: str | Path,
    workdir: str | Path,
    *,
    net: str | None = None,
    n_heads: int | None = None,
    pooling: str | None = None,
    label_map: str | Path | None = None,
    with_backbone: bool | None = None,
    overrides: Sequence[str] = (),
) -> Imported:
    """Makes a run folder from a torch checkpoint, in whichever wrapping it comes.

    Args:
      path: the .pt file: a state_dict, bare or under 'model_state_dict', 'state_dict' or 'model',
        with or without the prefixes of DataParallel and torch.compile.
      workdir: the run folder to make.
      net: the net's name; None = told by the keys.
      n_heads: attention heads, which a checkpoint does not store; None = 8.
      pooling: likewise; None = 'mean'.
      label_map: csv gloss_id,label,cat_id,category, or json {name: id}; None = ids serve as names.
      with_backbone: keep the image backbone of a net that has one; None = only if the
        checkpoint's optimizer has trained it, or the system learns from films alone.
      overrides: recipe words like `--config.data.val.path=DIR`.

    Raises:
      UserError: not a checkpoint of a known net, numbers that no net may have, or `workdir`
        already holds a run.
    """
    path, workdir = Path(path), Path(workdir)
    _refuse_occupied(workdir)
    file = _read(path)
    name = net or recognise.net_name(file.weights, path)
    form = originals.find(name)
    file = dataclasses.replace(file, weights=form.weights(file))
    own = file.section("jaxsign").get("net")
    own = own if isinstance(own, Mapping) else {}
    heads = n_heads or form.n_heads(file) or recognise.number(own.get("n_heads"), int)
    kept = own.get("pooling")
    given = {"n_heads": heads, "pooling": pooling or (kept if isinstance(kept, str) else None)}
    config, fields = _fitted(file, form, name, given, overrides)
    keep = form.with_backbone if with_backbone is None else with_backbone
    variables, backbone = _variables(file, form, nets.build(**config.net.to_dict()), keep)
    labels = _labels(config, fields, label_map, form.first_id, file.notes)
    result = Imported(
        workdir=workdir,
        net=name,
        fields=fields,
        epoch=recognise.epoch(file.extras),
        best_metric=recognise.metric(file.extras),
        parameters=sum(leaf.size for leaf in jax.tree.leaves(variables["params"])),
        notes=tuple(file.notes),
        metric_name=form.metric,
    )
    manifest = _manifest(result, config, path, backbone, file.extras)
    with _claimed(workdir):
        _write(workdir, config, labels, variables, manifest)
    return result


def _read(path: Path) -> originals.TorchFile:
    """A checkpoint's weights, and what it holds."""
    checkpoint = torch_files.read(path)
    extras = checkpoint if isinstance(checkpoint, Mapping) else {}
    state = extras.get("state_dict")
    if recognise.is_lightning(extras) and isinstance(state, Mapping):
        # Beside the net's weights there may be those of the loss.
        own = {key: value for key, value in state.items() if not key.startswith("criterion.")}
        checkpoint = {"state_dict": own}
    return originals.TorchFile(path, extras, torch_map.unwrap(checkpoint, where=str(path)))


def _fitted(
    file: originals.TorchFile,
    form: originals.Form,
    name: str,
    given: Mapping[str, Any],
    overrides: Sequence[str],
) -> tuple[ConfigDict, dict[str, Any]]:
    """The recipe of a checkpoint's net and the fields that its weights tell.

    Args:
      file, form: the checkpoint, and what is known of its kind.
      name: of the net.
      given: fields that no weight tells, as a person says them; None = unsaid.
      overrides: words of the recipe.
    """
    found = recognise.fields(name, file.weights, given, file.path, file.notes)
    told = form.fields(dataclasses.replace(file, found=found))
    config = _recipe(recipe_of(form, name), told, overrides)
    fields = {key: config.net[key] for key in told}
    _set(config, form.settings(file, fields), overrides)
    _set(config, _view(file, config), overrides)
    if wrong := fitting.problems(config):
        raise UserError(f"{file.path}: cannot become a run with these numbers:\n{listing(wrong)}")
    return config, fields


def _variables(
    file: originals.TorchFile, form: originals.Form, net: nets.Net, keep: bool | None
) -> tuple[Mapping[str, Any], dict[str, Array]]:
    """A net's variables, and the weights of its backbone where that is left out."""
    weights = recognise.as_float32(file.weights, file.notes)
    table, backbone = recognise.split_table(net, weights, file.extras, keep, file.notes)
    kept = {key: value for key, value in weights.items() if key not in backbone}
    made = torch_map.to_variables(table, kept, where=str(file.path))
    return form.completed(made, net, file), backbone


def _refuse_occupied(workdir: Path) -> None:
    if workdir.exists() and not workdir.is_dir():
        raise UserError(f"{workdir} is a file. Choose another --workdir.")
    if (workdir / _MARK).exists() and not run_files.is_run(workdir):
        return  # what another import left or is writing, which `_claimed` tells apart
    if any((workdir / name).exists() for name in _WRITTEN):
        raise UserError(
            f"{workdir} already holds a run. Choose another --workdir, or move it away."
        )


def _recipe(recipe: str, fields: Mapping[str, Any], overrides: Sequence[str]) -> ConfigDict:
    """The recipe of the system that uses a net, with the checkpoint's sizes."""
    config = configs.load(recipe, overrides)
    frames = int(fields.get("max_len", 0)) - (fields.get("pooling") == "cls")
    if frames > 0:
        own = int(config.input.max_length)
        config.input.max_length = min(own, frames) if own else frames
    # What a person sets holds, also against the file; the shapes are compared later.
    asked = {word.partition("=")[0].removeprefix("--config.net.") for word in overrides}
    told = {key: value for key, value in fields.items() if key not in asked}
    config.net = ConfigDict({**config.net.to_dict(), **told})
    if fields.get("input_dim") == 2048:
        # Stored image features: there is no view that makes them from landmarks.
        config.data.key, config.view.name = "X2048", ""
    return config


def _view(file: originals.TorchFile, config: ConfigDict) -> dict[str, Any]:
    """The options that a run's view had, where jaxsign wrote the file and the recipe has the view.

    Raises:
      UserError: values of other types.
    """
    told = file.section("jaxsign").get("view")
    if not isinstance(told, Mapping) or told.get("name") != config.view.name:
        return {}
    kept = {name: value for name, value in told.items() if name in config.view}
    odd = [name for name, value in kept.items() if not _is_like(value, config.view[name])]
    if odd:
        raise UserError(
            f"{file.path}: jaxsign.view.{odd[0]} is {kept[odd[0]]!r:.60}, expected a value like "
            f"{config.view[odd[0]]!r:.60}; the file was edited or damaged"
        )
    kept = {k: tuple(v) if isinstance(v, list) else v for k, v in kept.items()}
    changed = {name: value for name, value in kept.items() if value != config.view[name]}
    if changed:
        shown = ", ".join(f"view.{name}={value!r}" for name, value in changed.items())
        file.notes.append(f"as the run had it: {shown}")
    return {f"view.{name}": value for name, value in changed.items()}


def _is_like(value: object, known: object) -> bool:
    if isinstance(known, bool) or isinstance(value, bool):
        return isinstance(known, bool) and isinstance(value, bool)
    if isinstance(known, int | float):
        return isinstance(value, int | float)
    if isinstance(known, tuple):
        return isinstance(value, tuple | list)
    return type(value) is type(known)


def _set(config: ConfigDict, settings: Mapping[str, Any], overrides: Sequence[str]) -> None:
    """Changes the recipe where the person did not; what this version does not know stays out."""
    known = configs.flatten(config)
    for key, value in settings.items():
        if key in known and not any(word.startswith(f"--config.{key}=") for word in overrides):
            config.update_from_flattened_dict({key: value})


def recipe_of(form: originals.Form, net: str) -> str:
    """The recipe, with its variant, of a run that is made of a checkpoint of this form.

    Raises:
      UserError: none has the net.
    """
    return form.recipe or ":".join(filter(None, (_recipe_name(net), form.variant)))


def _recipe_name(net: str) -> str:
    import configs as shipped

    for info in pkgutil.iter_modules(shipped.__path__):
        module = importlib.import_module(f"configs.{info.name}")
        if module.get_config().net.name == net:
            return info.name
    raise UserError(f"no recipe in configs/ uses the net {net}")


def _labels(
    config: ConfigDict,
    fields: Mapping[str, Any],
    label_map: str | Path | None,
    first: int,
    notes: list[str],
) -> dict[str, Any]:
    """Content of labels.json: the map's names, or the ids, of which `first` is the lowest."""
    known = labels.label_map(str(label_map or ""), {})
    heads = {}
    for head in config.task.heads:
        count = int(fields[f"num_{head}"])
        names = known.get(head) or tuple(str(i + first) for i in range(count))
        if first and len(names) < count:
            # The original's vocabulary may be larger than its data's.
            notes.append(f"{label_map}: names {len(names)} of {count} glosses; the rest are ?ID")
            names += tuple(f"?{i + first}" for i in range(len(names), count))
        if len(names) != count:
            raise UserError(
                f"{label_map}: names {len(names)} classes of {head}, the checkpoint has {count}. "
                "Give the label map that it was trained with, or none."
            )
        heads[head] = list(names)
    return {"heads": heads}


def _write(
    workdir: Path,
    config: ConfigDict,
    labels: Mapping[str, Any],
    variables: nets.Variables,
    manifest: manifests.Manifest,
) -> None:
    metric = manifest.best_metric
    checkpoint.save_variables(
        workdir,
        variables,
        epoch=manifest.best_epoch or 0,
        metric=math.nan if metric is None else metric,
    )
    write_json(workdir / run_files.LABELS, labels)
    manifests.write(workdir, manifest)
    (workdir / _MARK).write_text(configs.stored_text(config), encoding="utf-8")
    os.replace(workdir / _MARK, workdir / run_files.CONFIG)


@contextlib.contextmanager
def _claimed(workdir: Path) -> Iterator[None]:
    """Holds the folder of a run that is to be written; it is empty again if that fails.

    Raises:
      UserError: it holds a run, another process writes there, or it cannot be written.
    """
    with locking.alone(workdir, run_files.LOCK, "--workdir", "writes a run into this folder"):
        _refuse_occupied(workdir)
        if (workdir / _MARK).exists():
            _remove(workdir)  # of an import that was killed
        try:
            (workdir / _MARK).touch()
            yield
        except BaseException as error:
            if not run_files.is_run(workdir):
                _remove(workdir)
            if isinstance(error, OSError):
                raise UserError(
                    f"{error.filename or workdir}: cannot be written ({error.strerror or error})"
                ) from error
            raise


def _remove(workdir: Path) -> None:
    """Takes away a half-written run, so that the command can be repeated."""
    for name in (*_WRITTEN, _MARK):
        target = workdir / name
        if target.is_dir():
            _remove_folder(target)
        else:
            target.unlink(missing_ok=True)


def _remove_folder(folder: Path) -> None:
    """Until it stays away: the library's threads may still write what has failed."""
    away = 0
    for _ in range(30):
        away = 0 if folder.exists() else away + 1
        if away == 3:
            return
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.1)
    shutil.rmtree(folder)


def _manifest(
    found: Imported,
    config: ConfigDict,
    path: Path,
    backbone: Mapping[str, Array],
    extras: Mapping[str, Any],
) -> manifests.Manifest:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return manifests.Manifest(
        jaxsign=jaxsign.__version__,
        system=config.system,
        net=found.net,
        device=runtime.describe_devices(),
        packages=runtime.packages(),
        parameters=found.parameters,
        best_epoch=found.epoch,
        best_metric=found.best_metric,
        monitor=found.metric_name,
        written=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        imported=manifests.Origin(
            file=str(path.resolve()),
            sha256=sha256,
            epoch=found.epoch,
            best_metric=found.best_metric,
            notes=found.notes,
            # Lets an export prove that the backbone it is given is the one that was left out.
            backbone_sha256=digest(backbone) if backbone else "",
            **recognise.told(extras),
        ),
    )


def digest(arrays: Mapping[str, Array]) -> str:
    """sha256 over keys and bytes in order: tells whether two sets of weights are the same."""
    total = hashlib.sha256()
    for key, value in arrays.items():
        total.update(key.encode())
        total.update(np.ascontiguousarray(value).tobytes())
    return total.hexdigest()
