"""WhisperSign: patches of hand frames, an encoder of two attentions, a CTC and an attention head.

Source: the public system Whisper_modification (its `WhisperSignModel`). What the original does with
padding (it takes part in nearly everything) is an option here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsign import fields, nets
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import (
    attention_decoder,
    dense,
    patch_frontend,
    two_attention_encoder,
    whisper_rows,
)
from jaxsign.nets.pretrained import whisper
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
PADDING = ("masked", "upstream")


class WhisperSign(nets.Net):
    """Sequences of signs from hand skeletons.

    Ids are glosses' numbers + 1; id 0 is the CTC blank and the decoder's start and end, so that
    there are V = num_gloss + 1 ids.

    Attributes:
      num_gloss: glosses.
      num_joints, num_features: J and F, a frame's joints and the numbers of each.
      patch_size: frames a patch P; the net answers once a patch.
      dim: width D everywhere.
      num_heads: of all attentions; divides D.
      num_layers: of the encoder, and of the decoder.
      ff_dim: width of the feed-forward parts.
      dropout: rate in encoder and decoder.
      frontend_dropout: rate on the frontend's output.
      spatial_dropout: rate on whole channels of it.
      padding: 'masked': valid frames' outputs do not depend on padding; 'upstream': as in the
        original, where only the temporal and the cross attention leave padding out.
      max_target: longest sequence of the decoder, its start included.
      max_relative: distances of so many patches and more are one.
      auxiliary_ctc: a second CTC head on the frontend's output.
    """

    num_gloss: int = fields.value(1295, fields.NOT_NEGATIVE)
    num_joints: int = fields.value(42, fields.COUNT)
    num_features: int = fields.value(7, fields.COUNT)
    patch_size: int = fields.value(4, fields.COUNT)
    dim: int = fields.value(512, fields.COUNT)
    num_heads: int = fields.value(8, fields.COUNT)
    num_layers: int = fields.value(6, fields.COUNT)
    ff_dim: int = fields.value(2048, fields.COUNT)
    dropout: float = fields.value(0.1, fields.RATE)
    frontend_dropout: float = fields.value(0.1, fields.RATE)
    spatial_dropout: float = fields.value(0.15, fields.RATE)
    padding: str = fields.value("masked", fields.among(*PADDING))
    max_target: int = fields.value(200, fields.COUNT)
    max_relative: int = fields.value(2000, fields.COUNT)
    auxiliary_ctc: bool = False

    inputs = ("x", "valid", "tokens")
    attention_part = "attention_decoder"
    outputs = ("ctc_log_probs", "att_logits", "encoder_output", "output_valid")

    def setup(self) -> None:
        self._check_fields()
        masked = self.padding == "masked"
        self.frontend = patch_frontend.PatchFrontend(
            self.dim,
            self.patch_size,
            self.frontend_dropout,
            self.spatial_dropout,
            mask_padding=masked,
            axis_name=self.axis_name,
            **self.types,
        )
        self.encoder = two_attention_encoder.TwoAttentionEncoder(
            self.num_layers,
            self.num_heads,
            self.ff_dim,
            self.dropout,
            self.max_relative,
            mask_padding=masked,
            **self.types,
        )
        self.ctc_head = dense.Dense(self.vocabulary, **self.types)
        self.attention_decoder = attention_decoder.AttentionDecoder(
            self.vocabulary,
            self.dim,
            self.num_heads,
            self.num_layers,
            self.ff_dim,
            self.dropout,
            self.max_target,
            **self.types,
        )
        if self.auxiliary_ctc:
            self.auxiliary_head = dense.Dense(self.vocabulary, **self.types)

    def __call__(
        self,
        x: Array,
        valid: Array | None = None,
        tokens: Array | None = None,
        *,
        train: bool = False,
    ) -> dict[str, Array]:
        """What both heads say of a batch of clips.

        Args:
          x: float [B, T, J, F].
          valid: bool [B, T], True = real frame, real ones first; None = all are real. A patch is
            valid if any of its frames is; its other frames count as zeros ('masked').
          tokens: int [B, S], start (0) and ids so far, for the attention head; None = not asked.
          train: use dropout (rng stream `dropout`) and batch statistics.

        Returns:
          With T' = ceil(T / P): `ctc_log_probs` float32 [B, T', V]; with `tokens` also `att_logits`
          float32 [B, S, V] of the id after each; `encoder_output` float [B, T', D]; `output_valid`
          bool [B, T']; with `auxiliary_ctc` also `aux_log_probs` float32 [B, T', V].

        Raises:
          ValueError: a shape or field that does not fit.
        """
        self._check(x, valid)
        valid = None if valid is None else valid.astype(bool)
        h = self.frontend(x, valid, train=train)
        seen = None if valid is None else patch_frontend.patches(valid, self.patch_size).any(-1)
        encoded = self.encoder(h, seen, train=train)
        if tokens is None and self.is_initializing():
            tokens = jnp.zeros((len(x), 1), jnp.int32)  # all parameters must come to be
        result = {
            "ctc_log_probs": _log_softmax(self.ctc_head(encoded)),
            "encoder_output": encoded,
            "output_valid": jnp.ones(encoded.shape[:2], bool) if seen is None else seen,
        }
        if tokens is not None:
            result["att_logits"] = self.attention_decoder(tokens, encoded, seen, train=train)
        if self.auxiliary_ctc:
            result["aux_log_probs"] = _log_softmax(self.auxiliary_head(h))
        return result

    def decode_tokens(
        self,
        encoder_output: Array,
        output_valid: Array | None,
        tokens: Array,
        positions: Array | None = None,
        seen: Array | None = None,
        *,
        train: bool = False,
    ) -> Array:
        """As in `Net`."""
        return self.attention_decoder(
            tokens, encoder_output, output_valid, positions, seen, train=train
        )

    @property
    def vocabulary(self) -> int:
        """Ids: the glosses and the blank."""
        return self.num_gloss + 1

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Shape of a frame."""
        return self.num_joints, self.num_features

    @property
    def frames_per_output(self) -> int:
        """Frames a patch."""
        return self.patch_size

    @property
    def longest_target(self) -> int:
        """`max_target`."""
        return self.max_target

    @property
    def padding_counts(self) -> bool:
        """True if frames of padding change the answer: such a net is asked at a clip's length."""
        return self.padding == "upstream"

    def load_pretrained(
        self, path: str | Path, variables: nets.Variables, *, zero_branches: bool = True
    ) -> tuple[dict[str, Any], list[str]]:
        """Whisper's weights; see `pretrained.whisper`."""
        return whisper.load_pretrained(path, self, variables, zero_branches)

    def key_table(self) -> list[KeyEntry]:
        """The original's state_dict keys (250 at 6 layers) in its order."""
        d, ids = self.dim, self.vocabulary
        width = self.patch_size * self.num_joints * self.num_features
        rows = whisper_rows.frontend("frontend.", ("frontend",), d, width)
        rows += whisper_rows.encoder(
            "encoder.",
            ("encoder",),
            d,
            self.ff_dim,
            layers=self.num_layers,
            head=d // self.num_heads,
            reach=self.max_relative,
        )
        rows += torch_rows.linear("decoder.ctc_decoder.projection", ("ctc_head",), ids, d)
        return rows + whisper_rows.decoder(
            "decoder.attention_decoder.",
            ("attention_decoder",),
            d,
            self.ff_dim,
            layers=self.num_layers,
            ids=ids,
            max_target=self.max_target,
        )

    @classmethod
    def matches(cls, weights: Mapping[str, np.ndarray]) -> bool:
        """True if the keys are a WhisperSignModel's."""
        return (
            "frontend.conv_spe.depthwise.weight" in weights
            and "decoder.ctc_decoder.projection.weight" in weights
        )

    @classmethod
    def fields_from_state_dict(cls, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Constructor fields that the shapes tell, and the behaviour that the weights know.

        How joints, features and patches share a patch's numbers is not stored; heads are.
        """
        d = int(weights["frontend.conv_spe.pointwise.weight"].shape[0])
        layers = {key.split(".")[2] for key in weights if key.startswith("encoder.layers.")}
        found: dict[str, Any] = {
            "padding": "upstream",
            "num_gloss": int(weights["decoder.ctc_decoder.projection.bias"].shape[0]) - 1,
            "dim": d,
            "num_layers": len(layers),
            "max_target": int(weights["decoder.attention_decoder.pos_embedding.weight"].shape[0]),
        }
        if layers:
            distances, head = weights[
                "encoder.layers.0.temporal_attn.rpe.rel_pos_bias.weight"
            ].shape
            found["num_heads"] = d // int(head)
            found["max_relative"] = (int(distances) + 1) // 2
            found["ff_dim"] = int(weights["encoder.layers.0.ffn.net.0.bias"].shape[0])
        return found

    def _check_fields(self) -> None:
        if self.padding not in PADDING:
            raise ValueError(f"padding={self.padding!r} is none of {', '.join(PADDING)}")
        if self.num_heads < 1 or self.dim % self.num_heads:
            raise ValueError(f"num_heads={self.num_heads} must divide dim={self.dim}")
        counts = ("num_gloss", "num_joints", "num_features", "patch_size", "num_layers", "ff_dim")
        for name in (*counts, "max_target", "max_relative"):
            if (value := vars(self)[name]) < 1:
                raise ValueError(f"{name}={value} must be at least 1")

    def _check(self, x: Array, valid: Array | None) -> None:
        if x.ndim != 4 or x.shape[2:] != self.frame_shape:
            raise ValueError(
                f"x has shape {x.shape}, expected [B, T, {self.num_joints}, {self.num_features}]"
            )
        self.check_valid(x, valid)


NET = WhisperSign


def _log_softmax(logits: Array) -> Array:
    return jax.nn.log_softmax(logits.astype(jnp.float32), axis=-1)
