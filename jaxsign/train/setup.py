"""From a recipe to what a run works with: examples, its folder, and a session for each stage."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
import optax
from jax.typing import DTypeLike
from ml_collections import ConfigDict

from jaxsign import config as configs
from jaxsign import machines, nets, run_files, shipped, tasks
from jaxsign import stages as stage
from jaxsign.errors import UserError
from jaxsign.input import batching
from jaxsign.input.examples import Examples, Facts
from jaxsign.sections.data import SPLITS
from jaxsign.tasks import measures
from jaxsign.train import (
    by_path,
    continuing,
    freezing,
    initial,
    inputs,
    opening,
    optimizer,
    penalties,
    placing,
    precision,
    ranges,
    rates_table,
    schedule,
    state,
    step,
)
from jaxsign.whole import write_json


@dataclasses.dataclass
class TrainingRun:
    """A run's fixed parts.

    Attributes:
      config: with every number resolved (classes, input width, batch size).
      train, val: examples.
      stages: in order.
      devices: of this process that the run uses; as many in every other one.
      machines: the processes that train it.
    """

    config: ConfigDict
    workdir: Path
    train: Examples
    val: Examples
    stages: tuple[stage.Stage, ...]
    devices: list[jax.Device]
    machines: machines.Machines


def prepare(config: ConfigDict, workdir: str | Path) -> TrainingRun:
    """Opens and checks all input and resolves the recipe.

    Raises:
      UserError: anything that would make the run fail later.
    """
    ranges.check(config)
    if tasks.kind(config).looks_with(config):  # which takes long: mistakes are told before
        try_out(config, workdir)
    return _prepared(config, workdir)


def _prepared(config: ConfigDict, workdir: str | Path, *, trial: bool = False) -> TrainingRun:
    """As `prepare`; with `trial` of a few examples, where another run makes them."""
    shipped.refuse_writing(workdir, "Give a folder of your own")
    workdir = Path(workdir).resolve()
    stored = configs.load_run_config(workdir) if run_files.is_run(workdir) else None
    devices = choose_devices(config.devices)
    kind = tasks.kind(config)
    train = opening.open_examples(config, "train", training=True, trial=trial)
    val = opening.open_examples(config, "val", trial=trial)
    config = resolve(config, train, stored)
    train, val = train.under(config), val.under(config)
    if stored is None or not (workdir / run_files.CHECKPOINTS).exists():
        kind.check_start(config)
    else:
        configs.check_same_run(config, stored, workdir)
        continuing.check_classes(train.class_names(config), workdir / run_files.LABELS)
        continuing.check_languages(config.data.parts, stored.data.parts)
    return TrainingRun(config, workdir, train, val, stage.resolve(config), devices, machines.here())


def choose_devices(wanted: int) -> list[jax.Device]:
    """The first `wanted` local devices; 0 = all.

    Raises:
      UserError: there are fewer.
    """
    found = jax.local_devices()
    if wanted > len(found):
        raise UserError(f"config.devices={wanted}, but this machine has {len(found)}")
    return found[: wanted or None]


def resolve(config: ConfigDict, train: Examples, stored: ConfigDict | None = None) -> ConfigDict:
    """The recipe with what only the training data can tell, and with paths from anywhere."""
    config = filled(config, train.facts(config))
    _lengthen(config, len(train))
    _absolute_paths(config)
    if stored is not None and not config.input.batch_size:
        config.input.batch_size = stored.input.batch_size
    if stored is not None:  # earlier versions made heads that a run does not learn
        configs.as_begun(config, stored)
        made = {key: n for key, n in stored.net.items() if config.net.get(key) == 0}
        config.net.update({key: n for key, n in made.items() if key.startswith("num_")})
    return config


def filled(config: ConfigDict, facts: Facts) -> ConfigDict:
    """A copy of a recipe with what its data tell."""
    config = ConfigDict(config.to_dict())
    for section, values in facts.items():
        config[section].update(values)
    return config


def _lengthen(config: ConfigDict, examples: int) -> None:
    """More epochs, in place, where there are fewer examples than `train.full_epoch`.

    That becomes their number, so that a run's own recipe is not lengthened again.
    """
    row = config.train
    if examples < row.full_epoch:
        times = row.full_epoch / examples
        row.update({key: math.ceil(row[key] * times) for key in ("epochs", "min_epochs")})
        row.eval_every = max(1, round(row.eval_every * times))
        row.full_epoch = examples


def _absolute_paths(config: ConfigDict) -> None:
    """Paths of the recipe as they hold from any folder: later verbs read them from the run."""
    places = [(config.data[split], key) for split in SPLITS for key in ("path", "labels")]
    places += [(config.data, "label_map"), (config.data.action_genome, "features")]
    of_train = ("init_from", "pretrained", "words", "priors", "backbone_weights")
    places += [(config.train, key) for key in of_train]
    places += [(config.net, "detector")] if "detector" in config.net else []
    for section, key in places:
        if section[key] not in ("", initial.RANDOM) and not shipped.is_name(section[key]):
            section[key] = str(Path(section[key]).resolve())
    config.data.parts = tuple(str(Path(part).resolve()) for part in config.data.parts)


def build_net(
    config: ConfigDict, dtype: DTypeLike | None = None, axis_name: str | None = None
) -> nets.Net:
    """The net of `config.net`; `dtype` and `axis_name` as in `nets.Net`.

    Raises:
      UserError: an unknown net or field.
    """
    return nets.build(**{**config.net.to_dict(), "dtype": dtype, "axis_name": axis_name})


def claim(run: TrainingRun) -> None:
    """Writes the recipe and the labels into the run folder, once all else has been checked.

    Raises:
      UserError: the folder cannot be written.
    """
    if not run.machines.first:
        return
    try:
        run.workdir.mkdir(parents=True, exist_ok=True)
        configs.save_run_config(run.config, run.workdir)
        labels = {"heads": run.train.class_names(run.config)}
        write_json(run.workdir / run_files.LABELS, labels)
    except OSError as error:
        raise UserError(
            f"--workdir {run.workdir}: cannot be written ({error.strerror or error})"
        ) from error


@dataclasses.dataclass
class Session:
    """What a stage works with.

    Attributes:
      train_batches, val_batches: of the examples, under the stage's input options.
      monitors: the numbers that choose the best epoch, stop the stage and steer its rate.
      survey_batches: the training examples whole and in order, where the input asks for the task's
        survey; else None.
      renew_batches: the training examples in order, where the task renews variables; else None.
      compiled: the steps.
      schedule: learning rates.
      trainable: parameter paths.
      groups: what trains at which share of the rate, and what stands still.
      optimizer: of the trainable.
    """

    stage: stage.Stage
    task: tasks.Task
    monitors: measures.Monitors
    compiled: step.Compiled
    schedule: schedule.Schedule
    train_batches: batching.TrainBatches
    val_batches: batching.EvalBatches
    survey_batches: batching.EvalBatches | None
    renew_batches: batching.EvalBatches | None
    trainable: tuple[str, ...]
    groups: tuple[rates_table.RateGroup, ...]
    optimizer: optax.GradientTransformation

    def fresh(
        self, variables: nets.Variables, at: int, before: state.TrainState | None
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
            kept = optimizer.with_moments(created.opt_state, before.opt_state)
            created = created.replace(opt_state=kept)
        return created


def begin(run: TrainingRun, current: stage.Stage, variables: nets.Variables | None) -> Session:
    """Builds a stage's session; `variables` (or their shapes) tell the parameter paths."""
    config = current.config
    shared = len(run.devices) > 1 or run.machines.several
    axis = placing.AXIS if shared and config.parallel == "pmap" else None
    dtype = precision.compute_dtype(config.precision)
    net = build_net(config, dtype, axis)
    batches = inputs.training(config, run.train.under(config))
    placing.check_rows(batches.shape[1], len(run.devices), f"stage {current.name!r}: ")
    if variables is None:
        variables = initial.shapes_of(tasks.build(config, net), batches)
    paths = tuple(by_path.flat(variables["params"]))
    trainable = _trainable(current, paths, net)
    if config.train.frozen_statistics == "still":
        net = net.clone(still=freezing.still(variables, trainable, net.unused_params))
    # However it was frozen, a part that does not train runs in eval mode.
    thawed = {path.partition("/")[0] for path in trainable}
    net = net.with_frozen([p.name for p in net.optional_parts if p.name not in thawed])
    task = tasks.build(config, net)
    factors = optimizer.lr_factors(paths, config.optim.lr_factors)
    apart = _moments_apart(run, current, paths, net)
    chain = optimizer.build(config.optim, factors, apart=apart)
    whole = batches.examples.to_survey()
    return Session(
        stage=current,
        task=task,
        monitors=tasks.monitors(config),
        compiled=step.build(
            task,
            chain,
            trainable,
            ema_decay=config.train.ema_decay,
            penalties=penalties.resolve(config.loss.penalties, paths),
            devices=run.devices,
            parallel=config.parallel,
            round_products=precision.rounds_products(config.precision),
        ),
        schedule=schedule.build(
            config.schedule, config.optim.lr, current.epochs, batches.steps_per_epoch
        ),
        train_batches=batches,
        val_batches=inputs.validation(config, run.val.under(config)),
        survey_batches=None if whole is None else inputs.evaluation(config, whole),
        renew_batches=inputs.evaluation(config, batches.examples) if task.renews else None,
        trainable=trainable,
        groups=rates_table.groups(variables["params"], trainable, factors, net.unused_params),
        optimizer=chain,
    )


def begin_all(run: TrainingRun) -> tuple[Session, nets.Variables]:
    """The first stage's session and the shapes of its variables.

    Raises:
      UserError: a mistake, also in a later stage.
    """
    session = begin(run, run.stages[0], None)
    shapes = initial.shapes_of(session.task, session.train_batches)
    for later in run.stages[1:]:
        begin(run, later, shapes)
    return session, shapes


def try_out(config: ConfigDict, workdir: str | Path) -> None:
    """Opens the input of a run that is to come, and begins each of its stages.

    Where another run makes its examples, a few of them do.

    Raises:
      UserError: what would make it fail then.
    """
    ranges.check(config)
    run = _prepared(config, workdir, trial=True)
    if run.config.input.batch_size:  # else it is found by trial steps
        begin_all(run)


def _trainable(current: stage.Stage, paths: Sequence[str], net: nets.Net) -> tuple[str, ...]:
    return by_path.select(
        paths,
        current.config.train.trainable,
        freezing.patterns(current.config.train, net),
        net.unused_params,
        net.absent_params,
    )


def _moments_apart(
    run: TrainingRun, current: stage.Stage, paths: Sequence[str], net: nets.Net
) -> bool:
    """Whether parameters have begun to train at different times and keep their moments."""
    apart, before = False, None
    for row in (*run.stages[: current.number], current):
        chosen = _trainable(row, paths, net)
        apart = row.keep_optimizer and before is not None and (apart or chosen != before)
        before = chosen
    return apart


def never_trained(run: TrainingRun, variables: nets.Variables) -> tuple[str, ...]:
    """Parameter paths that no stage trains, but for those the net says it never uses.

    They are large backbones, saved once and not with every checkpoint.
    """
    paths = by_path.flat(variables["params"])
    net = build_net(run.config)
    trained: set[str] = set()
    for current in run.stages:
        settings = current.config.train
        frozen = freezing.patterns(settings, net)
        chosen = by_path.select(paths, settings.trainable, frozen, (), net.absent_params)
        trained |= set(chosen)
    return tuple(path for path in paths if path not in trained)
