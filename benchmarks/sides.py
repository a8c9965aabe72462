"""The two sides of a comparison: the same net, loss and optimizer in jaxsign and in torch.

Both have `prepare(batch)` (the batch in this side's own form, on the host), `train(batches)` (one
optimizer step each) and `predict(batch)`; they return when the work is done.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from benchmarks.workload import Batch
from jaxsign import nets, tasks
from jaxsign.train import optimizer, state, step


class Jax:
    """jaxsign's own compiled step, as `jaxsign train` runs it on one device."""

    def __init__(self, config: ConfigDict, example: Batch):
        self.net = nets.build(**config.net.to_dict())
        task = tasks.build(config, self.net)
        variables: Any = task.init(jax.random.key(0), example)
        paths = optimizer.flat(variables["params"])
        # A backbone that takes no part (features come ready) has no parameters to freeze.
        trainable = optimizer.select(paths, config.train.trainable, (), self.net.unused_params)
        chain = optimizer.build(config.optim)
        self.steps = step.build(task, chain, trainable, devices=jax.local_devices()[:1])
        self.state = self.steps.place(state.create(variables, chain, trainable, seed=0))
        self.variables = jax.device_put(variables)
        weights = np.array([float(w) for w in config.loss.weights], np.float32)
        self.rates = {"lr": np.float32(config.optim.lr), "loss_weights": weights}
        self._predict = jax.jit(lambda v, batch: nets.call(self.net, v, batch)["logits"])

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


class Torch:
    """The original in torch: forward, loss, backward, Adam, in its own loop."""

    def __init__(self, config: ConfigDict, threads: int):
        import torch

        from parity.reference import fslr_iv3_gru, fslr_train, fslr_transformer
        from parity.settings import fslr as fslr_settings

        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.torch, self.loop = torch, fslr_train
        if config.net.name == "sign_transformer":
            fields = {k: v for k, v in config.net.items() if k not in ("name", "pooling")}
            self.model: Any = fslr_transformer.SignTransformer(**fields)
            self.forward = fslr_train.transformer_forward
        else:
            fields = {k: v for k, v in config.net.items() if k != "name"}
            self.model = fslr_iv3_gru.InceptionV3GRU(**fields)
            self.forward = fslr_train.gru_forward
        self.settings = fslr_settings.Run(lr=config.optim.lr)
        self.optimizer = fslr_train.make_optimizer(self.model, self.settings)

    def prepare(self, batch: Batch) -> Any:
        tensors = {name: self.torch.from_numpy(value) for name, value in batch.items()}
        wide = {name: tensors[name].long() for name in ("lengths", "gloss", "cat")}
        return {"x": tensors["x"], **wide}

    def train(self, batches: Sequence[Any]) -> None:
        self.loop.train_epoch(self.model, self.forward, batches, self.optimizer, self.settings)

    def predict(self, batch: Any) -> None:
        self.model.eval()
        with self.torch.inference_mode():
            self.forward(self.model, batch)
