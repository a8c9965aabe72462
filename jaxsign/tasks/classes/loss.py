"""Losses of an example, by head and together; batches are averaged by the task."""

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from jaxsign import nets
from jaxsign.tasks.classes import weighting

Array = jax.Array
# The learned log variances of uncertainty weighting stand among the parameters, so that the same
# optimizer trains them and the checkpoint holds them.
LEARNED = "loss_weights"


@dataclasses.dataclass(frozen=True)
class HeadLosses:
    """The heads' classification losses, and how they are weighed.

    Attributes:
      heads: their names; the batch holds their labels under the same names.
      name: of the loss, as of `per_example`.
      options: its numbers.
      uncertainty: start value of learned head weights, or None for given ones.
      class_weights: of every head the factors of its classes in training; () = all count alike.
    """

    heads: tuple[str, ...]
    name: str
    options: tuple[tuple[str, float], ...] = ()
    uncertainty: float | None = None
    class_weights: tuple[tuple[float, ...], ...] = ()

    @classmethod
    def of_config(cls, heads: tuple[str, ...], loss: ConfigDict) -> "HeadLosses":
        """From the recipe's section.

        Raises:
          UserError: one that cannot be trained with.
        """
        weighting.check(loss, len(heads))
        names = ("focal_gamma", "focal_alpha", "label_smoothing")
        learned = loss.weighting == "uncertainty" and not loss.curriculum
        return cls(
            heads,
            loss.name,
            options=tuple((name, float(loss[name])) for name in names),
            uncertainty=float(loss.uncertainty_init) if learned else None,
            class_weights=weighting.of_classes(loss),
        )

    def with_learned(self, variables: nets.Variables) -> nets.Variables:
        """A net's fresh variables with the weights that are learned, if they are."""
        if self.uncertainty is None:
            return variables
        start = jnp.full(len(self.heads), jnp.log(self.uncertainty), jnp.float32)
        params = {**variables["params"], LEARNED: {"log_variance": start}}
        return {**variables, "params": params}

    def shares(self, batch: Mapping[str, Array]) -> dict[str, Array]:
        """As in `Task`: with class weights each head's mean is over these, as torch's is."""
        factors = zip(self.heads, self.class_weights, strict=False)
        return {f"share/{h}": jnp.asarray(row, jnp.float32)[batch[h]] for h, row in factors}

    def rows(
        self,
        logits: Mapping[str, Array],
        variables: nets.Variables,
        batch: Mapping[str, Array],
        weights: Array,
        *,
        train: bool = False,
    ) -> tuple[Array, dict[str, Array]]:
        """Each row's loss, float32 [B], and of every head its part in it before weighing.

        Args:
          logits: head -> [B, C].
          variables: the net's, with the learned weights.
          weights: float32 [heads], where none are learned.
          train: classes count by their weights.
        """
        options = dict(self.options)
        each = {h: per_example(self.name, logits[h], batch[h], **options) for h in self.heads}
        if train and self.class_weights:
            each = {head: factor * each[head] for head, factor in self._factors(batch).items()}
        stacked = jnp.stack(list(each.values()))
        if self.uncertainty is None:
            return (weights[:, None] * stacked).sum(0), each
        s = variables["params"][LEARNED]["log_variance"]
        return jax.vmap(uncertainty_weighted, (1, None))(stacked, s), each

    def _factors(self, batch: Mapping[str, Array]) -> dict[str, Array]:
        """Of every head, what makes the plain mean over rows the mean by their classes: [B]."""
        plain = jnp.where(batch["share"] > 0, batch["share"], 1.0)
        own = zip(self.heads, self.shares(batch).items(), strict=True)
        return {head: amount * batch[share] / plain for head, (share, amount) in own}


def per_example(
    name: str,
    logits: Array,
    labels: Array,
    *,
    focal_gamma: float = 2.0,
    focal_alpha: float = 1.0,
    label_smoothing: float = 0.1,
) -> Array:
    """Classification loss of each row, in float32.

    `ce`: -log p(label). `focal`: alpha * (1 - p)^gamma * ce with p = exp(-ce) (Lin et al. 2017).
    `label_smoothing`: (1 - s) * ce + s * mean over classes of -log p (s = label_smoothing).

    Args:
      name: one of these three.
      logits: float [B, C].
      labels: int [B], 0 <= label < C.

    Returns:
      float32 [B].
    """
    log_p = jax.nn.log_softmax(logits.astype(jnp.float32), axis=-1)
    ce = -jnp.take_along_axis(log_p, labels[:, None], axis=-1)[:, 0]
    if name == "ce":
        return ce
    if name == "focal":
        return focal_alpha * (1.0 - jnp.exp(-ce)) ** focal_gamma * ce
    return (1.0 - label_smoothing) * ce - label_smoothing * log_p.mean(-1)


def uncertainty_weighted(losses: Array, log_variance: Array) -> Array:
    """sum exp(-s_i) * L_i + s_i / 2 over the heads (Kendall et al. 2018). Both: float32 [heads]."""
    return (jnp.exp(-log_variance) * losses + 0.5 * log_variance).sum()
