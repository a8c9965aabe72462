"""The only training loop.

It reads as a list: for every stage, for every epoch: train, validate, record, save. What a run
needs is built in setup.py, where it starts from is found in starting.py, one step is in step.py,
what a run shows and leaves is in outputs.py, what differs between kinds of learning stands in
tasks/.
A run that is stopped at any moment and started again writes the same metrics and parameters.
"""

import contextlib
import dataclasses
import time
from collections.abc import Generator, Iterable
from pathlib import Path

import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxsign import locking, nets, run_files
from jaxsign.errors import UserError
from jaxsign.input import batching
from jaxsign.tasks import chance, measures
from jaxsign.train import (
    alike,
    autobatch,
    bests,
    coming,
    compiling,
    log,
    outputs,
    passes,
    pending,
    placing,
    profiling,
    schedule,
    setup,
    signals,
    starting,
    state,
    writing,
)


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """How a run ended: `best` is the `monitor`'s value after `best_epoch`.

    `epochs` and `step` are those done, of the whole run; `doubt` says why `best` tells little.
    """

    workdir: Path
    epochs: int
    step: int
    best: float
    best_epoch: int
    monitor: measures.Number
    interrupted: bool
    doubt: str = ""


class Loop:
    """A run in progress; after `stop_after_steps` more steps it ends as on a stop request."""

    def __init__(
        self,
        run: setup.TrainingRun,
        display: log.TrainingDisplay,
        *,
        stop_after_steps: int | None = None,
    ):
        self.run, self.display = run, display
        self.stop_after_steps = stop_after_steps
        self.compiling = compiling.Watch(display)
        start = starting.begin(run, display, self.compiling)
        self.session, self.records = start.session, start.records
        self.checkpoints = start.checkpoints
        self.state = self.session.compiled.place(start.state)
        # Prefetched batches of the stage at hand, and the input's position behind each.
        self.feed: Generator[tuple[placing.OnDevices, batching.Position], None, None] | None = None
        self.begun = 0.0  # when the epoch at hand began, had it been trained at one go
        self.looked_ahead = False  # the programs of the stage at hand compile ahead of need
        self.outputs = outputs.Outputs(run, display, start.parameters, self.records.step)
        self.writing = writing.Writing(always=run.machines.several)
        folder = run.workdir / run_files.TENSORBOARD
        self.profile = profiling.Profile(run.config.log.profile, folder, display)

    def train(self) -> TrainingResult:
        """Runs what is left of the run."""
        self._tell()
        with signals.StopRequest(self.stop_after_steps, here=self.run.machines) as stop:
            try:
                if not self.records.step:
                    self._try_validation()
                while not self._over():
                    self._train_stage(stop)
                    if self._stage_is_over() and not self._spent():
                        self._next_stage()
                    if stop.requested:
                        break
                self._write_rest(last=True)
            except BaseException:
                self._leave()
                raise
            finally:
                self._close()
        number = self.session.monitors.best
        best = self.records.best.value(number)
        best = float("nan") if best is None else best
        return TrainingResult(
            self.run.workdir,
            self.records.epoch,
            self.records.step,
            best,
            self.records.best.epoch,
            number,
            stop.requested and not self._over(),
            chance.doubt(number, best, len(self.run.val)),
        )

    def _write_rest(self, *, last: bool = False) -> None:
        self.writing.best()
        self._tell(last=last)

    def _tell(self, *, last: bool = False) -> None:
        is_last = self.records.stage + 1 == len(self.run.stages)
        ended = self._over() or (is_last and self._stage_is_over())
        if not self._is_there():  # which the next checkpoint tells
            return
        self.outputs.write(self.session, self.records, ended=ended, last=last)

    def _leave(self) -> None:
        """A run that fails leaves its best epoch and what is told of all; that may fail, too."""
        if not self._is_there():
            return
        try:
            self._write_rest()
        except Exception as error:  # why the run failed is what counts
            self.display.say(f"warning  {error}")

    def _close(self) -> None:
        """Ends what runs beside the training."""
        with contextlib.ExitStack() as ends:
            if self.checkpoints is not None:
                ends.enter_context(contextlib.closing(self.checkpoints))
            for end in (self._close_feed, self.compiling.close, self.outputs.close):
                ends.callback(end)
            ends.callback(self.profile.close, self.records.step)

    def _try_validation(self) -> None:
        """What would break the first validation breaks now."""
        batches = self.run.config.train.sanity
        if batches:
            rates = self.session.task.rates(self.session.stage.config, 0)
            self._compile_ahead(coming.validation(self.session, self.state, rates, batches))
            passes.validate(self.session, self.state, rates, self.compiling, batches)
            self.display.say(f"sanity   {batches} validation batches tried")

    def _over(self) -> bool:
        return self.records.stage >= len(self.run.stages) or self._spent()

    def _spent(self) -> bool:
        """Whether the run has made all the steps that it may."""
        most = self.run.config.train.max_updates
        return 0 < most <= self.records.step

    def _steps(self) -> int:
        """Steps of the epoch at hand."""
        steps, most = self.session.train_batches.steps_per_epoch, self.run.config.train.max_updates
        before = self.records.step - self.records.steps_in_epoch
        return min(steps, most - before) if most else steps

    def _train_stage(self, stop: signals.StopRequest) -> None:
        at = self.records
        while not self._stage_is_over():
            begun, before = time.monotonic(), float(at.sums.get("examples", 0.0))
            self.begun = begun - at.seconds
            rates = self.session.task.rates(self.session.stage.config, at.stage_epoch)
            self._train_epoch(rates, stop)
            trained = time.monotonic() - begun
            speed = (float(at.sums.get("examples", 0.0)) - before) / trained
            if at.steps_in_epoch < self._steps():
                self._save()
                return
            train = self.session.task.means(at.sums)
            if self.session.renew_batches is not None:
                self._renew(self.session.renew_batches)
            val = (
                passes.validate(self.session, self.state, rates, self.compiling)
                if self._is_validated()
                else None
            )
            now = time.monotonic()
            took = outputs.Took(begun + trained - self.begun, now - begun - trained)
            self._end_epoch(train, val, took, speed, rates)
            if stop.requested:
                if self.writing.behind:
                    self._save()
                return

    def _learning_rate(self, steps: int) -> float:
        options = self.session.stage.config.schedule
        share = steps / self.session.train_batches.steps_per_epoch
        position = self.records.stage_epoch + (share if schedule.goes_by_step(options) else 0.0)
        return self.session.schedule.rate(position)

    def _train_epoch(self, rates: measures.Rates, stop: signals.StopRequest) -> None:
        at, session, steps = self.records, self.session, self._steps()
        self.display.start_epoch(at.epoch + 1, self.outputs.epochs, steps, at.steps_in_epoch)
        fixed = {**rates.now, "epoch": jnp.float32(at.epoch)}
        if not self.looked_ahead:  # later epochs of the stage need the same programs
            told = {"lr": jnp.float32(0), **fixed}
            self._compile_ahead(coming.epoch(session, self.state, at, told, steps))
            self._compile_ahead(coming.validation(session, self.state, rates))
            self.looked_ahead = True
        if session.survey_batches is not None:
            self._survey(session.survey_batches)
        if self.feed is None:
            iterator = session.train_batches.iterator(at.iterator)
            self.feed = batching.device_prefetch(iterator, session.compiled.put_train)
        scaled = self.state.loss_scale is not None
        made = pending.Pending(session, at, self.outputs, scaled=scaled)
        while at.steps_in_epoch < steps:
            batch, position = next(self.feed)
            if not self.compiling.wait("training", batch, lambda: stop.requested):
                break  # before the step: a new start compiles what this one did not
            lr = self._learning_rate(at.steps_in_epoch)
            now = {"lr": jnp.float32(lr), **fixed}
            self.profile.begin(at.step + 1)
            with self.compiling.step("training", batch):
                self.state, metrics = session.compiled.train(self.state, batch, now)
            at.step, at.steps_in_epoch, at.iterator = at.step + 1, at.steps_in_epoch + 1, position
            stop.count_step()
            made.add(pending.MadeStep(at.step, metrics, batch["index"], lr))
            if self.profile.add(at.step, batch, now):
                made.drain()
                self.profile.end(session.compiled.train, self.state)
            every = self.run.config.checkpoint.every_steps
            if every and at.step % every == 0 and at.steps_in_epoch < steps:
                made.drain()
                self._save()
            if stop.requested:
                break
        made.drain()
        self.profile.end(session.compiled.train, self.state)

    def _compile_ahead(self, programs: Iterable[compiling.Coming]) -> None:
        # Of several processes none must be ahead of the others, and their arrays have no stand-ins.
        if not self.run.machines.several:
            self.compiling.ahead([*programs])

    def _survey(self, batches: batching.EvalBatches) -> None:
        """Takes the task's survey at an epoch's start and tells the input what was found.

        Batches made ahead for this epoch do not know it: the feed starts anew.
        """
        at, session = self.records, self.session
        if not at.steps_in_epoch or at.alignment is None:
            seen = passes.looks(session, self.state, batches, self.compiling)
            at.alignment = session.task.survey(seen, len(batches.examples))
        session.train_batches.examples.surveyed(at.alignment)
        self._close_feed()

    def _renew(self, batches: batching.EvalBatches) -> None:
        """Lets the task replace variables at an epoch's end."""
        compiled = self.session.compiled
        host = compiled.fetch(self.state)
        before = {"params": host.params, **host.collections}
        seen = passes.looks(self.session, self.state, batches, self.compiling)
        found = self.session.task.renew(before, seen)
        if found is not None:
            self.state = compiled.place(host.renewed(found))

    def _close_feed(self) -> None:
        if self.feed is not None:
            self.feed.close()
            self.feed = None

    def _is_validated(self) -> bool:
        """Whether the epoch at hand is: every so many of a stage, and the last one."""
        done = self.records.stage_epoch + 1
        every = self.session.stage.config.train.eval_every
        return done % every == 0 or done >= self.session.stage.epochs or self._spent()

    def _end_epoch(
        self, train: measures.Means, val: measures.Means | None, took: outputs.Took, speed: float,
        rates: measures.Rates,
    ) -> None:  # fmt: skip
        at, session = self.records, self.session
        rate = self._learning_rate(0)
        at.epoch, at.stage_epoch = at.epoch + 1, at.stage_epoch + 1
        best, also = (False, []) if val is None else bests.observe(at, session, val)
        at.steps_in_epoch, at.seconds, at.sums = 0, 0.0, {}
        at.schedule = session.schedule.state()
        at.alignment = None
        row = outputs.row(
            session, at, train, val, rates, self._learning_rate(0), took,
            staged=len(self.run.stages) > 1,
        )  # fmt: skip
        at.rows.append(row)
        at.rates.append(rate)
        now = self.writing.pays() or self._stage_is_over()
        kept = bests.kept(at, session, self.state, self.checkpoints, val, best, also, waits=not now)
        self.writing.later(kept)
        if now:
            self._save()
        self.outputs.histograms(session, self.state, at)
        self.outputs.epoch(session.task, at, train, val, took, speed, best)

    def _stage_is_over(self) -> bool:
        at, settings = self.records, self.session.stage.config.train
        early = bool(settings.early_stop) and at.since_best >= settings.early_stop
        early = early and at.stage_epoch >= settings.min_epochs
        return at.stage_epoch >= self.session.stage.epochs or early or self._spent()

    def _is_there(self) -> bool:
        """Whether the run folder is: what is written would stand where it was before."""
        return not self.run.machines.first or run_files.is_run(self.run.workdir)

    def _save(self) -> None:
        if not self._is_there():
            raise UserError(
                f"{self.run.workdir}: the run folder was moved or removed while it trained: its "
                "config.json is gone. Put it back, or give its new place as --workdir: the same "
                "command goes on from its last checkpoint"
            )
        host = self.session.compiled.fetch(self.state)
        self.records.saves += 1
        if self.records.steps_in_epoch:
            self.records.seconds = time.monotonic() - self.begun
        with self.writing.now():
            if self.checkpoints is not None:
                self.checkpoints.save_last(self.records.saves, host, self.records.to_json())
            # Behind it: what is told of a run that a kill ends has a checkpoint to go on from.
            self._tell()

    def _next_stage(self) -> None:
        at, before = self.records, self.session
        if at.stage_epoch < before.stage.epochs:
            self.display.say(
                f"stopped  early: the last {at.since_best} validations have no better "
                f"{before.monitors.stop.words} (train.early_stop)"
            )
        if at.stage + 1 == len(self.run.stages):
            at.stage += 1
            return
        upcoming = self.run.stages[at.stage + 1]
        host: state.TrainState = before.compiled.fetch(self.state)
        variables: nets.Variables = {"params": host.params, **host.collections}
        if upcoming.start == "best" and at.best.score is not None:
            if self.checkpoints is not None:
                variables = self.checkpoints.best_variables()
            variables = alike.as_first(self.run.machines, variables)
        self._close_feed()
        self.compiling.new_stage()
        self.looked_ahead = False
        self.session = setup.begin(self.run, upcoming, variables)
        # A number of another kind cannot be held against the one so far.
        other = self.session.monitors.stop != before.monitors.stop
        at.next_stage(
            reset_best=upcoming.reset_best,
            reset_stop=upcoming.until or other,
            keep_count=before.stage.until and upcoming.keep_schedule,
        )
        if upcoming.keep_schedule:
            self.session.schedule.follow(before.schedule, own_rate=upcoming.own_rate)
            at.schedule = self.session.schedule.state()
        fresh = self.session.fresh(variables, at.step, host)
        self.state = self.session.compiled.place(fresh)
        outputs.announce_stage(self.run, self.session, self.display)
        self._save()


def train(
    config: ConfigDict,
    workdir: str | Path,
    display: log.TrainingDisplay | None = None,
    *,
    stop_after_steps: int | None = None,
) -> TrainingResult:
    """Trains `config` in `workdir`, or goes on with the run that it holds.

    After `stop_after_steps` more steps (at least one), if that is not None, the run stops as on
    Ctrl-C: its checkpoint is written, the same call goes on from there.

    Raises:
      UserError: a mistake in the recipe or the input, or a loss that is not finite.
    """
    display = display or log.TrainingDisplay(live=config.log.progress)
    goes_on = run_files.is_run(workdir)
    run = setup.prepare(config, workdir)
    alike.check(run, goes_on=goes_on)
    # Every process of a run on several machines works in the same folder; the first one guards it.
    guard = (
        locking.alone(run.workdir, run_files.LOCK, "--workdir", "trains in this folder", tidy=True)
        if run.machines.first
        else contextlib.nullcontext()
    )
    with guard:
        if not run.config.input.batch_size:
            run = autobatch.choose(run, display)
        return Loop(run, display, stop_after_steps=stop_after_steps).train()
