"""Label sequences: CTC, and an attention decoder that is taught with the true labels before it.

total = alpha * CTC + (1 - alpha) * attention + auxiliary * second CTC (Watanabe et al. 2017). Label
ids are class + 1; id 0 is CTC's blank, and start and end of the decoder. Validation decodes
greedily and counts word errors.
"""

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxsign import nets, tasks
from jaxsign.errors import UserError
from jaxsign.tasks import answering, clips, measures
from jaxsign.tasks.sequences import ctc, examples, following, options, scoring, word_errors
from jaxsign.tasks.sequences.decoder import Decoder
from jaxsign.tasks.sequences.decoding import greedy

Array = jax.Array
START_END = 0
_Number = TypeVar("_Number", jax.Array, float)
_RATES = ("wer", "del", "ins", "sub", "sequence_accuracy")
_TELLS = """\
best = said["log_probs"][0].argmax(-1)[said["output_valid"][0]]
new = np.diff(best, prepend=-1) != 0
print(" ".join(labels["gloss"][i - 1] for i in best[new] if i))
"""
_COUNTS = ("words", "deletions", "insertions", "substitutions", "sentences", "wrong_sentences")


@dataclasses.dataclass(frozen=True)
class CtcAttention(clips.ClipTask):
    """CTC and attention losses of a net that gives log probabilities over time.

    Attributes:
      net: takes (x, valid, tokens) and returns `ctc_log_probs` [B, T', V], `output_valid`
        bool [B, T'] and, for tokens [B, S], `att_logits` [B, S, V]; `aux_log_probs` [B, T', V] if
        it has a second CTC head.
      alpha: CTC's share; at 1 the decoder does not run.
      auxiliary: weight of the second CTC loss.
    """

    net: nets.Net
    alpha: float
    auxiliary: float = 0.0

    gaps = False

    @classmethod
    def open(
        cls, config: ConfigDict, split: str, *, training: bool = False
    ) -> examples.SequenceExamples:
        return examples.open_examples(config, split, training=training)

    @classmethod
    def build(cls, config: ConfigDict, net: nets.Net) -> "CtcAttention":
        if "ctc_log_probs" not in net.outputs:
            raise UserError(
                f"task.name='ctc_attention': the net {config.net.name} gives no sequences"
            )
        return cls(net, config.loss.alpha, config.loss.auxiliary)

    @classmethod
    def numbers(cls, config: ConfigDict) -> dict[str, measures.Number]:
        """`loss`, `wer`, its parts `del`, `ins`, `sub`, and `sequence_accuracy`."""
        return {
            "loss": measures.Number("loss", "validation loss", "min"),
            "wer": measures.Number("wer", "validation word error rate", "min", percent=True),
            "del": measures.Number("del", "validation deletions", "min", percent=True),
            "ins": measures.Number("ins", "validation insertions", "min", percent=True),
            "sub": measures.Number("sub", "validation substitutions", "min", percent=True),
            "sequence_accuracy": measures.Number(
                "sequence_accuracy", "validation sequence accuracy", "max", counted=True
            ),
        }

    @classmethod
    def check(cls, config: ConfigDict) -> list[str]:
        problems = []
        if tuple(config.task.heads) != ("gloss",):
            heads = tuple(config.task.heads)
            problems.append(f"task.heads={heads}: label sequences are of ('gloss',)")
        if config.loss.auxiliary and not config.net.get("auxiliary_ctc"):
            problems.append(
                f"loss.auxiliary={config.loss.auxiliary}: set net.auxiliary_ctc as well"
            )
        for key, asked in (
            ("data.sampler", config.data.sampler),
            ("loss.class_weights", config.loss.class_weights),
        ):
            if asked:
                problems.append(f"{key}={asked}: is for nets that give one label a clip")
        return problems

    def init(self, rng: Array, batch: Mapping[str, Array | np.ndarray]) -> nets.Variables:
        return super().init(rng, {**batch, "tokens": jnp.zeros((1, 1), jnp.int32)})

    def shares(self, batch: Mapping[str, Array]) -> dict[str, Array]:
        """Besides rows, tokens are averaged over: [B], how many a row has."""
        return {"token_share": batch["sequence_valid"].sum(-1) + 1.0}

    def loss(
        self,
        variables: nets.Variables,
        batch: Mapping[str, Array],
        rng: Array,
        now: Mapping[str, Array],
    ) -> tasks.Learnt:
        """As in `Task`; the labels are `sequence` int32 [B, L], `sequence_valid` bool [B, L]."""
        # Rows that only fill the batch have no real frame: no statistics may see them.
        valid = batch["valid"] & (batch["weight"] > 0)[:, None]
        output, new = nets.call(
            self.net,
            variables,
            {**batch, "valid": valid, "tokens": self._tokens(batch)},
            train=True,
            rng=rng,
            mutable=["batch_stats"],
        )
        rows = self._rows(output, batch)
        total = self._total(
            {
                "ctc": (rows["ctc"] * batch["share"]).sum(),
                "attention": (rows["attention"] * batch["token_share"]).sum(),
                "auxiliary": (rows["auxiliary"] * batch["share"]).sum(),
            }
        )
        return tasks.Learnt(total, _sums(rows, batch), new)

    def evaluate(
        self, variables: nets.Variables, batch: Mapping[str, Array], now: Mapping[str, Array]
    ) -> tasks.Evaluated:
        output = nets.call(self.net, variables, {**batch, "tokens": self._tokens(batch)})
        kept = {name: batch[name] for name in ("sequence", "sequence_valid", "weight")}
        rows = {
            "ids": output["ctc_log_probs"].argmax(-1).astype(jnp.int32),
            "output_valid": output["output_valid"],
        }
        return tasks.Evaluated(_sums(self._rows(output, batch), batch), {**kept, **rows})

    def count(self, rows: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Word errors of a batch's greedy answers, on the host."""
        found = greedy.greedy(rows["ids"], rows["output_valid"])
        totals = dict.fromkeys(_COUNTS, 0.0)
        for row in np.flatnonzero(rows["weight"] > 0):
            truth = rows["sequence"][row][rows["sequence_valid"][row]].tolist()
            counts = dataclasses.asdict(word_errors.count(truth, found[row]))
            totals = {name: totals[name] + counts[name] for name in _COUNTS}
        return totals

    def look(self, variables: nets.Variables, batch: Mapping[str, Array]) -> dict[str, Array]:
        """`spans` int32 [B, L, 2]: first and last input frame of each label, -1 where unknown."""
        output = nets.call(self.net, variables, batch)
        spans = ctc.align(
            output["ctc_log_probs"],
            output["output_valid"],
            batch["sequence"],
            batch["sequence_valid"],
        )
        size = self.net.frames_per_output
        return {"spans": jnp.where(spans < 0, -1, spans * size + jnp.array([0, size - 1]))}

    def survey(
        self, rows: Iterable[Mapping[str, np.ndarray]], examples: int
    ) -> list[list[int] | None]:
        """The middle frame of every label of every example; None where its labels do not fit.

        What tells to which piece of a clip a label belongs (Viterbi on the net's CTC output).
        """
        found: list[list[int] | None] = [None] * examples
        for batch in rows:
            for index, spans in zip(batch["index"], batch["spans"], strict=True):
                labels = spans[(spans >= 0).all(axis=-1)]
                if index >= 0 and len(labels):
                    found[int(index)] = [int(n) for n in labels.sum(axis=-1) // 2]
        return found

    def _tokens(self, batch: Mapping[str, Array]) -> Array | None:
        """What the decoder is given: start, label 1, label 2, ...; None where it does not run."""
        if self.alpha >= 1:
            return None
        return jnp.pad(batch["sequence"], ((0, 0), (1, 0)), constant_values=START_END)

    def _rows(self, output: nets.Outputs, batch: Mapping[str, Array]) -> dict[str, Array]:
        """float32 [B]: CTC losses, and the sum of the attention losses of a row's tokens."""
        labels = (batch["sequence"], batch["sequence_valid"])
        nothing = jnp.zeros_like(batch["weight"])
        rows = {
            "ctc": ctc.loss(output["ctc_log_probs"], output["output_valid"], *labels),
            "attention": nothing,
            "auxiliary": nothing,
        }
        if "att_logits" in output:
            rows["attention"] = token_losses(output["att_logits"], *labels)
        if self.auxiliary:
            rows["auxiliary"] = ctc.loss(output["aux_log_probs"], output["output_valid"], *labels)
        return rows

    def _total(self, parts: Mapping[str, _Number]) -> _Number:
        total = self.alpha * parts["ctc"] + self.auxiliary * parts["auxiliary"]
        return total + (1 - self.alpha) * parts["attention"] if self.alpha < 1 else total

    def summarise(self, sums: measures.Sums) -> dict[str, float]:
        """Means of the losses, and word error rates where words were counted.

        Returns:
          `loss`; of `loss/ctc`, `loss/attention`, `loss/auxiliary` those that count in it; `wer`,
          `del`, `ins`, `sub` (shares of the words), `sequence_accuracy`.
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
        result |= {f"loss/{name}": parts[name] for name in self._parts}
        if "words" in sums:
            result |= {
                "wer": sum(mean(name, "words") for name in _COUNTS[1:4]),
                "del": mean("deletions", "words"),
                "ins": mean("insertions", "words"),
                "sub": mean("substitutions", "words"),
                "sequence_accuracy": 1 - mean("wrong_sentences", "sentences"),
            }
        return result

    def outputs(self, variables: nets.Variables, batch: Mapping[str, Array]) -> dict[str, Array]:
        """`log_probs` [B, T', V], `valid` bool [B, T'], and `encoded` [B, T', D] for a decoder."""
        output = nets.call(self.net, variables, batch)
        names = {"ctc_log_probs": "log_probs", "output_valid": "valid", "encoder_output": "encoded"}
        return {name: output[own] for own, name in names.items()}

    def answerer(self, run: answering.Trained, asked: answering.Asked) -> answering.Answerer:
        return Decoder(run, options.of_run(run, **answering.given(asked)))

    def scorer(self, run: answering.Trained, asked: answering.Asked) -> answering.Scorer:
        """As in `Answering`; mode 'all' = every mode, side by side."""
        given = answering.given(asked)
        fields = {field.name for field in dataclasses.fields(scoring.Scoring)}
        how = scoring.Scoring(**{name: given.pop(name) for name in fields & given.keys()})
        all_modes = given.get("mode") == scoring.ALL
        modes = [
            options.of_run(run, **{**given, "mode": mode})
            for mode in (options.MODES if all_modes else (given.get("mode"),))
        ]
        return functools.partial(scoring.SequenceScore, run, modes=modes, scored_by=how)

    def standalone(self, run: answering.Trained) -> answering.Standalone:
        """The encoder and CTC: the second pass, which asks the decoder, stays in jaxsign."""
        return answering.Standalone(
            blank=functools.partial(self.blank, run),
            outputs={"log_probs": "log_probs", "output_valid": "valid"},
            asked={"mode": "greedy"},
            tells=_TELLS,
            notes=(
                "log_probs are of CTC, float32 [1, steps, glosses + 1]: number 0 is the blank, "
                "number i + 1 is gloss i of labels; steps count where output_valid is true",
                f"a step is {self.net.frames_per_output} frames; greedy: the best number of every "
                "step, repeated ones once, without blanks",
                "the attention decoder (--mode two_pass of predict) is not in the file",
            ),
        )

    def follower(
        self, run: answering.Trained, asked: answering.Asked, fps: float = 0.0
    ) -> following.Sentences:
        """As in `Answering`; windows are the recipe's (`input.windows`), unless asked for."""
        others = "single signs; this one gives sentences"
        given = answering.settings(run, asked, following.Sentences, others)
        own = run.config.input.get("windows") or {}
        cut = {name: float(own[name]) for name in ("seconds", "overlap") if name in own}
        return following.Sentences(run, fps=fps, **{**cut, **given})

    @property
    def _parts(self) -> tuple[str, ...]:
        """The losses that count in the total."""
        used = {"ctc": True, "attention": self.alpha < 1, "auxiliary": self.auxiliary > 0}
        return tuple(name for name, on in used.items() if on)

    @property
    def columns(self) -> tuple[measures.Column, ...]:
        """Word error rates; the parts of the losses stand last."""
        return (
            *(measures.Column(f"val_{name}", "val", name) for name in _RATES),
            *(
                measures.Column(f"{side}_{part}_loss", side, f"loss/{part}", True)
                for side in measures.SIDES
                for part in self._parts
            ),
        )

    @property
    def panel(self) -> measures.Panel:
        curves = {"val_wer": "WER", "val_del": "deletions", "val_ins": "insertions"}
        return measures.Panel(
            "validation word error rate",
            {**curves, "val_sub": "substitutions"},
            better="min",
            percent=True,
        )

    def line(self, val: measures.Means) -> str:
        rates = "  ".join(f"{k} {100 * val[k]:.1f}" for k in ("del", "ins", "sub"))
        return f"val WER {100 * val['wer']:.1f} %  ({rates})"

    def epoch_tags(self, val: measures.Means) -> dict[str, float]:
        return {f"val/{part}": val[f"loss/{part}"] for part in self._parts}

    def step_tags(self, means: measures.Means) -> dict[str, float]:
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


TASK = CtcAttention
