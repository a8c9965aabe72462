"""A side of a comparison: a net, its loss and optimizer. The other one is in originals.py.

Both have `prepare(batch)` (the batch in this side's own form, on the host), `train(batches)` (one
optimizer step each) and `predict(batch)`; they return when the work is done.
"""

from collections.abc import Iterable
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from benchmarks.workload import Batch
from jaxsign import nets, tasks
from jaxsign.train import by_path, optimizer, state, step


class Jax:
    """jaxsign's own compiled step, as `jaxsign train` runs it on one device or several."""

    def __init__(
        self, config: ConfigDict, example: Batch, *, devices: int = 1, parallel: str = "pmap"
    ):
        self.net = nets.build(**config.net.to_dict())
        task = tasks.build(config, self.net)
        variables: Any = task.init(jax.random.key(0), example)
        paths = by_path.flat(variables["params"])
        # A backbone that takes no part (features come ready) has no parameters to freeze.
        trainable = by_path.select(paths, config.train.trainable, (), self.net.unused_params)
        chain = optimizer.build(config.optim)
        self.steps = step.build(
            task, chain, trainable, devices=jax.local_devices()[:devices], parallel=parallel
        )
        self.state = self.steps.place(state.create(variables, chain, trainable, seed=0))
        self.variables = jax.device_put(variables)
        weights = np.array([float(w) for w in config.loss.weights], np.float32)
        self.rates = {"lr": np.float32(config.optim.lr), "loss_weights": weights}
        self._predict = jax.jit(lambda v, batch: nets.logits_of(nets.call(self.net, v, batch)))

    def prepare(self, batch: Batch) -> Batch:
        names = ("x", "valid", "gloss", "cat", "weight")
        return {name: batch[name][None] for name in names}

    def train(self, batches: Iterable[Batch]) -> None:
        metrics = None
        for batch in batches:
            self.state, metrics = self.steps.train(
                self.state, self.steps.put_train(batch), self.rates
            )
        jax.block_until_ready((self.state, metrics))

    def predict(self, batch: Batch) -> None:
        rows = {name: batch[name][0] for name in self.net.inputs if name in batch}
        jax.block_until_ready(self._predict(self.variables, rows))
