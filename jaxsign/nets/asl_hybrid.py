"""ASLHybrid: gated temporal convolutions, BiLSTM, attention, convolutions and a transformer block.

Source: the public system google_asl_recognition (its `ASLModel`). What the original does with
padding (it takes part in everything) and its norms' momentum are options here.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign import fields, local_hands, nets
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import (
    batch_norm,
    dropout,
    landmark_motion,
    lstm,
    regularisers,
    temporal_attention,
    temporal_conv,
)
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
# What no recipe changes: the state_dict of the original knows no other numbers.
TAPS = 17
DILATIONS = (1, 2, 4)
HEADS, EXPAND, POOL_HEADS = 8, 2, 4
BLOCK_DROPOUT = (0.15, 0.2, 0.25)
_POINTS = fields.Rule(lambda v: all(0 <= p < 543 for p in v), "numbers of landmarks, 0 to 542")
ATTENTION_DROPOUT, POOL_DROPOUT, HEAD_DROPOUT = 0.15, 0.1, 0.3


class ASLHybrid(nets.Net):
    """Isolated signs from landmarks: one head, `gloss`.

    Attributes:
      num_gloss: classes.
      dim: width D; divisible by 8.
      max_len: frames that are looked at; None = all.
      points: landmarks that are taken, in the system's own order of 543; () = its list of 62.
      mask_padding: padding has no influence. False = as in the original, where frames of zeros
        count in centre, spread, norms, LSTM, attention and poolings; only rows without any valid
        frame are then left out.
      missing: 'ignore': centre and spread of a clip are those of the points that were seen; 'zero':
        unseen ones count as 0.5 and 0, as in the original.
      hands: 'body': the original's features; 'local': besides them each hand's points around its
        wrist in the hand's own size in that frame, which tell its shape wherever it is.
      bn_momentum: share of the new value in the running statistics; the original has 0.95, which
        was meant as 0.05.
      drop_path: rate of dropping a whole convolution branch.
      late_dropout, dropout_step, dropout_start_epoch: rate on the pooled vector once so many
        optimizer steps and epochs are done; rate 0 = off.
      dropout_offset: added to every other dropout rate, which stay at 0 or more: -1 turns them off.
      stem_dropout, top_dropout: (initial rate, final rate, epochs between) of the two adaptive
        dropouts.
    """

    num_gloss: int = fields.value(25, fields.NOT_NEGATIVE)
    dim: int = fields.value(192, fields.COUNT)
    max_len: int | None = fields.value(384, fields.COUNT)
    points: tuple[int, ...] = fields.value((), _POINTS)
    mask_padding: bool = True
    missing: str = fields.value("ignore", fields.among("ignore", "zero"))
    hands: str = fields.value("body", fields.among(*local_hands.HANDS))
    bn_momentum: float = fields.value(0.05, fields.SHARE)
    drop_path: float = fields.value(0.0, fields.RATE)
    late_dropout: float = fields.value(0.0, fields.RATE)
    dropout_step: int = fields.value(0, fields.NOT_NEGATIVE)
    dropout_start_epoch: float = fields.value(0.0, fields.NOT_NEGATIVE)
    dropout_offset: float = 0.0
    stem_dropout: tuple[float, float, float] = (0.1, 0.3, 20)
    top_dropout: tuple[float, float, float] = (0.2, 0.5, 25)

    uses_progress = True
    takes_nan = True

    @nn.compact
    def __call__(
        self,
        x: Array,
        valid: Array | None = None,
        *,
        train: bool = False,
        progress: regularisers.Progress = regularisers.START,
    ) -> dict[str, Any]:
        """Logits of a batch of clips.

        Args:
          x: float [B, T, 543, 3], landmarks in the system's own order, or [B, T, P, 2 or 3], the
            picked `points`; NaN = not seen.
          valid: bool [B, T], True = real frame, real ones first; None = all are real.
          train: use dropout (rng stream `dropout`) and batch statistics.
          progress: how far the run is; for training.

        Returns:
          `logits`: {'gloss': float32 [B, num_gloss]} and `embedding`: float32 [B, 3 D]: mean,
          maximum and attention pooling over time.

        Raises:
          ValueError: a shape or field that does not fit.
        """
        self._check(x, valid)
        valid = self._counted(valid)
        h = landmark_motion.preprocess(
            x,
            valid,
            points=self.landmarks,
            max_len=self.max_len,
            missing=self.missing,
            hands=self.hands,
        )
        self._noted("preprocessing", h)
        valid = None if valid is None else valid[:, : self.max_len]
        h = self._trunk(h, valid, train, progress)
        embedding = self._pool(h, valid, train).astype(jnp.float32)
        late = regularisers.LateDropout(
            self.late_dropout, self.dropout_step, self.dropout_start_epoch
        )
        h = late(embedding, progress, train=train)
        clips = None if valid is None else valid.any(1)
        return {"logits": {"gloss": self._classify(h, clips, train)}, "embedding": embedding}

    def _counted(self, valid: Array | None) -> Array | None:
        """The frames that count: all those of a real clip where padding is not masked."""
        if valid is None or self.mask_padding:
            return None if valid is None else valid.astype(bool)
        return jnp.broadcast_to(valid.astype(bool).any(1, keepdims=True), valid.shape)

    def _trunk(
        self, h: Array, valid: Array | None, train: bool, progress: regularisers.Progress
    ) -> Array:
        """Features [B, T, F] -> [B, T, D], everything before the poolings."""
        types, norm = self.types, self._norm
        given: Any = {"valid": valid, "train": train}
        h = temporal_attention.linear(self.dim, "stem", types, bias=False)(h)
        h = self._noted("stem_norm", batch_norm.BatchNorm(name="stem_norm", **norm)(h, **given))
        h = self._adaptive(self.stem_dropout)(h, progress, train=train)
        branch = {"drop_path": self.drop_path, "norm": norm, **types}
        for i, (dilation, rate) in enumerate(zip(DILATIONS, BLOCK_DROPOUT, strict=True), 1):
            block: Any = temporal_conv.TemporalConvBlock(
                TAPS, dilation, self._rate(rate), name=f"tcn_{i}", **branch
            )
            h = self._noted(f"tcn_{i}", block(h, **given))
        h = self._noted("lstm", self._lstm(h, valid, train))
        rate = self._rate(ATTENTION_DROPOUT)
        block = temporal_attention.TemporalAttention(
            HEADS, rate, name="temporal_attention", **types
        )
        h = self._noted("temporal_attention", block(h, **given))
        for i, block_rate in enumerate(BLOCK_DROPOUT, 1):
            block = temporal_conv.Conv1DBlock(
                TAPS, self._rate(block_rate), name=f"conv_{i}", **branch
            )
            h = self._noted(f"conv_{i}", block(h, **given))
        block = temporal_attention.TransformerBlock(
            HEADS, EXPAND, rate, norm, name="transformer", **types
        )
        h = self._noted("transformer", block(h, **given))
        h = temporal_attention.linear(self.dim, "top", types)(h)
        h = self._noted("top_norm", batch_norm.BatchNorm(name="top_norm", **norm)(h, **given))
        return self._adaptive(self.top_dropout)(h, progress, train=train)

    def _lstm(self, h: Array, valid: Array | None, train: bool) -> Array:
        rate = self._rate(ATTENTION_DROPOUT)
        h = lstm.BidirectionalLSTM(self.dim // 2, 2, rate, name="lstm", **self.types)(
            h, valid, train=train
        )
        h = temporal_attention.linear(self.dim, "lstm_projection", self.types)(h)
        return dropout.Dropout(rate)(h, train=train)

    def _pool(self, h: Array, valid: Array | None, train: bool) -> Array:
        """[B, T, D] -> [B, 3 D]."""
        y = temporal_attention.linear(self.dim, "pool_projection", self.types)(h)
        attended = temporal_attention.PackedAttention(
            POOL_HEADS, self._rate(POOL_DROPOUT), average=True, name="attention_pool", **self.types
        )(y, valid, train=train)
        poolings = [temporal_attention.pool(h, valid, how) for how in ("mean", "max")]
        parts = [*poolings, attended]
        return jnp.concatenate(parts, axis=-1)

    def _classify(self, h: Array, valid: Array | None, train: bool) -> Array:
        """Pooled features [B, 3 D] of the `valid` clips [B] -> logits float32."""
        h = temporal_attention.linear(self.dim, "hidden", self.types)(h)
        # The one norm whose momentum the original left at torch's default.
        norm = batch_norm.BatchNorm(name="hidden_norm", **{**self._norm, "momentum": 0.1})
        h = nn.silu(norm(h, valid, train=train))
        h = dropout.Dropout(self._rate(HEAD_DROPOUT))(h, train=train)
        out = temporal_attention.linear(self.num_gloss, "out", self.types)
        return out(h).astype(jnp.float32)

    def _noted(self, name: str, h: Array) -> Array:
        self.sow("intermediates", f"after_{name}", h)
        return h

    def _rate(self, rate: float) -> float:
        return max(0.0, rate + self.dropout_offset)

    def _adaptive(self, ramp: tuple[float, float, float]) -> regularisers.AdaptiveDropout:
        initial, final, warmup = ramp
        return regularisers.AdaptiveDropout(self._rate(initial), self._rate(final), warmup)

    @property
    def _norm(self) -> dict[str, Any]:
        return {**self.types, "momentum": self.bn_momentum, "axis_name": self.axis_name}

    @property
    def padding_counts(self) -> bool:
        """True if frames of padding change the answer: such a net is asked at a clip's length."""
        return not self.mask_padding

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Shape of a frame of picked points."""
        return len(self.landmarks), 2

    @property
    def landmarks(self) -> tuple[int, ...]:
        """The landmarks that are taken."""
        return tuple(self.points) or landmark_motion.POINTS

    @property
    def max_frames(self) -> int:
        """Longest clip in frames; 0 = any."""
        return self.max_len or 0

    @property
    def class_biases(self) -> dict[str, str]:
        """Head -> path of the bias of its classes."""
        return {"gloss": "out/bias"}

    def key_table(self) -> list[KeyEntry]:
        """The original's 139 state_dict keys in its order; its stem knows no local hands."""
        d = self.dim
        width = len(self.landmarks) * landmark_motion.FEATURES_A_POINT
        if self.hands == "local":
            width += 2 * sum(len(hand) - 1 for hand in landmark_motion.fingers(self.landmarks))
        rows = [KeyEntry("stem_conv.weight", ("params", "stem", "kernel"), "linear", (d, width))]
        rows += torch_rows.norm("stem_bn", ("stem_norm",), d)
        for i in (1, 2, 3):
            rows += torch_rows.temporal_conv(f"tcn{i}.", (f"tcn_{i}",), d, TAPS)
        rows += torch_rows.linear("attention_projection", ("pool_projection",), d, d)
        rows += torch_rows.lstm("lstm.lstm.", ("lstm",), d, d // 2, 2)
        rows += torch_rows.linear("lstm.projection", ("lstm_projection",), d, d)
        rows += torch_rows.temporal_attention("temporal_attention.", ("temporal_attention",), d)
        for i in (1, 2, 3):
            rows += torch_rows.conv(f"conv{i}.", (f"conv_{i}",), d, TAPS)
        rows += torch_rows.transformer("transformer1.", ("transformer",), d, EXPAND)
        rows += torch_rows.linear("top_conv", ("top",), d, d)
        rows += torch_rows.norm("top_bn", ("top_norm",), d)
        rows += torch_rows.packed_attention("attention_pool.", ("attention_pool",), d)
        rows += torch_rows.linear("classifier.0", ("hidden",), d, 3 * d)
        rows += torch_rows.norm("classifier.1", ("hidden_norm",), d)
        return rows + torch_rows.linear("classifier.4", ("out",), self.num_gloss, d)

    @classmethod
    def matches(cls, weights: Mapping[str, np.ndarray]) -> bool:
        """True if the keys are an ASLModel's."""
        return "stem_conv.weight" in weights and "lstm.lstm.weight_ih_l0" in weights

    @classmethod
    def fields_from_state_dict(cls, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Constructor fields that the shapes tell, and the behaviour that the weights know.

        max_len and the points are not stored.
        """
        return {
            "mask_padding": False,
            "missing": "zero",
            "bn_momentum": 0.95,
            "dim": int(weights["stem_conv.weight"].shape[0]),
            "num_gloss": int(weights["classifier.4.weight"].shape[0]),
        }

    def _check(self, x: Array, valid: Array | None) -> None:
        if self.dim % HEADS:
            raise ValueError(f"dim={self.dim} must be divisible by {HEADS}")
        rates = [*self.stem_dropout[:2], *self.top_dropout[:2], *BLOCK_DROPOUT, HEAD_DROPOUT]
        if max(*map(self._rate, rates), self.drop_path, self.late_dropout) >= 1:
            raise ValueError(
                f"dropout rates must stay below 1: stem_dropout={self.stem_dropout}, "
                f"top_dropout={self.top_dropout}, drop_path={self.drop_path}, "
                f"late_dropout={self.late_dropout}, all but the last two with "
                f"dropout_offset={self.dropout_offset}"
            )
        if x.ndim != 4 or x.shape[-1] < 2:
            raise ValueError(f"x has shape {x.shape}, expected [B, T, points, 2 or 3]")
        self.check_valid(x, valid)


NET = ASLHybrid
