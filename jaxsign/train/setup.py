"""From a recipe to what a run works with: its sources, its folder, and a session for each stage."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import nets, runtime, tasks
from jaxsign import stages as stage
from jaxsign.errors import UserError, listing
from jaxsign.input.signs import sources, views
from jaxsign.tasks import measures
from jaxsign.train import initial, inputs, optimizer, precision, ranges, schedule, state, step
from jaxsign.whole import write_text

_SPLITS = ("train", "val", "test")


@dataclasses.dataclass
class Run:
    """A run's fixed parts.

    Attributes:
      config: with every number resolved (classes, input width, batch size).
      train, val: sources.
      view: Clip -> features.
      stages: in order.
      devices: that the run uses.
    """

    config: ConfigDict
    workdir: Path
    train: Any
    val: Any
    view: Callable[..., np.ndarray] | None
    stages: tuple[stage.Stage, ...]
    devices: list[jax.Device]


def prepare(config: ConfigDict, workdir: str | Path) -> Run:
    """Opens and checks all input, resolves the recipe and claims the run folder.

    Raises:
      UserError: anything that would make the run fail later.
    """
    ranges.check(config)
    for row in stage.resolve(config):
        ranges.check(row.config, f"stage {row.name!r}: ")
    workdir = Path(workdir).resolve()
    stored = configs.load_run_config(workdir) if (workdir / "config.json").exists() else None
    devices = choose_devices(config.devices)
    classes = _classes(config)
    train, val = (
        inputs.prepared(sources.open_source(config.data, split, classes), config)
        for split in ("train", "val")
    )
    config = ConfigDict(config.to_dict())
    config.view.update(views.fit(config, train))
    view = views.of_recipe(config)
    config = resolve(config, train, view, stored)
    _check_val(config, val, view)
    if tasks.learns_sequences(config):
        net = build_net(config)
        for source in (train, val):
            inputs.check_sequences(source, config, net)
    if stored is not None and (workdir / "checkpoints").exists():
        configs.check_same_run(config, stored, workdir)
    return Run(config, workdir, train, val, view, stage.resolve(config), devices)


def choose_devices(wanted: int) -> list[jax.Device]:
    """The first `wanted` local devices; 0 = all.

    Raises:
      UserError: there are fewer.
    """
    found = jax.local_devices()
    if wanted > len(found):
        raise UserError(f"config.devices={wanted}, but this machine has {len(found)}")
    return found[: wanted or None]


def _classes(config: ConfigDict) -> dict[str, int]:
    """Classes a head that the recipe fixes; a head with `num_HEAD` 0 takes them from the labels."""
    counts = {head: config.net.get(f"num_{head}", 0) for head in config.task.heads}
    return {head: n for head, n in counts.items() if n}


def resolve(
    config: ConfigDict,
    train: Any,
    view: Callable[..., np.ndarray] | None,
    stored: ConfigDict | None = None,
) -> ConfigDict:
    """The recipe with what only the data can tell: input width and numbers of classes."""
    config = ConfigDict(config.to_dict())
    for head in config.task.heads:
        if not config.net.get(f"num_{head}", 0):
            named = len(train.class_names.get(head, ()))
            config.net[f"num_{head}"] = named or int(train.labels[head].max()) + 1
    for key, count in config.net.items():
        head = key.removeprefix("num_")
        if head != key and head in train.labels and not count:
            raise UserError(
                f"net.{key}=0 takes the data's number of classes, but {head!r} is not among "
                f"task.heads={tuple(config.task.heads)}. Give a number of 1 or more."
            )
    width = _width(train, view)
    if "input_dim" in config.net:
        if config.net.input_dim not in (0, width):
            raise UserError(
                f"net.input_dim={config.net.input_dim}, but {train.name} holds {width} numbers a "
                "frame. Set it to 0 to take the data's width, or choose another data.key."
            )
        config.net.input_dim = width
    limit = build_net(config).max_frames
    wanted = int(config.input.max_length or limit or max(train.lengths))
    config.input.max_length = min(wanted, limit) if limit else wanted
    _absolute_paths(config)
    if stored is not None and not config.input.batch_size:
        config.input.batch_size = stored.input.batch_size
    return config


def _absolute_paths(config: ConfigDict) -> None:
    """Paths of the recipe as they hold from any folder: later verbs read them from the run."""
    places = [(config.data[split], key) for split in _SPLITS for key in ("path", "labels")]
    places += [(config.data, "label_map")]
    places += [(config.train, "init_from"), (config.train, "pretrained")]
    if config.train.backbone_weights != initial.RANDOM:
        places.append((config.train, "backbone_weights"))
    for section, key in places:
        if section[key]:
            section[key] = str(Path(section[key]).resolve())


def _check_val(config: ConfigDict, val: Any, view: Callable[..., np.ndarray] | None) -> None:
    problems = []
    for head in config.task.heads:
        count = config.net[f"num_{head}"]
        if tasks.learns_sequences(config):
            problems += [
                f"{name}: {head}={max(row)}, but training has classes 0 to {count - 1}"
                for name, row in zip(val.ids, val.sequences, strict=True)
                if max(row) >= count
            ]
            continue
        problems += [
            f"{val.ids[i]}: {head}={val.labels[head][i]}, but training has classes 0 to {count - 1}"
            for i in np.flatnonzero(val.labels[head] >= count)
        ]
    if problems:
        raise UserError(f"validation data {val.name}:\n{listing(problems)}")
    width, expected = _width(val, view), config.net.get("input_dim", 0)
    if expected and width != expected:
        raise UserError(
            f"{val.name} holds {width} numbers a frame, the training data {expected}: give both "
            "the same kind of data"
        )


def _width(source: Any, view: Callable[..., np.ndarray] | None) -> int:
    example = source.read(0)
    if not isinstance(example, np.ndarray):
        if view is None:
            raise UserError(f"{source.name} holds landmarks; config.view.name must name a view")
        example = view(example)
    return int(example.shape[-1])


def build_net(config: ConfigDict, dtype: Any = None, axis_name: str | None = None) -> nets.Net:
    """The net of `config.net`; `dtype` and `axis_name` as in `nets.Net`.

    Raises:
      UserError: an unknown net or field.
    """
    return nets.build(**{**config.net.to_dict(), "dtype": dtype, "axis_name": axis_name})


def claim(run: Run) -> None:
    """Writes the recipe and the labels into the run folder, once all else has been checked.

    Raises:
      UserError: the folder cannot be written.
    """
    try:
        run.workdir.mkdir(parents=True, exist_ok=True)
        configs.save_run_config(run.config, run.workdir)
        labels = {"heads": {h: _names(run, h) for h in run.config.task.heads}}
        text = json.dumps(labels, indent=1, ensure_ascii=False)
        write_text(run.workdir / "labels.json", text + "\n")
    except OSError as error:
        raise UserError(
            f"--workdir {run.workdir}: cannot be written ({error.strerror or error})"
        ) from error


def _names(run: Run, head: str) -> list[str]:
    names = list(run.train.class_names.get(head, ()))
    count = run.config.net[f"num_{head}"]
    return names if len(names) == count else [str(i) for i in range(count)]


@dataclasses.dataclass
class Session:
    """What a stage works with.

    Attributes:
      train_batches, val_batches: of the sources, under the stage's input options.
      monitors: the numbers that choose the best epoch, stop the stage and steer its rate.
      survey_batches: the training examples whole and in order, where the input asks for the task's
        survey; else None.
      compiled: the steps.
      schedule: learning rates.
      trainable: parameter paths.
      optimizer: of those.
    """

    stage: stage.Stage
    task: tasks.Task
    monitors: measures.Monitors
    compiled: step.Compiled
    schedule: schedule.Schedule
    train_batches: Any
    val_batches: Any
    survey_batches: Any
    trainable: tuple[str, ...]
    optimizer: optax.GradientTransformation

    def fresh(
        self, variables: Mapping[str, Any], at: int, before: state.TrainState | None
    ) -> state.TrainState:
        """The state at the stage's start, on the host."""
        settings = self.stage.config
        created = state.create(
            variables,
            self.optimizer,
            self.trainable,
            seed=settings.seed,
            step=at,
            average=settings.train.ema_decay > 0,
            scaled=precision.compute_dtype(settings.precision) == np.dtype("float16"),
        )
        if before is not None and self.stage.keep_optimizer:
            ours = jax.tree.map(np.shape, created.opt_state)
            if jax.tree.map(np.shape, before.opt_state) != ours:
                raise UserError(
                    f"stage {self.stage.name!r}: keep_optimizer needs the same trainable "
                    "parameters and optimizer as the stage before"
                )
            created = created.replace(opt_state=before.opt_state)
        return created


def begin(run: Run, current: stage.Stage, variables: Mapping[str, Any] | None) -> Session:
    """Builds a stage's session; `variables` (or their shapes) tell the parameter paths."""
    config = current.config
    axis = step.AXIS if len(run.devices) > 1 and config.parallel == "pmap" else None
    dtype = precision.compute_dtype(config.precision)
    net = build_net(config, dtype, axis)
    batches = inputs.make_batches(config, run.train, run.view, net)
    step.check_rows(batches.shapes[0][1], len(run.devices), f"stage {current.name!r}: ")
    if variables is None:
        variables = initial.shapes_of(tasks.build(config, net), batches)
    trainable = optimizer.select(
        optimizer.flat(variables["params"]),
        config.train.trainable,
        config.train.frozen,
        net.unused_params,
        net.absent_params,
    )
    # However it was frozen, a part that does not train runs in eval mode.
    thawed = {path.partition("/")[0] for path in trainable}
    net = net.with_frozen([p.name for p in net.optional_parts if p.name not in thawed])
    task = tasks.build(config, net)
    chain = optimizer.build(config.optim)
    return Session(
        stage=current,
        task=task,
        monitors=tasks.monitors(config),
        compiled=step.build(
            task,
            chain,
            trainable,
            ema_decay=config.train.ema_decay,
            devices=run.devices,
            parallel=config.parallel,
        ),
        schedule=schedule.build(
            config.schedule, config.optim.lr, current.epochs, batches.steps_per_epoch
        ),
        train_batches=batches,
        val_batches=inputs.make_eval_batches(config, run.val, run.view, net),
        survey_batches=_survey_batches(config, run, net, batches),
        trainable=trainable,
        optimizer=chain,
    )


def _survey_batches(config: ConfigDict, run: Run, net: nets.Net, batches: Any) -> Any:
    if not batches.windowed or not batches.sequences.several:
        return None
    uncut = ConfigDict(config.to_dict())  # windows reach behind the frames that others are cut to
    uncut.input.max_length = max(config.input.max_length, int(max(run.train.lengths)))
    return inputs.make_eval_batches(uncut, run.train, run.view, net, batches.features)


def never_trained(run: Run, variables: Mapping[str, Any]) -> tuple[str, ...]:
    """Parameter paths that no stage trains, but for those the net says it never uses.

    They are large backbones, saved once and not with every checkpoint.
    """
    paths = optimizer.flat(variables["params"])
    absent = build_net(run.config).absent_params
    trained: set[str] = set()
    for current in run.stages:
        settings = current.config.train
        chosen = optimizer.select(paths, settings.trainable, settings.frozen, (), absent)
        trained |= set(chosen)
    return tuple(path for path in paths if path not in trained)


def write_manifest(run: Run, entries: Mapping[str, Any]) -> None:
    """Writes manifest.json: what made this run, and how far it came."""
    value = {
        "system": run.config.system,
        "net": run.config.net.name,
        "device": runtime.describe_devices(),
        "packages": runtime.packages(),
        **entries,
    }
    write_text(run.workdir / "manifest.json", json.dumps(value, indent=2) + "\n")
