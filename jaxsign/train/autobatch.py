"""The batch size found by trial steps: the real compiled step on the largest bucket."""

import dataclasses
import math
import time
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import psutil
from jax.typing import ArrayLike

from jaxsign.train import initial, log, placing, setup, step
from jaxsign.train.state import TrainState

_LARGEST = 1024
_GAIN = 1.05  # a doubling must bring at least this much more examples/s
_SHARE = 0.8  # of the free memory that the step may take


def choose(run: setup.TrainingRun, display: log.TrainingDisplay) -> setup.TrainingRun:
    """Doubles the batch while examples/s still grow and memory allows.

    The choice becomes part of the run's config, so that a resumed run goes on with the same size.
    """
    config = run.config
    devices = run.machines.count * len(run.devices)
    size = best = devices * max(1, 8 // devices)
    fastest = 0.0
    display.say("batch size 0: trial steps look for one, each size compiles ...")
    limit = min(_LARGEST, max(size, len(run.train)))
    while size <= limit:
        config.input.batch_size = size
        speed = _examples_per_second(run)
        if speed is None or speed < fastest * _GAIN:
            break
        display.say(f"batch {size}: {speed:.0f} examples/s")
        fastest, best, size = speed, size, size * 2
    config.input.batch_size = best
    display.say(f"batch size {best}, found by trial steps")
    stages = setup.stage.resolve(config)
    return dataclasses.replace(run, config=config, stages=stages)


def _examples_per_second(run: setup.TrainingRun) -> float | None:
    """Examples a second of the first stage's step, or None if the step does not fit the memory."""
    stages = setup.stage.resolve(run.config)
    session = setup.begin(run, stages[0], None)
    batches = session.train_batches
    batch = batches.blank(batches.sizes[-1])
    zeros = initial.zeros(initial.shapes_of(session.task, batches))
    compiled = session.compiled
    state = compiled.place(session.fresh(zeros, 0, None))
    rates = {"lr": jnp.float32(0), **session.task.rates(stages[0].config, 0).now}
    put = compiled.put_train(batch)
    on_host = run.devices[0].platform == "cpu"
    too_large = on_host and _temporaries(compiled, state, put, rates) > _free()
    if any(run.machines.gather(bool(too_large))):
        return None
    times, took = [], math.inf
    try:
        for _ in range(4):
            begun = time.perf_counter()
            state, metrics = compiled.train(state, put, rates)
            jax.block_until_ready(metrics)
            times.append(time.perf_counter() - begun)
        took = min(times[1:])  # the first one compiles
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
    # Of several processes the slowest counts, so that all choose the same.
    slowest = max(run.machines.gather(took))
    rows = run.machines.count * batch["weight"].size
    return rows / slowest if math.isfinite(slowest) else None


def _temporaries(
    compiled: step.Compiled,
    state: TrainState,
    put: placing.OnDevices,
    rates: Mapping[str, ArrayLike],
) -> float:
    """Bytes that the step needs besides its arguments; a CPU has no error to catch in time."""
    analysis = compiled.train.lower(state, put, rates).compile().memory_analysis()
    # Not all of jax's backends tell, or tell of all.
    return float(getattr(analysis, "temp_size_in_bytes", 0)) if analysis else 0.0


def _free() -> float:
    return psutil.virtual_memory().available * _SHARE
