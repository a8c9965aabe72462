"""Batches of examples as a recipe asks for them."""

import dataclasses

import jax
from ml_collections import ConfigDict

from jaxsign import machines
from jaxsign.input import batching
from jaxsign.input.examples import Examples


def training(config: ConfigDict, examples: Examples) -> batching.TrainBatches:
    """Training batches: all, or as many an epoch as `train` asks for."""
    limit, same = config.train.overfit or config.train.limit_train, bool(config.train.overfit)
    options = dataclasses.replace(
        _options(config), limit=limit, repeat=same, easiest=config.input.difficulty
    )
    return batching.TrainBatches(examples, options)


def validation(config: ConfigDict, examples: Examples) -> batching.EvalBatches:
    """What an epoch is validated on, in order: all, or as many batches as `train` asks for."""
    limit = config.train.overfit or config.train.limit_val
    return batching.EvalBatches(examples, dataclasses.replace(_options(config), limit=limit))


def evaluation(config: ConfigDict, examples: Examples) -> batching.EvalBatches:
    """Every example once, in order."""
    return batching.EvalBatches(examples, _options(config))


def _options(config: ConfigDict) -> batching.BatchOptions:
    here = machines.here()
    return batching.BatchOptions(
        batch_size=config.input.batch_size,
        buckets=tuple(config.input.buckets),
        accumulation=config.optim.accumulation,
        shared=here.count * (config.devices or jax.local_device_count()),
        seed=config.seed,
        workers=config.input.workers,
        threads=config.input.threads,
        prefetch=config.input.prefetch,
        process_index=here.index,
        process_count=here.count,
    )
