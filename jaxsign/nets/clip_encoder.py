"""What PTN and VTN share: embedded frames, a post-norm encoder with a CLS frame, a classifier.

Source: the public system SignON.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign import fields, nets
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import dense, dropout, language, positions, post_norm
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array


class ClipEncoder(nets.Net):
    """Isolated signs from frames that a subclass embeds: one head, `gloss`.

    Attributes:
      num_gloss: classes, those of all languages together.
      emb_dim: width D; even and divisible by n_heads.
      n_heads, n_layers: of the encoder, whose feed-forward parts have 2 D numbers.
      dropout, pos_dropout: rates: of the encoder, behind the positions.
      languages: that the head is told (rows of an embedding); 0 = none, one softmax over all.
      language_dim: numbers of a language's embedding.
    """

    num_gloss: int = fields.value(458, fields.NOT_NEGATIVE)
    emb_dim: int = fields.value(128, fields.COUNT)
    n_heads: int = fields.value(8, fields.COUNT)
    n_layers: int = fields.value(4, fields.COUNT)
    dropout: float = fields.value(0.2, fields.RATE)
    pos_dropout: float = fields.value(0.1, fields.RATE)
    languages: int = fields.value(0, fields.NOT_NEGATIVE)
    language_dim: int = fields.value(4, fields.COUNT)

    inputs = ("x", "valid", "language")
    outputs = ("logits", "embedding", "spatial", "temporal", "cls")
    frame_outputs = ("spatial", "temporal")

    def _encoded(
        self, spatial: Array, counts: Array | None, languages: Array | None, train: bool
    ) -> dict[str, Any]:
        """The outputs, of embedded frames.

        Args:
          spatial: float [B, T, D].
          counts: bool [B, T], the frames that are attended to; None = all.
          languages: int [B] or None.
          train: use dropout.

        Returns:
          `logits`: {'gloss': float32 [B, num_gloss]}; `spatial` float32 [B, T, D] as given;
          `temporal` float32 [B, T, D] and `cls` float32 [B, D], the encoder's output behind its
          last norm; `embedding`, which is `cls`.
        """
        h = positions.Sinusoidal(name="positions")(spatial)
        h = dropout.Dropout(self.pos_dropout)(h, train=train)
        shape = (1, self.emb_dim)
        token = self.param("cls_token", nn.initializers.normal(1.0), shape, self.param_dtype)
        first = jnp.broadcast_to(token.astype(h.dtype), (len(h), *shape))
        if counts is not None:
            counts = jnp.pad(counts, ((0, 0), (1, 0)), constant_values=True)
        h = post_norm.PostNormEncoder(
            self.n_layers,
            self.n_heads,
            2 * self.emb_dim,
            self.dropout,
            name="encoder",
            **self.types,
        )(jnp.concatenate([first, h], axis=1), counts, train=train)
        h = h.astype(jnp.float32)
        told = language.LanguageEmbedding(
            self.languages, self.language_dim, name="language_embedding", **self.types
        )(h[:, 0], languages)
        logits = dense.Dense(self.num_gloss, name="classifier", **self.types)(told)
        return {
            "logits": {"gloss": logits.astype(jnp.float32)},
            "embedding": h[:, 0],
            "spatial": spatial.astype(jnp.float32),
            "temporal": h[:, 1:],
            "cls": h[:, 0],
        }

    @property
    def class_biases(self) -> dict[str, str]:
        """Head -> path of the bias of its classes."""
        return {"gloss": "classifier/bias"}

    @property
    def language_params(self) -> tuple[str, ...]:
        """Patterns of parameters of which there is one a language."""
        return ("^language_embedding/",)

    def _encoder_rows(self) -> list[KeyEntry]:
        """Rows of what `_encoded` has, the last ones of the state_dict."""
        d = self.emb_dim
        rows = [torch_rows.sinusoidal("pos_enc.pe", "positions", d, kind="second1")]
        rows += torch_rows.post_norm_encoder(
            "self_attention.", ("encoder",), d, 2 * d, self.n_layers
        )
        if self.languages:
            rows += [torch_rows.languages_table(self.languages, self.language_dim)]
        inner = d + (self.language_dim if self.languages else 0)
        rows += torch_rows.linear("classifier", ("classifier",), self.num_gloss, inner)
        return [*rows, KeyEntry("cls_emb.weight", ("params", "cls_token"), shape=(1, d))]

    @classmethod
    def matches(cls, weights: Mapping[str, np.ndarray]) -> bool:
        """True if the keys are those of such a net; which one, a subclass tells."""
        return "pos_enc.pe" in weights and "cls_emb.weight" in weights

    @classmethod
    def fields_from_state_dict(cls, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Constructor fields that the encoder's shapes tell; n_heads is not stored in them."""
        own = "self_attention.layers."
        return {
            "num_gloss": torch_rows.classes(weights, "classifier"),
            "emb_dim": int(weights["cls_emb.weight"].shape[1]),
            "n_layers": len({key.split(".")[2] for key in weights if key.startswith(own)}),
            **torch_rows.languages(weights),
        }

    def _check_sizes(self, x: Array, valid: Array | None) -> None:
        if self.emb_dim % self.n_heads:
            raise ValueError(f"emb_dim={self.emb_dim} must be divisible by n_heads={self.n_heads}")
        self.check_valid(x, valid)
