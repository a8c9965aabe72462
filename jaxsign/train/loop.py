"""The only training loop.

It reads as a list: for every stage, for every epoch: train, validate, record, save. What a run
needs is built in setup.py, one step is in step.py, what a run shows and leaves is in outputs.py,
what differs between kinds of learning stands in tasks/.
A run that is stopped at any moment and started again writes the same metrics and parameters.
"""

import collections
import contextlib
import dataclasses
import math
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxsign import locking, nets
from jaxsign.errors import UserError
from jaxsign.input import batching
from jaxsign.tasks import chance, measures
from jaxsign.train import (
    autobatch,
    bests,
    checkpoint,
    compiling,
    initial,
    log,
    outputs,
    passes,
    profiling,
    records,
    schedule,
    setup,
    signals,
    state,
)

_SKIPPED_STEPS = 25  # float16 overflows in a row that no loss scale will cure


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
        self.run = run
        self.stop_after_steps = stop_after_steps
        self.records = records.Records()
        self.compiling = compiling.Watch(display)
        session, shapes = setup.begin_all(run)
        count = sum(math.prod(a.shape) for a in jax.tree.leaves(shapes["params"]))
        never = setup.never_trained(run, shapes)
        outputs.announce(run, session, display, count)  # before anything compiles
        resumed = (run.workdir / "checkpoints" / "last").exists()
        variables = initial.zeros(shapes) if resumed else self._initial(session, display)
        setup.claim(run)
        self.checkpoints = checkpoint.Checkpoints(run.workdir, never)
        if resumed and not self.checkpoints.exists():  # killed before its first checkpoint
            resumed, variables = False, self._initial(session, display)
        if resumed:
            self.records = records.Records.from_json(self.checkpoints.records())
            bests.look_anew(self.records, self.checkpoints, display)
            display.say(f"resumed  after epoch {self.records.epoch}, step {self.records.step}")
            if self.records.stage:
                session = setup.begin(run, run.stages[self.records.stage], shapes)
        self.session = session
        # Where a run starts from, in this order: its own checkpoint; else config.train.init_from
        # and backbone_weights; else random.
        host = session.fresh(variables, self.records.step, None)
        if resumed:
            host = self.checkpoints.restore(host)
            session.schedule.restore(self.records.schedule or session.schedule.state())
            if self.records.stage:
                outputs.announce_stage(run, session, display)
        self.state = session.compiled.place(host)
        # Prefetched batches of the stage at hand, and the input's position behind each.
        self.feed: Generator[tuple[Any, dict[str, int]], None, None] | None = None
        self.display = display
        self.outputs = outputs.Outputs(run, display, count, self.records.step)
        folder = run.workdir / "tensorboard"
        self.profile = profiling.Profile(run.config.log.profile, folder, display)

    def _initial(self, session: setup.Session, display: log.TrainingDisplay) -> nets.Variables:
        with self.compiling.told("the start weights"):
            variables, notes = initial.variables(
                self.run.config, session.task, session.train_batches
            )
        for note in notes:
            display.say(note)
        return variables

    def train(self) -> TrainingResult:
        """Runs what is left of the run."""
        self.outputs.write(self.session, self.records)
        with signals.StopRequest(self.stop_after_steps) as stop:
            try:
                if not self.records.step:
                    self._try_validation()
                while self.records.stage < len(self.run.stages) and not self._spent():
                    self._train_stage(stop)
                    if self._stage_is_over() and not self._spent():
                        self._next_stage()
                    if stop.requested:
                        break
                self.outputs.write(self.session, self.records, last=True)
            finally:
                self.profile.close(self.records.step)
                self.outputs.close()
                self._close_feed()
                self.checkpoints.close()
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
            stop.requested and self.records.stage < len(self.run.stages) and not self._spent(),
            chance.doubt(number, best, len(self.run.val)),
        )

    def _try_validation(self) -> None:
        """What would break the first validation breaks now."""
        batches = self.run.config.train.sanity
        if batches:
            rates = self.session.task.rates(self.session.stage.config, 0)
            passes.validate(self.session, self.state, rates, self.compiling, batches)
            self.display.say(f"sanity   {batches} validation batches tried")

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
            begun, before = time.monotonic(), at.sums.get("examples", 0.0)
            rates = self.session.task.rates(self.session.stage.config, at.stage_epoch)
            self._train_epoch(rates, stop)
            trained = time.monotonic() - begun
            speed = (at.sums.get("examples", 0.0) - before) / trained
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
            took = outputs.Took(trained, time.monotonic() - begun - trained)
            self._end_epoch(train, val, took, speed, rates)
            if stop.requested:
                return

    def _learning_rate(self, steps: int) -> float:
        options = self.session.stage.config.schedule
        share = steps / self.session.train_batches.steps_per_epoch
        position = self.records.stage_epoch + (share if schedule.goes_by_step(options) else 0.0)
        return self.session.schedule.rate(position)

    def _train_epoch(self, rates: measures.Rates, stop: signals.StopRequest) -> None:
        at, session, steps = self.records, self.session, self._steps()
        self.display.start_epoch(at.epoch + 1, self.outputs.epochs, steps, at.steps_in_epoch)
        if session.survey_batches is not None:
            self._survey(session.survey_batches)
        if self.feed is None:
            iterator = session.train_batches.iterator(at.iterator)
            self.feed = batching.device_prefetch(iterator, session.compiled.put_train)
        fixed = {**rates.now, "epoch": jnp.float32(at.epoch)}
        pending: collections.deque[tuple[int, Any, Any, float]] = collections.deque()
        while at.steps_in_epoch < steps:
            batch, position = next(self.feed)
            lr = self._learning_rate(at.steps_in_epoch)
            now = {"lr": jnp.float32(lr), **fixed}
            self.profile.begin(at.step + 1)
            with self.compiling.step("training", batch):
                self.state, metrics = session.compiled.train(self.state, batch, now)
            at.step, at.steps_in_epoch, at.iterator = at.step + 1, at.steps_in_epoch + 1, position
            stop.count_step()
            pending.append((at.step, metrics, batch["index"], lr))
            if len(pending) >= passes.IN_FLIGHT:
                self._collect(*pending.popleft())
            if self.profile.add(at.step, batch, now):
                self._drain(pending)
                self.profile.end(session.compiled.train, self.state)
            every = self.run.config.checkpoint.every_steps
            if every and at.step % every == 0 and at.steps_in_epoch < steps:
                self._drain(pending)
                self._save()
            if stop.requested:
                break
        self._drain(pending)
        self.profile.end(session.compiled.train, self.state)

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

    def _drain(self, pending: collections.deque) -> None:
        while pending:
            self._collect(*pending.popleft())

    def _collect(self, step: int, metrics: Any, index: Any, lr: float) -> None:
        values = self.session.compiled.scalars(metrics)
        grad_norm = float(values.pop("grad_norm"))
        finite = bool(values.pop("finite"))
        if finite and not values["examples"]:  # no row that can be learnt: there is no mean
            return
        means = self.session.task.means(values)
        finite = finite and math.isfinite(means["loss"])
        scaled = self.state.loss_scale is not None
        self.records.skipped = 0 if finite else self.records.skipped + 1
        if not finite and (not scaled or self.records.skipped >= _SKIPPED_STEPS):
            self._fail_on(step, means["loss"], grad_norm, index)
        if finite:
            self.records.add(values)
            self.outputs.step(self.session.task, step, lr, means, grad_norm)
            so_far = self.session.task.means(self.records.sums)
            self.display.step(self.records.steps_in_epoch, f"loss {so_far['loss']:.4f}")

    def _fail_on(self, step: int, loss: float, grad_norm: float, index: Any) -> None:
        rows = np.asarray(jax.device_get(index)).reshape(-1)
        ids = [self.run.train.ids[i] for i in rows if i >= 0]
        raise UserError(
            f"the loss or its gradient is not finite at step {step} (epoch "
            f"{self.records.epoch + 1}): loss {loss}, gradient norm {grad_norm}. The batch "
            f"held: {', '.join(ids[:8])}{', ...' if len(ids) > 8 else ''}. The checkpoint of the "
            "epoch before is kept. Lower optim.lr, set optim.grad_clip (e.g. 1.0), or use "
            "precision=float32."
        )

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
        at.rates.append(self._learning_rate(0))
        at.epoch, at.stage_epoch = at.epoch + 1, at.stage_epoch + 1
        best, also = (False, []) if val is None else bests.observe(at, session, val)
        at.steps_in_epoch, at.sums, at.schedule = 0, {}, session.schedule.state()
        at.alignment = None
        at.rows.append(
            outputs.row(
                session, at, train, val, rates, self._learning_rate(0), took,
                staged=len(self.run.stages) > 1,
            )
        )  # fmt: skip
        bests.save(at, session, self.state, self.checkpoints, val, best, also)
        self._save()
        self.outputs.write(session, at)
        self.outputs.histograms(session, self.state, at)
        self.outputs.epoch(session.task, at, train, val, took, speed, best)

    def _stage_is_over(self) -> bool:
        at, settings = self.records, self.session.stage.config.train
        early = bool(settings.early_stop) and at.since_best >= settings.early_stop
        early = early and at.stage_epoch >= settings.min_epochs
        return at.stage_epoch >= self.session.stage.epochs or early or self._spent()

    def _save(self) -> None:
        host = self.session.compiled.fetch(self.state)
        self.records.saves += 1
        self.checkpoints.save_last(self.records.saves, host, self.records.to_json())

    def _next_stage(self) -> None:
        at, before = self.records, self.session
        if at.stage + 1 == len(self.run.stages):
            at.stage += 1
            return
        upcoming = self.run.stages[at.stage + 1]
        host: state.TrainState = before.compiled.fetch(self.state)
        variables: nets.Variables = {"params": host.params, **host.collections}
        if upcoming.start == "best" and at.best.score is not None:
            variables = self.checkpoints.best_variables()[0]
        self._close_feed()
        self.compiling.new_stage()
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
    run = setup.prepare(config, workdir)
    # Every process of a run on several machines works in the same folder; the first one guards it.
    guard = (
        locking.alone(run.workdir, ".lock", "--workdir", "trains in this folder", tidy=True)
        if jax.process_index() == 0
        else contextlib.nullcontext()
    )
    with guard:
        if not run.config.input.batch_size:
            run = autobatch.choose(run, display)
        return Loop(run, display, stop_after_steps=stop_after_steps).train()
