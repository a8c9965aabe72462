"""What a net says of clips -> label sequences with their scores."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jaxsign import nets
from jaxsign.errors import UserError, listing
from jaxsign.tasks import answering
from jaxsign.tasks.sequences.answers import Hypothesis, SequenceAnswer
from jaxsign.tasks.sequences.decoding import beam, greedy, prefixes, rescoring
from jaxsign.tasks.sequences.options import DecodingOptions

Array = np.ndarray


class Decoder:
    """Reads what a run's net says of clips; an `answering.Answerer`.

    A clip is read alike alone, in company and padded to any bucket. As many programs are compiled
    as there are buckets, and for the second pass sizes of their hypotheses (4, 6, 8, 12, ...
    glosses) and of what these share (8, 12, 16, 24, ... beginnings).

    Args:
      run: of a task that gives label sequences.
      options: of decoding.
    """

    def __init__(self, run: answering.Trained, options: DecodingOptions):
        self.run, self.options = run, options

    def __call__(self, rows: answering.Outputs, names: Sequence[str]) -> list[SequenceAnswer]:
        """The readings of the clips `names`, which are the first of the rows.

        Args:
          rows: `log_probs` float32 [B, T', V], `valid` bool [B, T'], `encoded` [B, T', D].

        Raises:
          UserError: the net's scores of a clip are no numbers.
        """
        _check(rows, names)
        # Full float32 products, so that an answer does not depend on the device.
        with jax.default_matmul_precision("highest"):
            return self._decode(rows)[: len(names)]

    def _decode(self, said: answering.Outputs) -> list[SequenceAnswer]:
        first = self._first_pass(said)
        if self.options.mode != "two_pass":
            return self._recognised(first, first.log_probs, None, first.log_probs)
        log_ctc = _ctc_scores(said, first)
        log_att = self._attention_scores(said, first)
        options = self.options
        best = rescoring.ranked(
            first, log_ctc, np.asarray(log_att), options.ctc_weight, options.length_bonus
        )
        return self._recognised(best, best.log_ctc, best.log_att, best.scores)

    def _attention_scores(self, said: answering.Outputs, found: beam.Hypotheses) -> jax.Array:
        most = self.run.net.longest_target
        shared = prefixes.shared(found.labels, found.lengths, most - 1 if most else None)
        run, beginnings = self.run, shared[:3]
        logits = _decode_tokens(run.net, run.variables, said["encoded"], said["valid"], *beginnings)
        return rescoring.attention_scores(logits, shared.places, found.labels, found.lengths)

    def _first_pass(self, said: answering.Outputs) -> beam.Hypotheses:
        if self.options.mode != "greedy":
            found = beam.beam_search(
                said["log_probs"], said["valid"],
                beam=self.options.beam, n_best=self.options.n_best,
            )  # fmt: skip
            return rescoring.fitted(found)
        ids = greedy.greedy(said["log_probs"].argmax(-1), said["valid"])
        lengths = np.array([[len(row)] for row in ids], np.int32)
        labels = np.zeros((len(ids), 1, max(1, int(lengths.max()))), np.int32)
        for row, glosses in zip(labels, ids, strict=True):
            row[0, : len(glosses)] = glosses
        found = rescoring.fitted(beam.Hypotheses(labels, lengths, np.zeros(lengths.shape)))
        return found._replace(log_probs=_ctc_scores(said, found))

    def _recognised(
        self,
        found: beam.Hypotheses | rescoring.Rescored,
        log_ctc: Array,
        log_att: Array | None,
        scores: Array,
    ) -> list[SequenceAnswer]:
        """Rows of hypotheses as class numbers: ids without the blank's place."""
        result = []
        for row, lengths in enumerate(found.lengths):
            hypotheses = tuple(
                Hypothesis(
                    glosses=tuple((found.labels[row, i, :length] - 1).tolist()),
                    log_ctc=float(log_ctc[row, i]),
                    log_att=None if log_att is None else float(log_att[row, i]),
                    score=float(scores[row, i]),
                )
                for i, length in enumerate(lengths)
                if np.isfinite(log_ctc[row, i])
            )
            result.append(
                SequenceAnswer(hypotheses, self.options.mode, self.run.labels.get("gloss"))
            )
        return result


# Compiled once for a net and the shapes, whatever run asks.
_score = jax.jit(rescoring.ctc_scores)


def _ctc_scores(said: answering.Outputs, found: beam.Hypotheses) -> Array:
    mask = rescoring.label_valid(found)
    return np.asarray(_score(said["log_probs"], said["valid"], found.labels, mask))


@functools.partial(jax.jit, static_argnums=0)
def _decode_tokens(net: nets.Net, variables: nets.Variables, *inputs: jax.Array) -> jax.Array:
    logits: Any = net.apply(variables, *inputs, method="decode_tokens")
    return logits


def _check(said: answering.Outputs, names: Sequence[str]) -> None:
    """Refuses scores that are no numbers."""
    bad = np.any(np.isnan(said["log_probs"]).any(-1) & said["valid"], axis=-1)
    broken = [name for name, wrong in zip(names, bad.tolist(), strict=False) if wrong]
    if broken:
        raise UserError(
            f"the net's scores of these clips are no numbers:\n{listing(broken)}\nLook for NaN or "
            "huge values in them (jaxsign inspect), or take another checkpoint (--which)."
        )
