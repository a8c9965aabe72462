"""PoseFormer: temporal convolutions and a pre-norm transformer over points of body and hands.

Source: the public system SignON (generation B of its recogniser). Padding and missing bodies are
told apart from frames that count before the first layer, and are 0 up to the positions.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign import fields, nets
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import (
    body_points,
    dense,
    depthwise,
    dropout,
    frame_embedding,
    language,
    norm,
    positions,
    regularisers,
    relative_attention,
    typed,
)
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
TAPS = (3, 5, 7, 9)
LABEL_NORM_EPS = 0.03
# How every weight starts; biases start at 0.
_STD = 0.02
_START: Mapping[str, Any] = {
    "kernel_init": nn.initializers.normal(_STD),
    "bias_init": nn.initializers.zeros,
}


class PreNormBlock(typed.Layer):
    """x + Attention(Norm(x)), then x + FeedForward(Norm(x)); branches may be dropped whole.

    Attributes:
      num_heads: divides the width D; the feed-forward part has 2 D numbers.
      dropout: rate on attention weights and behind every dense layer but the first.
      drop_path: rate of dropping a branch of a clip.
    """

    num_heads: int
    dropout: float
    drop_path: float

    @nn.compact
    def __call__(self, x: Array, valid: Array | None, *, train: bool) -> Array:
        """x: float [B, T, D], valid: bool [B, T] keys or None -> float [B, T, D]."""
        width = x.shape[-1]
        drop = dropout.Dropout(self.dropout)
        path = regularisers.DropPath(self.drop_path)
        attend = relative_attention.FusedSelfAttention
        attention = attend(self.num_heads, self.dropout, name="attention", **_START, **self.types)
        h = attention(norm.LayerNorm(name="norm1", **self.types)(x), valid, train=train)
        x = x + path(drop(h, train=train), train=train)
        h = norm.LayerNorm(name="norm2", **self.types)(x)
        h = dense.Dense(2 * width, name="linear1", **_START, **self.types)(h)
        # Before the activation, as in the original.
        h = nn.gelu(drop(h, train=train))
        h = dense.Dense(width, name="linear2", **_START, **self.types)(h)
        return x + path(drop(h, train=train), train=train)


class PoseFormer(nets.Net):
    """Isolated signs from 75 points of body and hands: one head, `gloss`.

    Attributes:
      num_gloss: classes, those of all languages together.
      emb_dim: width E; even and divisible by n_heads.
      n_heads, n_layers: of the transformer.
      dropout, pos_dropout, drop_path: rates: in general, behind the positions, of whole branches.
      languages: that the head is told (rows of an embedding); 0 = none, one softmax over all.
      language_dim: numbers of a language's embedding.
      label_norm: layer normalisation of the logits.
      missing: 'zero': a frame whose shoulders coincide is missing, a hand without a size is 0;
        'upstream': NaN becomes 0 and infinity a huge number, as in the original.
      padding: 'valid': frames count that are valid and not missing; 'upstream': those whose
        features do not sum to 0, whatever `valid` says, as in the original, where padding behind
        a clip changes its answer a little.
    """

    num_gloss: int = fields.value(458, fields.NOT_NEGATIVE)
    emb_dim: int = fields.value(192, fields.COUNT)
    n_heads: int = fields.value(8, fields.COUNT)
    n_layers: int = fields.value(4, fields.COUNT)
    dropout: float = fields.value(0.2, fields.RATE)
    pos_dropout: float = fields.value(0.1, fields.RATE)
    drop_path: float = fields.value(0.1, fields.RATE)
    languages: int = fields.value(0, fields.NOT_NEGATIVE)
    language_dim: int = fields.value(4, fields.COUNT)
    label_norm: bool = False
    missing: str = fields.value("zero", fields.among(*body_points.MISSING))
    padding: str = fields.value("valid", fields.among("valid", "upstream"))

    inputs = ("x", "valid", "language")
    outputs = ("logits", "embedding", "spatial", "temporal", "cls")
    frame_outputs = ("spatial", "temporal")
    parts_without_params = ("pooler", "feature_extractor")
    takes_nan = True

    @nn.compact
    def __call__(
        self,
        x: Array,
        valid: Array | None = None,
        language: Array | None = None,
        *,
        train: bool = False,
    ) -> dict[str, Any]:
        """Logits of a batch of clips.

        Args:
          x: float [B, T, 75, 3]: body, left hand, right hand; x and y in one unit; NaN = not seen.
          valid: bool [B, T], True = real frame; None = all are real.
          language: int [B], below `languages`; not looked at where these are 0.
          train: use dropout (rng stream `dropout`).

        Returns:
          `logits`: {'gloss': float32 [B, num_gloss]}; `spatial` float32 [B, T, E], the embedded
          frames; `temporal` float32 [B, T, E] and `cls` float32 [B, E], the last block's output
          before the last norm; `embedding`, which is `cls`.

        Raises:
          ValueError: a shape or field that does not fit.
          UserError: `languages` without `language`.
        """
        self._check(x, valid)
        real = None if valid is None else valid.astype(bool)
        h, counts = body_points.counted(x, real, self.missing, self.padding, empty="zero")
        h = h.astype(self.dtype or self.param_dtype)
        for i, taps in enumerate(TAPS):
            h = _kept(h + self._conv(taps, f"input_conv_{i}")(h), counts)
        spatial = frame_embedding.FrameEmbedding(
            self.emb_dim, nn.gelu, self.dropout, True, name="frame_embed", **_START, **self.types
        )(h, train=train)
        h = _kept(spatial, counts)
        for i, taps in enumerate(TAPS):
            inner = nn.gelu(self._conv(taps, f"filter_{i}_0")(h))
            if real is not None and self.padding == "valid":
                # In the original what flows from a clip's end into padding flows back.
                inner = _kept(inner, real)
            h = _kept(h + self._conv(taps, f"filter_{i}_1")(inner), counts)
        h = positions.Sinusoidal(name="positions")(h)
        h = dropout.Dropout(self.pos_dropout)(h, train=train)
        h = self._blocks(h, counts, train).astype(jnp.float32)
        outputs = {"spatial": spatial.astype(jnp.float32), "temporal": h[:, 1:], "cls": h[:, 0]}
        logits = self._classify(h[:, 0], language)
        return {"logits": {"gloss": logits}, "embedding": h[:, 0], **outputs}

    def _conv(self, taps: int, name: str) -> depthwise.CentredDepthwise:
        return depthwise.CentredDepthwise(taps, name=name, **_START, **self.types)

    def _blocks(self, h: Array, counts: Array, train: bool) -> Array:
        """[B, T, E] -> [B, 1 + T, E], CLS first."""
        shape = (1, 1, self.emb_dim)
        token = self.param("cls_token", nn.initializers.zeros, shape, self.param_dtype)
        h = jnp.concatenate([jnp.broadcast_to(token.astype(h.dtype), (len(h), *shape[1:])), h], 1)
        counts = jnp.pad(counts, ((0, 0), (1, 0)), constant_values=True)
        for i in range(self.n_layers):
            block = PreNormBlock(
                self.n_heads, self.dropout, self.drop_path, name=f"block_{i}", **self.types
            )
            h = block(h, counts, train=train)
        return h

    def _classify(self, h: Array, languages: Array | None) -> Array:
        h = norm.LayerNorm(name="norm", **self.types)(h)
        h = language.LanguageEmbedding(
            self.languages, self.language_dim, _STD, name="language_embedding", **self.types
        )(h, languages)
        logits = dense.Dense(self.num_gloss, name="head", **_START, **self.types)(h)
        logits = logits.astype(jnp.float32)
        if not self.label_norm:
            return logits
        return norm.LayerNorm(LABEL_NORM_EPS, name="label_norm", param_dtype=self.param_dtype)(
            logits
        )

    @property
    def class_biases(self) -> dict[str, str]:
        """Head -> path of the bias of its classes."""
        return {"gloss": "head/bias"}

    @property
    def head_params(self) -> tuple[str, ...]:
        """Patterns of parameters that belong to the classes."""
        return "^head/", "^label_norm/"

    @property
    def language_params(self) -> tuple[str, ...]:
        """Patterns of parameters of which there is one a language."""
        return ("^language_embedding/",)

    @property
    def padding_counts(self) -> bool:
        """True if frames of padding change the answer: such a net is asked at a clip's length."""
        return self.padding == "upstream"

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Shape of a frame."""
        return body_points.POINTS, 3

    def key_table(self) -> list[KeyEntry]:
        """The original's state_dict keys (96 at 4 layers) in its order."""
        e, width, linear = self.emb_dim, body_points.FEATURES, torch_rows.linear
        rows = [KeyEntry("cls_token", ("params", "cls_token"), shape=(1, 1, e))]
        rows += torch_rows.frame_embedding(
            "frame_embed.proj", "frame_embed.upsample", ("frame_embed",), width, e
        )
        rows += [torch_rows.sinusoidal("pos_embed.pe", "positions", e, kind="batch1")]
        if self.languages:
            rows += [torch_rows.languages_table(self.languages, self.language_dim)]
        for i, taps in enumerate(TAPS):
            shape = (width, 1, taps)
            rows += torch_rows.convolution(f"input_convs.{i}", (f"input_conv_{i}",), shape)
        for i, taps in enumerate(TAPS):
            for place, theirs in enumerate((0, 2)):
                path = (f"filter_{i}_{place}",)
                rows += torch_rows.convolution(f"filters.{i}.{theirs}", path, (e, 1, taps))
        for i in range(self.n_layers):
            rows += _block(f"blocks.{i}.", (f"block_{i}",), e)
        rows += torch_rows.layer_norm("norm", ("norm",), e)
        inner = e + (self.language_dim if self.languages else 0)
        rows += linear("head", ("head",), self.num_gloss, inner)
        if self.label_norm:
            rows += torch_rows.layer_norm("logit_norm", ("label_norm",), self.num_gloss)
        return rows

    @classmethod
    def matches(cls, weights: Mapping[str, np.ndarray]) -> bool:
        """True if the keys are a PoseFormer's."""
        return "frame_embed.upsample.weight" in weights and "pos_embed.pe" in weights

    @classmethod
    def fields_from_state_dict(cls, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Constructor fields that the shapes tell; n_heads is not stored in them."""
        return {
            "num_gloss": torch_rows.classes(weights, "head"),
            "emb_dim": int(weights["cls_token"].shape[-1]),
            "n_layers": len({key.split(".")[1] for key in weights if key.startswith("blocks.")}),
            **torch_rows.languages(weights),
            "label_norm": "logit_norm.weight" in weights,
        }

    def _check(self, x: Array, valid: Array | None) -> None:
        if self.emb_dim % self.n_heads:
            raise ValueError(f"emb_dim={self.emb_dim} must be divisible by n_heads={self.n_heads}")
        self.check_valid(x, valid)


NET = PoseFormer


def _kept(h: Array, counts: Array) -> Array:
    """h [B, T, D], 0 where it does not count."""
    return jnp.where(counts[..., None], h, 0)


def _block(prefix: str, path: tuple[str, ...], e: int) -> list[KeyEntry]:
    return [
        *torch_rows.layer_norm(f"{prefix}norm1", (*path, "norm1"), e),
        *torch_rows.linear(f"{prefix}attn.qkv", (*path, "attention", "qkv"), 3 * e, e),
        *torch_rows.linear(f"{prefix}attn.proj", (*path, "attention", "out"), e, e),
        *torch_rows.layer_norm(f"{prefix}norm2", (*path, "norm2"), e),
        *torch_rows.linear(f"{prefix}mlp.fc1", (*path, "linear1"), 2 * e, e),
        *torch_rows.linear(f"{prefix}mlp.fc2", (*path, "linear2"), e, 2 * e),
    ]
