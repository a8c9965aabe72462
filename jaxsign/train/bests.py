"""Which epochs are the best ones, and the variables that stay of them."""

import functools
import math
from collections.abc import Callable, Sequence

import jax
import numpy as np

from jaxsign.errors import UserError
from jaxsign.tasks import measures
from jaxsign.tasks.answering import CheckpointInfo
from jaxsign.train import checkpoint, log, records, setup, state, weights


def look_anew(
    at: records.Records, checkpoints: checkpoint.Checkpoints, display: log.TrainingDisplay
) -> None:
    """Forgets the best epochs whose checkpoints are gone."""
    gone = "checkpoint is gone: the next epoch counts as the best so far"
    if at.best.score is not None and not checkpoints.has_best():
        display.say(f"the best {gone}")
        at.best.score = at.stop_best = None
    for name, best in at.also_best.items():
        if best.score is not None and not checkpoints.has_also_best(name):
            display.say(f"the {weights.also_best(name)} {gone}")
            best.score = None


def observe(
    at: records.Records, session: setup.Session, val: measures.Means
) -> tuple[bool, list[str]]:
    """Tells what watches a validation of its numbers.

    Returns:
      Whether it is the best so far; other numbers by which it is, of `Monitors.also_best`.

    Raises:
      UserError: the loss is not finite, and nothing stops the run for it.
    """
    watched, settings = session.monitors, session.stage.config.train
    lost = not math.isfinite(val["loss"])
    if lost and not (settings.early_stop and watched.stop.key == "loss"):
        raise UserError(
            f"the validation loss of epoch {at.epoch} is {val['loss']}. An earlier "
            "epoch's checkpoint is kept. Lower optim.lr or set optim.grad_clip (e.g. 1.0)."
        )
    session.schedule.observe(watched.steer.score(val))
    at_once = 0 if session.stage.until else settings.early_stop
    at.observe_stopping(watched.stop.score(val), settings.min_delta, at_once)
    also = [
        name
        for name, number in watched.also_best.items()
        if at.also_best.setdefault(name, records.Best()).observe(
            at.epoch, number.score(val), val["loss"]
        )
    ]
    return at.best.observe(at.epoch, watched.best.score(val), val["loss"]), also


def kept(
    at: records.Records,
    session: setup.Session,
    current: state.TrainState,
    checkpoints: checkpoint.Checkpoints | None,
    val: measures.Means | None,
    best: bool,
    also: Sequence[str],
    *,
    waits: bool,
) -> dict[str, Callable[[], None]]:
    """What writes the variables of an epoch as the best ones, by the names of those checkpoints.

    Where it is one of those that stay it is written here.

    Args:
      at, session, current, checkpoints, val: of the run.
      best, also: as `observe` tells.
      waits: further steps are made before the best ones are written.
    """
    every = session.stage.config.checkpoint.keep_every
    stay = bool(every) and at.epoch % every == 0
    if checkpoints is None or not (best or also or stay):
        return {}
    variables = session.compiled.fetch(current).variables
    metric = None if val is None else val[session.monitors.best.key]
    info = CheckpointInfo(epoch=at.epoch, metric=metric)
    if stay:
        checkpoints.save_kept(at.epoch, variables, info)
    if waits:  # the next step gives the state's buffers away
        variables = jax.tree.map(np.array, variables)
    writes: dict[str, Callable[[], None]] = {}
    if best:
        writes["best"] = functools.partial(checkpoints.save_best, at.step, variables, info)
    for name in also:
        value = at.also_best[name].value(session.monitors.also_best[name])
        writes[weights.also_best(name)] = functools.partial(
            checkpoints.save_also_best, name, at.step, variables, {**info, "metric": value}
        )
    return writes
