"""Label sequences: CTC, and an attention decoder that is taught with the true labels before it.

total = alpha * CTC + (1 - alpha) * attention + auxiliary * second CTC (Watanabe et al. 2017). Label
ids are class + 1; id 0 is CTC's blank, and start and end of the decoder. Validation decodes
greedily and counts word errors.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from ml_collections import ConfigDict

from jaxsign.errors import UserError
from jaxsign.tasks.sequences import ctc, word_errors
from jaxsign.tasks.sequences.decoding import greedy

Array = jax.Array
MONITORS = ("loss", "wer")
START_END = 0
SEQUENCES = True  # the batches hold label sequences
_COUNTS = ("words", "deletions", "insertions", "substitutions", "sentences", "wrong_sentences")


@dataclasses.dataclass(frozen=True)
class CtcAttention:
    """CTC and attention losses of a net that gives log probabilities over time.

    Attributes:
      net: takes (x, valid, tokens) and returns `ctc_log_probs` [B, T', V], `output_valid`
        bool [B, T'] and, for tokens [B, S], `att_logits` [B, S, V]; `aux_log_probs` [B, T', V] if
        it has a second CTC head.
      alpha: CTC's share; at 1 the decoder does not run.
      auxiliary: weight of the second CTC loss.
      monitor: 'loss' or 'wer', what chooses the best checkpoint.
    """

    net: nn.Module
    alpha: float
    auxiliary: float = 0.0
    monitor: str = "loss"

    sign = -1.0  # the monitored number is better when it is lower

    @property
    def monitor_name(self) -> str:
        """What is monitored, in words."""
        return "validation loss" if self.monitor == "loss" else "validation word error rate"

    def init(self, rng: Array, batch: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Fresh variables for batches like `batch` [B, ...] (one row of it is looked at)."""
        x, valid = jnp.asarray(batch["x"][:1]), jnp.asarray(batch["valid"][:1])
        tokens = jnp.zeros((1, 1), jnp.int32)
        variables = jax.jit(self.net.init)({"params": rng, "dropout": rng}, x, valid, tokens)
        return {k: v for k, v in variables.items() if k != "intermediates"}

    def shares(self, batch: Mapping[str, Array]) -> dict[str, Array]:
        """Besides rows, tokens are averaged over: [B], how many a row has."""
        return {"token_share": batch["sequence_valid"].sum(-1) + 1.0}

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
          batch: [B, ...] with `sequence` int32 [B, L], `sequence_valid` bool [B, L], and float32
            [B]: `share`, a row's part in the mean over rows, and `token_share`, one of its tokens'
            part in the mean over tokens.
          rng: for dropout.
          now: of the step; unused.

        Returns:
          The loss (float32 scalar), and the new collections and the sums of `sums`.
        """
        mutable = [name for name in collections if name == "batch_stats"]
        output: Any
        output, new = self.net.apply(
            {"params": params, **collections},
            batch["x"],
            # Rows that only fill the batch have no real frame: no statistics may see them.
            batch["valid"] & (batch["weight"] > 0)[:, None],
            self._tokens(batch),
            train=True,
            rngs={"dropout": rng},
            mutable=mutable,
        )
        rows = self._rows(output, batch)
        total = self._total(
            {
                "ctc": (rows["ctc"] * batch["share"]).sum(),
                "attention": (rows["attention"] * batch["token_share"]).sum(),
                "auxiliary": (rows["auxiliary"] * batch["share"]).sum(),
            }
        )
        return total, ({**collections, **new}, _sums(rows, batch))

    def evaluate(
        self, variables: Mapping[str, Any], batch: Mapping[str, Array], weights: Array
    ) -> dict[str, Any]:
        """Sums over the real rows of a batch, and under `rows` what `count` needs of each."""
        output: Any = self.net.apply(
            variables, batch["x"], batch["valid"], self._tokens(batch), train=False
        )
        kept = {name: batch[name] for name in ("sequence", "sequence_valid", "weight")}
        rows = {
            "ids": output["ctc_log_probs"].argmax(-1).astype(jnp.int32),
            "output_valid": output["output_valid"],
        }
        return {**_sums(self._rows(output, batch), batch), "rows": {**kept, **rows}}

    def count(self, rows: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Word errors of a batch's greedy answers, on the host."""
        found = greedy.greedy(rows["ids"], rows["output_valid"])
        totals = dict.fromkeys(_COUNTS, 0.0)
        for row in np.flatnonzero(rows["weight"] > 0):
            truth = rows["sequence"][row][rows["sequence_valid"][row]].tolist()
            counts = dataclasses.asdict(word_errors.count(truth, found[row]))
            totals = {name: totals[name] + counts[name] for name in _COUNTS}
        return totals

    def align(self, variables: Mapping[str, Any], batch: Mapping[str, Array]) -> Array:
        """int32 [B, L, 2]: first and last frame of the input of each label, -1 where unknown."""
        output: Any = self.net.apply(variables, batch["x"], batch["valid"], train=False)
        spans = ctc.align(
            output["ctc_log_probs"],
            output["output_valid"],
            batch["sequence"],
            batch["sequence_valid"],
        )
        size = self.net.frames_per_output
        return jnp.where(spans < 0, -1, spans * size + jnp.array([0, size - 1]))

    def _tokens(self, batch: Mapping[str, Array]) -> Array | None:
        """What the decoder is given: start, label 1, label 2, ...; None where it does not run."""
        if self.alpha >= 1:
            return None
        return jnp.pad(batch["sequence"], ((0, 0), (1, 0)), constant_values=START_END)

    def _rows(self, output: Mapping[str, Any], batch: Mapping[str, Array]) -> dict[str, Array]:
        """float32 [B]: CTC losses, and the sum of the attention losses of a row's tokens."""
        labels = (batch["sequence"], batch["sequence_valid"])
        nothing = jnp.zeros_like(batch["weight"])
        rows = {
            "ctc": ctc.loss(output["ctc_log_probs"], output["output_valid"], *labels),
            "attention": nothing,
            "auxiliary": nothing,
        }
        if output["att_logits"] is not None:
            rows["attention"] = token_losses(output["att_logits"], *labels)
        if self.auxiliary:
            rows["auxiliary"] = ctc.loss(output["aux_log_probs"], output["output_valid"], *labels)
        return rows

    def _total(self, parts: Mapping[str, Any]) -> Any:
        total = self.alpha * parts["ctc"] + self.auxiliary * parts["auxiliary"]
        return total + (1 - self.alpha) * parts["attention"] if self.alpha < 1 else total

    def summarise(self, sums: Mapping[str, float]) -> dict[str, float]:
        """Sums of an epoch -> means of the losses, and word error rates where they were counted.

        Returns:
          `loss`; of `loss/ctc`, `loss/attention`, `loss/auxiliary` those that count in it; `wer`,
          `del`, `ins`, `sub` (shares of the words), `sequence_accuracy`; and `score` to maximise.
          NaN where there is nothing to average.
        """

        def mean(name: str, over: str) -> float:
            count = float(sums.get(over, 0.0))
            return float(sums[name]) / count if count else float("nan")

        parts = {
            "ctc": mean("loss/ctc", "examples"),
            "attention": mean("loss/attention", "tokens"),
            "auxiliary": mean("loss/auxiliary", "examples"),
        }
        result = {"loss": self._total(parts)}
        used = {"ctc": True, "attention": self.alpha < 1, "auxiliary": self.auxiliary > 0}
        result |= {f"loss/{name}": parts[name] for name, on in used.items() if on}
        if "words" in sums:
            result |= {
                "wer": sum(mean(name, "words") for name in _COUNTS[1:4]),
                "del": mean("deletions", "words"),
                "ins": mean("insertions", "words"),
                "sub": mean("substitutions", "words"),
                "sequence_accuracy": 1 - mean("wrong_sentences", "sentences"),
            }
        return {**result, "score": -result.get(self.monitor, float("nan"))}

    def tags(self, means: Mapping[str, float]) -> dict[str, float]:
        """A step's losses under the names that WhisperSign's guide and its program use."""
        parts = ("loss", "total"), ("loss/ctc", "ctc"), ("loss/attention", "attention")
        values = {f"loss/{name}": means.get(key, 0.0) for key, name in parts}
        short = {"total": "total", "ctc": "ctc", "attention": "att"}
        return values | {f"train/{short[n]}_loss": means.get(key, 0.0) for key, n in parts}


def _sums(rows: Mapping[str, Array], batch: Mapping[str, Array]) -> dict[str, Array]:
    real = batch["weight"]
    sums = {f"loss/{name}": (values * real).sum() for name, values in rows.items()}
    tokens = ((batch["sequence_valid"].sum(-1) + 1.0) * real).sum()
    return {"examples": real.sum(), "tokens": tokens, **sums}


def token_losses(logits: Array, labels: Array, label_valid: Array) -> Array:
    """float32 [B]: sum of the cross entropies of a row's labels and of the end behind them.

    Args:
      logits: float [B, L + 1, V] for the inputs start, label 1, label 2, ...
      labels: int32 [B, L]; label_valid: bool [B, L].
    """
    counts = label_valid.sum(-1, keepdims=True)
    places = jnp.arange(logits.shape[1])
    targets = jnp.pad(jnp.where(label_valid, labels, START_END), ((0, 0), (0, 1)))
    log_p = jax.nn.log_softmax(logits.astype(jnp.float32), axis=-1)
    each = -jnp.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0]
    return jnp.where(places <= counts, each, 0.0).sum(-1)


def check(config: ConfigDict) -> list[str]:
    """What in a recipe this task cannot work with."""
    problems = []
    if config.task.monitor not in MONITORS:
        problems.append(f"task.monitor={config.task.monitor!r}: expected one of {MONITORS}")
    if tuple(config.task.heads) != ("gloss",):
        problems.append(f"task.heads={tuple(config.task.heads)}: label sequences are of ('gloss',)")
    if config.loss.auxiliary and not config.net.get("auxiliary_ctc"):
        problems.append(f"loss.auxiliary={config.loss.auxiliary}: set net.auxiliary_ctc as well")
    return problems


def build(config: ConfigDict, net: nn.Module) -> CtcAttention:
    """The task of `config.task` and `config.loss`."""
    if not hasattr(net, "frames_per_output"):
        raise UserError(f"task.name='ctc_attention': the net {config.net.name} gives no sequences")
    return CtcAttention(net, config.loss.alpha, config.loss.auxiliary, config.task.monitor)
