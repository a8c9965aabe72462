"""The torch reference of WhisperSign trained with a recipe of jaxsign's, batch by batch."""

import copy
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import torch

from jaxsign import stages as stage
from jaxsign.tasks.sequences import ctc, word_errors
from jaxsign.tasks.sequences import options as decoding
from jaxsign.tasks.sequences.decoding import beam, rescoring
from jaxsign.train import setup
from parity.reference import whispersign_net, whispersign_train, whispersign_two_pass
from parity.settings import whispersign_runs

Batch = dict[str, np.ndarray]
Counts = word_errors.Counts
# Beginnings of parameter names on both sides.
_PARTS = {
    "^encoder/": "encoder.",
    "^attention_decoder/": "decoder.attention_decoder.",
    "^frontend/": "frontend.",
    "^ctc_head/": "decoder.ctc_decoder.",
}


def as_torch(batch: Batch) -> dict[str, torch.Tensor] | None:
    """A batch [B, ...] as the original has it, without the rows that weigh nothing."""
    real = batch["weight"] > 0
    if not real.any():
        return None
    labels, counts = batch["sequence"][real], batch["sequence_valid"][real].sum(1)
    return {
        "features": torch.from_numpy(batch["x"][real].copy()),
        "feature_lengths": torch.from_numpy(batch["valid"][real].sum(1)),
        "labels": torch.from_numpy(labels[batch["sequence_valid"][real]]).long(),
        "label_lengths": torch.from_numpy(counts),
    }


@dataclasses.dataclass
class Trained:
    """The reference through the recipe's stages."""

    model: whispersign_net.WhisperSignModel
    best: float = float("inf")
    kept: Any = None

    def stage(self, run: setup.TrainingRun, current: stage.Stage) -> None:
        """Trains one stage; afterwards the model has the weights of its best epoch."""
        config, session = current.config, setup.begin(run, current, None)
        settings = whispersign_runs.Stage(
            epochs=current.epochs,
            lr=config.optim.lr,
            weight_decay=config.optim.weight_decay,
            alpha=config.loss.alpha,
            frozen=tuple(_PARTS[pattern] for pattern in config.train.frozen),
            grad_clip=config.optim.grad_clip,
        )
        parameters = whispersign_train.freeze(self.model, settings.frozen)
        optimizer = whispersign_train.make_optimizer(parameters, settings)
        self.best = float("inf") if current.reset_best else self.best
        for epoch in range(current.epochs):
            self.model.train()
            for update, batch in enumerate(self._batches(session, epoch)):
                share = update / session.train_batches.steps_per_epoch
                optimizer.param_groups[0]["lr"] = session.schedule.rate(epoch + share)
                records = whispersign_train.Records()
                whispersign_train.update(self.model, batch, optimizer, settings, records)
            score = self.greedy(session.val_batches).wer
            if score < self.best:
                self.best, self.kept = score, copy.deepcopy(self.model.state_dict())
        self.model.load_state_dict(self.kept)

    def _batches(self, session: setup.Session, epoch: int) -> Iterator[dict[str, torch.Tensor]]:
        """jaxsign's batches of an epoch, the labels of windows told by this model."""
        batches = session.train_batches
        if session.survey_batches is not None:
            batches.examples.surveyed(self._alignment(session))
        steps = batches.steps_per_epoch
        iterator = batches.iterator({"batch": epoch * steps})
        for _ in range(steps):
            made = as_torch({name: value[0] for name, value in next(iterator).items()})
            if made is not None:
                yield made

    def _alignment(self, session: setup.Session) -> list[list[int] | None]:
        """The middle frame of every label of every training clip."""
        patch, batches = self.model.frontend.patch_size, session.survey_batches
        assert batches is not None, "the recipe's input asks for an alignment"
        found: list[list[int] | None] = [None] * len(batches.examples)
        for batch in batches:
            said = self.listen(batch)
            wanted = (jnp.asarray(batch[name]) for name in ("sequence", "sequence_valid"))
            spans = np.asarray(ctc.align(*_on_jax(said), *wanted))
            for index, row in zip(batch["index"], spans, strict=True):
                labels = row[(row >= 0).all(-1)]
                if index >= 0 and len(labels):
                    middles = (labels[:, 0] * patch + labels[:, 1] * patch + patch - 1) // 2
                    found[int(index)] = middles.tolist()
        return found

    @torch.inference_mode()
    def listen(self, batch: Batch) -> dict[str, Any]:
        """What the net says of all rows of a batch."""
        self.model.eval()
        lengths = torch.from_numpy(batch["valid"].sum(1))
        return self.model(torch.from_numpy(batch["x"].copy()), lengths)

    def greedy(self, batches: Iterable[Batch]) -> Counts:
        """Word errors of greedy decoding."""
        total = Counts()
        for batch in batches:
            said = self.listen(batch)
            rows = whispersign_net.CTCDecoder.greedy_decode(
                said["ctc_log_probs"], said["output_lengths"]
            )
            total += errors(batch, rows)
        return total

    def two_pass(self, batches: Iterable[Batch], options: decoding.DecodingOptions) -> Counts:
        """Word errors of beam search and rescoring with the attention decoder."""
        total = Counts()
        for batch in batches:
            said = self.listen(batch)
            first = rescoring.fitted(
                beam.beam_search(*_on_jax(said), beam=options.beam, n_best=options.n_best)
            )
            mask = jnp.asarray(rescoring.label_valid(first))
            log_ctc = np.asarray(
                rescoring.ctc_scores(*_on_jax(said), jnp.asarray(first.labels), mask)
            )
            log_att = self._attention_scores(said, first)
            best = rescoring.ranked(
                first, log_ctc, log_att, options.ctc_weight, options.length_bonus
            )
            pairs = zip(best.labels[:, 0], best.lengths[:, 0], strict=True)
            total += errors(batch, [labels[:count].tolist() for labels, count in pairs])
        return total

    @torch.inference_mode()
    def _attention_scores(self, said: dict[str, Any], first: beam.Hypotheses) -> np.ndarray:
        """log P_att [B, N] of every clip's own hypotheses."""
        labels, lengths = (torch.from_numpy(a.astype(np.int64)) for a in first[:2])
        names, rows = ("encoder_output", "output_lengths"), []
        for i in range(len(labels)):
            clip = {name: said[name][i : i + 1] for name in names}
            rows.append(
                whispersign_two_pass.attention_scores(self.model, clip, labels[i], lengths[i])
            )
        return np.concatenate(rows)


def _on_jax(said: dict[str, Any]) -> tuple[Any, Any]:
    """log_probs [B, T', V] and which frames are real."""
    log_probs = said["ctc_log_probs"].numpy()
    lengths = said["output_lengths"].numpy()
    return jnp.asarray(log_probs), jnp.asarray(np.arange(log_probs.shape[1]) < lengths[:, None])


def errors(batch: Batch, rows: Sequence[Sequence[int]]) -> Counts:
    total = Counts()
    for i in np.flatnonzero(batch["weight"] > 0).tolist():
        truth = batch["sequence"][i][batch["sequence_valid"][i]].tolist()
        total += word_errors.count(truth, rows[i])
    return total
