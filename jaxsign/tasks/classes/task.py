"""One label a head for every clip: losses, accuracies, and what is reported of them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from ml_collections import ConfigDict

from jaxsign.tasks.classes import loss as losses
from jaxsign.tasks.classes import weighting

Array = jax.Array
# The learned log variances of uncertainty weighting stand among the parameters, so that the same
# optimizer trains them and the checkpoint holds them.
LEARNED = "loss_weights"


@dataclasses.dataclass(frozen=True)
class Classify:
    """Weighted sum of the heads' classification losses.

    Attributes:
      net: returns `logits`, a dict with an entry [B, C] for every head.
      heads: names of the heads; the batch holds their labels under the same names.
      monitor: the head whose validation accuracy chooses the best checkpoint.
      loss_name, options: the loss and its numbers.
      uncertainty: start value of learned head weights, or None for given ones.
    """

    net: nn.Module
    heads: tuple[str, ...]
    monitor: str
    loss_name: str
    options: tuple[tuple[str, float], ...]
    uncertainty: float | None = None

    sign = 1.0  # the monitored number is better when it is higher

    @property
    def monitor_name(self) -> str:
        """What is monitored, in words."""
        return f"validation {self.monitor} accuracy"

    def init(self, rng: Array, batch: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Fresh variables for batches like `batch` [B, ...] (one row of it is looked at)."""
        x, valid = jnp.asarray(batch["x"][:1]), jnp.asarray(batch["valid"][:1])
        variables = jax.jit(self.net.init)({"params": rng, "dropout": rng}, x, valid)
        variables = {k: v for k, v in variables.items() if k != "intermediates"}
        if self.uncertainty is not None:
            start = jnp.full(len(self.heads), jnp.log(self.uncertainty), jnp.float32)
            variables["params"] = {**variables["params"], LEARNED: {"log_variance": start}}
        return variables

    def loss(
        self,
        params: Mapping[str, Any],
        collections: Mapping[str, Any],
        batch: Mapping[str, Array],
        rng: Array,
        now: Mapping[str, Array],
    ) -> tuple[Array, tuple[Any, dict[str, Array]]]:
        """Training loss of one micro-batch.

        Args:
          params, collections: the net's variables.
          batch: [B, ...] with `share` float32 [B], each row's part in the mean.
          rng: for dropout.
          now: `loss_weights` float32 [heads]; `epoch` and `step` done so far, for nets whose
            regularisation changes over a run (their attribute `uses_progress`).

        Returns:
          The loss (float32 scalar), and the new collections and the sums of `sums`.
        """
        mutable = [name for name in collections if name == "batch_stats"]
        more: dict[str, Any] = {}
        if getattr(self.net, "uses_progress", False):
            more["progress"] = {"epoch": now["epoch"], "step": now["step"]}
        output: Any
        output, new = self.net.apply(
            {"params": _of_net(params), **collections},
            batch["x"],
            # Rows that only fill the batch have no real frame: no statistics may see them.
            batch["valid"] & (batch["weight"] > 0)[:, None],
            train=True,
            rngs={"dropout": rng},
            mutable=mutable,
            **more,
        )
        rows, sums = self._rows(output["logits"], params, batch, now["loss_weights"])
        return (rows * batch["share"]).sum(), ({**collections, **new}, sums)

    def evaluate(
        self, variables: Mapping[str, Any], batch: Mapping[str, Array], weights: Array
    ) -> dict[str, Array]:
        """Sums over the real rows of a batch: `examples`, `loss`, `loss/HEAD`, `correct/HEAD`."""
        params = variables["params"]
        output: Any = self.net.apply(
            {**variables, "params": _of_net(params)}, batch["x"], batch["valid"], train=False
        )
        return self._rows(output["logits"], params, batch, weights)[1]

    def _rows(self, logits, params, batch, weights) -> tuple[Array, dict[str, Array]]:
        options, real = dict(self.options), batch["weight"]
        each = [
            losses.per_example(self.loss_name, logits[head], batch[head], **options)
            for head in self.heads
        ]
        stacked = jnp.stack(each)
        if self.uncertainty is None:
            rows = (weights[:, None] * stacked).sum(0)
        else:
            s = params[LEARNED]["log_variance"]
            rows = jax.vmap(losses.uncertainty_weighted, (1, None))(stacked, s)
        sums = {"examples": real.sum(), "loss": (rows * real).sum()}
        for head, values in zip(self.heads, each, strict=True):
            right = logits[head].argmax(-1) == batch[head]
            sums[f"loss/{head}"] = (values * real).sum()
            sums[f"correct/{head}"] = (right * real).sum()
        return rows, sums

    def summarise(self, sums: Mapping[str, float]) -> dict[str, float]:
        """Sums of an epoch -> `loss`, `loss/HEAD`, `acc/HEAD` (means) and `score` to maximise.

        NaN where there is nothing to average: an epoch whose float16 steps all overflowed.
        """

        def mean(name: str) -> float:
            count = float(sums.get("examples", 0.0))
            return float(sums[name]) / count if count else float("nan")

        result = {"loss": mean("loss")}
        for head in self.heads:
            result[f"loss/{head}"] = mean(f"loss/{head}")
            result[f"acc/{head}"] = mean(f"correct/{head}")
        return {**result, "score": result[f"acc/{self.monitor}"]}


def _of_net(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != LEARNED}


def check(config: ConfigDict) -> list[str]:
    """What in a recipe this task cannot work with."""
    heads = tuple(config.task.heads)
    if config.task.monitor in heads:
        return []
    return [f"task.monitor={config.task.monitor!r}: expected one of {heads}"]


def build(config: ConfigDict, net: nn.Module) -> Classify:
    """The task of `config.task` and `config.loss`.

    Raises:
      UserError: loss settings that cannot be trained with.
    """
    weighting.check(config.loss, len(config.task.heads))
    names = ("focal_gamma", "focal_alpha", "label_smoothing")
    learned = config.loss.weighting == "uncertainty" and not config.loss.curriculum
    return Classify(
        net=net,
        heads=tuple(config.task.heads),
        monitor=config.task.monitor,
        loss_name=config.loss.name,
        options=tuple((name, float(config.loss[name])) for name in names),
        uncertainty=float(config.loss.uncertainty_init) if learned else None,
    )
