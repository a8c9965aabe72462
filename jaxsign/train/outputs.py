"""What a run in progress shows and leaves: console, TensorBoard, the files of its folder."""

import dataclasses
import datetime
import time
from pathlib import Path

import jax

import jaxsign
from jaxsign import run_files, runtime, tasks
from jaxsign.errors import UserError
from jaxsign.input import planning, traits
from jaxsign.input.signs import rates
from jaxsign.tasks import manifests, measures
from jaxsign.train import (
    by_path,
    initial,
    log,
    logfile,
    optimizer,
    rates_table,
    records,
    setup,
    weights_and_biases,
)
from jaxsign.train.state import TrainState
from jaxsign.whole import write_text

# Drawing takes longer than an epoch on a small set: so many seconds lie between two pictures.
_PICTURE_EVERY = 30


@dataclasses.dataclass(frozen=True)
class Took:
    """Seconds of an epoch: of its training, and of its validation."""

    train: float
    val: float


def announce(
    run: setup.TrainingRun, session: setup.Session, display: log.TrainingDisplay, parameters: int
) -> None:
    """Says what is about to run, `session` first, with so many numbers in all parameters."""
    say = display.say
    say(f"device   {runtime.describe_devices()}")
    here = run.machines
    if here.several:
        more = ", ..." if here.count > 4 else ""
        say(f"machines {here.count} processes like this one: {', '.join(here.names[:4])}{more}")
    say(f"net      {run.config.net.name}, {parameters:,} parameters")
    for line in _rates(session):
        say(line)
    say(f"data     {len(run.train)} training and {len(run.val)} validation examples")
    batches = session.train_batches
    sizes = ", ".join("x".join(map(str, size)) for size in batches.sizes)
    say(
        f"steps    {batches.steps_per_epoch} an epoch, rows padded to {sizes}; each of them "
        "compiles once"
    )
    if session.stage.config.train.full_epoch == len(run.train):
        say(
            f"epochs   {session.stage.epochs}: more than the recipe names, as few examples make "
            "short ones (train.full_epoch)"
        )
    for line in _easiest(run, session):
        say(line)
    asked = session.stage.config.input.batch_size
    taken = [made.shape[1] * here.count for made in (batches, session.val_batches)]
    if min(taken) < asked:
        say(
            f"batch    {taken[0]} rows in training, {taken[1]} in validation, where "
            f"input.batch_size={asked} asks for more: there are no more examples"
        )
    doubt = initial.doubt(session.stage.config.train)
    for remark in (*run.train.remarks(run.config), *([doubt] if doubt else ())):
        say(f"warning  {remark}")
    say(f"run      {run.workdir}")


def announce_stage(
    run: setup.TrainingRun, session: setup.Session, display: log.TrainingDisplay
) -> None:
    """Says that a stage begins."""
    display.say(f"stage {session.stage.name}")
    for line in (*_rates(session), *_easiest(run, session)):
        display.say(line)


def _easiest(run: setup.TrainingRun, session: setup.Session) -> list[str]:
    share, every = session.stage.config.input.difficulty, run.train
    if share == 1:
        return []
    count = len(planning.easiest(every.difficulties(), share))
    return [f"easiest  {count} of {len(every)} training examples, input.difficulty={share:g}"]


class Outputs:
    """Everything that a run writes beside its checkpoints; of several processes the first one.

    Attributes:
      run: the run.
      display: the console.
      parameters: numbers in all of the net's parameters.
    """

    def __init__(
        self, run: setup.TrainingRun, display: log.TrainingDisplay, parameters: int, step: int
    ):
        self.run = run
        self.display = display
        self.parameters = parameters
        self._started = _started(run.workdir) or _now()
        folder = run.workdir / run_files.TENSORBOARD
        # Read once: what a run later answers to is held against it.
        rows = run.train.traits(run.config, traits.SAMPLE)
        rates.warn(run.train.name, ((name, row.get("rate", 0.0)) for name, row in rows), rates.KEY)
        self._trained_on = traits.usual(row for _, row in rows)
        first = run.machines.first
        self._tensorboard = log.TensorBoard(folder, first and run.config.log.tensorboard, step)
        self._boards = (
            self._tensorboard,
            weights_and_biases.Board(
                run.config.log.wandb if first else "off",
                run.workdir,
                self._started,
                run.config.to_dict(),
            ),
        )
        self._drawn = time.monotonic()

    @property
    def epochs(self) -> int:
        """Epochs of all stages."""
        return sum(stage.epochs for stage in self.run.stages)

    def step(
        self, task: tasks.Task, step: int, lr: float, means: measures.Means, grad_norm: float
    ) -> None:
        """A step's scalars, if it is one that is logged."""
        every = self.run.config.log.every_steps
        if every and step % every == 0:
            scalars = {"train/step_loss": means["loss"], "train/lr": lr, "lr": lr}
            more = task.step_tags(means)
            self._show({**scalars, "train/grad_norm": grad_norm, **more}, step)

    def histograms(self, session: setup.Session, state: TrainState, at: records.Records) -> None:
        """Histograms of weights and gradients, if the epoch is one of those that have them."""
        every = self.run.machines.first and self.run.config.log.histograms
        if every and at.epoch % every == 0:
            one = session.compiled.fetch(state)
            weights, gradients = by_path.flat(one.params), optimizer.mean_gradients(one.opt_state)
            arrays = {f"weights/{path}": weights[path] for path in gradients}
            arrays |= {f"gradients/{path}": value for path, value in gradients.items()}
            self._tensorboard.histograms(jax.device_get(arrays), at.step)

    def epoch(
        self, task: tasks.Task, at: records.Records, train: measures.Means,
        val: measures.Means | None, took: Took, speed: float, best: bool,
    ) -> None:  # fmt: skip
        """An epoch's scalars and its line on the console."""
        scalars = {f"train/{k}": v for k, v in train.items()}
        if val is not None:
            scalars |= {f"val/{k}": v for k, v in val.items()}
            scalars |= task.epoch_tags(val)
        self._show({**scalars, "train/examples_per_second": speed}, at.step)
        for board in self._boards:
            board.flush()
        parts = [f"train loss {train['loss']:.4f}", task.train_line(train)]
        if val is not None:
            parts += [f"val loss {val['loss']:.4f}", task.line(val)]
        memory = runtime.device_memory()[0]
        parts += [f"lr {at.rows[-1]['lr']:.3g}", f"{memory:.1f} GB" if memory else ""]
        parts += [f"{took.train + took.val:.1f} s", "*" if best else ""]
        text = "  ".join(filter(None, parts))
        self.display.end_epoch(at.epoch, self.epochs, text, validated=val is not None)

    def _show(self, scalars: dict[str, float], step: int) -> None:
        for board in self._boards:
            board.scalars(scalars, step)

    def write(
        self, session: setup.Session, at: records.Records, *, ended: bool, last: bool = False
    ) -> None:
        """Writes metrics.csv, logfile.txt and manifest.json, which tells whether the run `ended`.

        And history.png, now and then and when it is the `last` time.

        Raises:
          UserError: the folder cannot be written.
        """
        if not self.run.machines.first:
            return
        try:
            self._write(session, at, ended)
            if at.rows and (last or time.monotonic() - self._drawn >= _PICTURE_EVERY):
                picture = self.run.workdir / run_files.HISTORY
                log.draw_history(at.rows, picture, self.run.workdir.name, session.task.panel)
                self._drawn = time.monotonic()
        except OSError as error:
            raise UserError(
                f"{self.run.workdir}: metrics, manifest or picture cannot be written "
                f"({error.strerror or error}). Mend this and repeat the command: it goes on from "
                "the last checkpoint."
            ) from error

    def _write(self, session: setup.Session, at: records.Records, ended: bool) -> None:
        run = self.run
        records.write_csv(run.workdir / run_files.METRICS, at.rows)
        numbers, columns = tasks.kind(run.config).numbers(run.config), session.task.columns
        log_text = logfile.text(
            run.config, numbers, columns, at, started=self._started, epochs=self.epochs
        )
        write_text(run.workdir / run_files.LOG, log_text)
        manifest = manifests.Manifest(
            jaxsign=jaxsign.__version__,
            system=run.config.system,
            net=run.config.net.name,
            device=runtime.describe_devices(),
            packages=runtime.packages(),
            parameters=self.parameters,
            trainable_arrays=len(session.trainable),
            epochs_done=len(at.rows),
            ended=ended,
            best_epoch=at.best.epoch,
            best_metric=at.best.value(session.monitors.best),
            also_best={
                name: manifests.AlsoBest(best.epoch, best.value(session.monitors.also_best[name]))
                for name, best in at.also_best.items()
            },
            monitor=run.config.task.monitor,
            monitor_column=_column(session),
            train_examples=len(run.train),
            val_examples=len(run.val),
            trained_on=self._trained_on,
            **run.train.pair_counts(),
            started=self._started,
            written=_now(),
        )
        manifests.write(run.workdir, manifest)

    def close(self) -> None:
        """Closes the console's bar and TensorBoard's file."""
        self.display.close()
        for board in self._boards:
            board.close()


def _column(session: setup.Session) -> str:
    """The column of metrics.csv that has the number which chooses the best epoch; "" = none."""
    key = session.monitors.best.key
    names = [c.name for c in session.task.columns if c.side == "val" and c.key == key]
    return "val_loss" if key == "loss" else "".join(names[:1])


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _started(workdir: Path) -> str:
    """When the run that goes on here began; '' if none does."""
    try:
        return manifests.read(workdir).started
    except UserError:  # it is written anew
        return ""


def row(
    session: setup.Session, at: records.Records, train: measures.Means,
    val: measures.Means | None, rates: measures.Rates, lr: float, took: Took, *, staged: bool,
) -> measures.Row:  # fmt: skip
    """An epoch's row of metrics.csv.

    Args:
      val: None where there was no validation: its columns stay empty.
      lr: rate of the next epoch.
      staged: the run has several stages.
    """
    memory = runtime.device_memory()
    if session.stage.config.deterministic:
        took, memory = Took(0.0, 0.0), (0.0, 0.0)
    columns = session.task.columns

    def of(side: measures.Side, key: str) -> float | str:
        means = train if side == "train" else val
        return "" if means is None else means[key]

    values: dict[str, measures.Cell] = {
        "epoch": at.epoch,
        "train_loss": train["loss"],
        "val_loss": of("val", "loss"),
    }
    values |= {c.name: of(c.side, c.key) for c in columns if not c.last}
    values |= {"lr": lr, "epoch_time": took.train + took.val}
    values |= {"gpu_memory_allocated": memory[0], "gpu_memory_reserved": memory[1]}
    values |= rates.columns
    values |= {c.name: of(c.side, c.key) for c in columns if c.last}
    if staged:
        values["stage"] = session.stage.name
    return values | {"val_time": "" if val is None else took.val, "train_time": took.train}


def _rates(session: setup.Session) -> list[str]:
    """What trains at which rate; a schedule that goes on has a rate of its own by now."""
    goes_on = session.stage.keep_schedule
    rate = session.schedule.rate(0.0) if goes_on else session.schedule.lr
    return rates_table.lines(session.groups, rate)
