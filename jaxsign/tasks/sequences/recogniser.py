"""Features of clips -> label sequences with their scores, by a trained run."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import nets
from jaxsign.errors import UserError, listing
from jaxsign.infer import run as runs
from jaxsign.tasks.classes import metrics
from jaxsign.tasks.sequences.decoding import beam, greedy, prefixes, rescoring
from jaxsign.tasks.sequences.options import Options

Array = np.ndarray


@dataclasses.dataclass(frozen=True)
class Hypothesis:
    """One way to read a clip.

    Attributes:
      glosses: class numbers, in order; () = nothing was signed.
      log_ctc: log P_ctc(glosses | clip): exact, or in mode 'beam' of the paths in the beam.
      log_att: log P_att of the glosses and the end; None in other modes than 'two_pass', -inf
        where there are more glosses than the decoder takes.
      score: what the hypotheses are ordered by: `log_ctc`, or both weighed.
    """

    glosses: tuple[int, ...]
    log_ctc: float
    log_att: float | None
    score: float


@dataclasses.dataclass(frozen=True)
class Recognised:
    """What was recognised in a clip.

    Attributes:
      names: of the glosses (`gloss_name`).
      hypotheses: the best readings, best first; at least one.
    """

    names: tuple[str, ...]
    hypotheses: tuple[Hypothesis, ...]

    @property
    def glosses(self) -> tuple[int, ...]:
        """Class numbers of the best reading."""
        return self.hypotheses[0].glosses

    @property
    def score(self) -> float:
        """Score of the best reading."""
        return self.hypotheses[0].score


class Recogniser:
    """Decodes what a run's net says of clips.

    A clip is read alike alone, in company and padded to any bucket. As many programs are compiled
    as there are buckets, and for the second pass sizes of their hypotheses (4, 6, 8, 12, ...
    glosses) and of what these share (8, 12, 16, 24, ... beginnings).

    Args:
      run: of a task that gives label sequences.
      options: of decoding.
    """

    def __init__(self, run: runs.Run, options: Options | None = None):
        self.run, self.options = run, options or Options()

    def recognise(
        self, arrays: Sequence[Array], batch_size: int = 32, ids: Sequence[str] | None = None
    ) -> list[Recognised]:
        """What is signed in clips of any lengths, in their order.

        Args:
          arrays: float32 [T, ...] each, in the layout of the run's view, at least one frame and
            at most `run.max_length` of them.
          batch_size: rows of the net's batches; clips of a bucket share one.
          ids: the clips' names, for messages.

        Raises:
          UserError: a clip is of another shape, or the net's scores of it are no numbers.
        """
        names = list(ids) if ids else [f"clip {i}" for i in range(len(arrays))]
        _check_shapes(arrays, names, self.run)
        clips = [runs.Clip(x, np.ones(len(x), bool)) for x in arrays]
        found: dict[int, Recognised] = {}
        for members, batch in self.run.batches(clips, batch_size):
            # Full float32 products, so that an answer does not depend on the device.
            with jax.default_matmul_precision("highest"):
                said = _listen(self.run.net, self.run.variables, batch["x"], batch["valid"])
                _check(said, [names[i] for i in members])
                rows = self._decode(said)
            found |= {i: rows[row] for row, i in enumerate(members)}
        return [found[i] for i in range(len(arrays))]

    def names(self, glosses: Sequence[int]) -> tuple[str, ...]:
        """The names of class numbers."""
        known = self.run.labels.get("gloss")
        return tuple(gloss_name(known, number) for number in glosses)

    def _decode(self, said: dict[str, Any]) -> list[Recognised]:
        first = self._first_pass(said)
        if self.options.mode != "two_pass":
            return self._recognised(first, first.log_probs, None, first.log_probs)
        log_ctc = _ctc_scores(said, first.labels, rescoring.label_valid(first))
        log_att = self._attention_scores(said, first)
        options = self.options
        best = rescoring.ranked(
            first, np.asarray(log_ctc), np.asarray(log_att),
            options.ctc_weight, options.length_bonus,
        )  # fmt: skip
        return self._recognised(best, best.log_ctc, best.log_att, best.scores)

    def _attention_scores(self, said: dict[str, Any], found: beam.Hypotheses) -> jax.Array:
        most = self.run.net.longest_target
        shared = prefixes.shared(found.labels, found.lengths, most - 1 if most else None)
        run, beginnings = self.run, shared[:3]
        logits = _decode_tokens(run.net, run.variables, said["encoded"], said["valid"], *beginnings)
        return rescoring.attention_scores(logits, shared.places, found.labels, found.lengths)

    def _first_pass(self, said: dict[str, Any]) -> beam.Hypotheses:
        if self.options.mode != "greedy":
            found = beam.beam_search(
                said["log_probs"], said["valid"],
                beam=self.options.beam, n_best=self.options.n_best,
            )  # fmt: skip
            return rescoring.fitted(found)
        ids = greedy.greedy(np.asarray(said["ids"]), np.asarray(said["valid"]))
        lengths = np.array([[len(row)] for row in ids], np.int32)
        labels = np.zeros((len(ids), 1, max(1, int(lengths.max()))), np.int32)
        for row, glosses in zip(labels, ids, strict=True):
            row[0, : len(glosses)] = glosses
        found = rescoring.fitted(beam.Hypotheses(labels, lengths, np.zeros(lengths.shape)))
        log_ctc = _ctc_scores(said, found.labels, rescoring.label_valid(found))
        return found._replace(log_probs=np.asarray(log_ctc))

    def _recognised(
        self, found: Any, log_ctc: Array, log_att: Array | None, scores: Array
    ) -> list[Recognised]:
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
            result.append(Recognised(self.names(hypotheses[0].glosses), hypotheses))
        return result


def gloss_name(names: Sequence[str] | None, number: int) -> str:
    """The name of a class; `?id` where the names do not reach so far (ids count from 1).

    A run without any names tells numbers.
    """
    known = not names or number < len(names)
    return metrics.class_name(names, number) if known else f"?{number + 1}"


# Compiled once for a net and the shapes, whatever recogniser asks.
@functools.partial(jax.jit, static_argnums=0)
def _listen(net: nets.Net, variables: Any, x: jax.Array, valid: jax.Array) -> dict[str, jax.Array]:
    """What the net says of a batch, the best ids of its frames, and which clips are broken [B]."""
    said = nets.call(net, variables, {"x": x, "valid": valid})
    log_probs, output_valid = said["ctc_log_probs"], said["output_valid"]
    return {
        "log_probs": log_probs,
        "valid": output_valid,
        "encoded": said["encoder_output"],
        "ids": log_probs.argmax(-1),
        "broken": (jnp.isnan(log_probs).any(-1) & output_valid).any(-1),
    }


@jax.jit
def _ctc_scores(said: dict[str, jax.Array], labels: jax.Array, mask: jax.Array) -> jax.Array:
    return rescoring.ctc_scores(said["log_probs"], said["valid"], labels, mask)


@functools.partial(jax.jit, static_argnums=0)
def _decode_tokens(net: nets.Net, variables: Any, *inputs: jax.Array) -> jax.Array:
    logits: Any = net.apply(variables, *inputs, method="decode_tokens")
    return logits


def _check_shapes(arrays: Sequence[Array], names: Sequence[str], run: runs.Run) -> None:
    for x, name in zip(arrays, names, strict=True):
        if np.shape(x)[1:] != run.frame_shape:
            raise UserError(
                f"{name}: frames of {' x '.join(map(str, np.shape(x)[1:]))} numbers, but this "
                f"run's net takes {' x '.join(map(str, run.frame_shape))}. Give clips that its "
                f"view ({run.config.view.name or 'none'}) makes that of."
            )


def _check(said: dict[str, Any], names: Sequence[str]) -> None:
    """Refuses scores that are no numbers."""
    broken = [name for name, bad in zip(names, np.asarray(said["broken"]), strict=False) if bad]
    if broken:
        raise UserError(
            f"the net's scores of these clips are no numbers:\n{listing(broken)}\nLook for NaN or "
            "huge values in them (jaxsign inspect), or take another checkpoint (--which)."
        )
