"""SignTransformer: a pre-norm transformer over keypoint frames with a gloss and a category head.

Source: the public system fslr-transformer-vs-iv3gru (its `SignTransformer`).
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign import fields, nets
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import attention, dense, dropout, norm, positions, typed
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
POOLINGS = ("mean", "max", "cls")


class EncoderLayer(typed.Layer):
    """Pre-norm layer: x + Attention(Norm(x)), then x + FeedForward(Norm(x)) with ReLU."""

    num_heads: int
    ff_dim: int
    dropout: float

    @nn.compact
    def __call__(self, x: Array, valid: Array | None, *, train: bool) -> Array:
        mixed = attention.MultiHeadAttention(
            self.num_heads, self.dropout, name="attention", **self.types
        )(norm.LayerNorm(1e-6, name="norm1", **self.types)(x), valid, train=train)
        x = x + dropout.Dropout(self.dropout)(mixed, train=train)
        h = norm.LayerNorm(1e-6, name="norm2", **self.types)(x)
        h = nn.relu(dense.Dense(self.ff_dim, name="linear1", **self.types)(h))
        h = dropout.Dropout(self.dropout)(h, train=train)
        h = dense.Dense(x.shape[-1], name="linear2", **self.types)(h)
        return x + dropout.Dropout(self.dropout)(h, train=train)


class Head(typed.Layer):
    """Linear to half the width, ReLU, dropout, linear to the classes; logits in float32."""

    num_classes: int
    dropout: float

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        h = nn.relu(dense.Dense(x.shape[-1] // 2, name="hidden", **self.types)(x))
        h = dropout.Dropout(self.dropout)(h, train=train)
        return dense.Dense(self.num_classes, name="out", **self.types)(h).astype(jnp.float32)


class SignTransformer(nets.Net):
    """Transformer encoder over frames, pooled over time, two heads.

    Attributes:
      input_dim: numbers a frame (156 keypoint coordinates, or 2048 image features).
      emb_dim: width E; even and divisible by n_heads.
      n_heads, n_layers: of the encoder.
      num_gloss, num_cat: classes of the two heads; a head of 0 classes is not made.
      dropout: rate everywhere.
      max_len: longest sequence, the CLS frame included.
      ff_dim: feed-forward width; None = 4 E.
      pooling: 'mean', 'max' or 'cls'.
    """

    input_dim: int = fields.value(156, fields.NOT_NEGATIVE)
    emb_dim: int = fields.value(256, fields.COUNT)
    n_heads: int = fields.value(8, fields.COUNT)
    n_layers: int = fields.value(4, fields.COUNT)
    num_gloss: int = fields.value(105, fields.NOT_NEGATIVE)
    num_cat: int = fields.value(10, fields.NOT_NEGATIVE)
    dropout: float = fields.value(0.1, fields.RATE)
    max_len: int = fields.value(300, fields.COUNT)
    ff_dim: int | None = fields.value(None, fields.COUNT)
    pooling: str = fields.value("mean", fields.among(*POOLINGS))

    outputs = ("logits", "embedding", "frames")
    frame_outputs = ("frames",)

    @nn.compact
    def __call__(
        self, x: Array, valid: Array | None = None, *, train: bool = False
    ) -> dict[str, Any]:
        """Logits of a batch of clips.

        Args:
          x: float [B, T, input_dim].
          valid: [B, T], True = real frame; bool or int, or float weights in [0, 1] (they then
            weigh the mean). None = all frames are real.
          train: use dropout (rng stream `dropout`).

        Returns:
          `logits`: {'gloss': float32 [B, num_gloss], 'cat': float32 [B, num_cat]}, `embedding`:
          float32 [B, E], the pooled features, and `frames`: float [B, T, E] before pooling.

        Raises:
          ValueError: a shape or field that does not fit.
        """
        self._check(x, valid)
        h = dense.Dense(self.emb_dim, name="embedding", **self.types)(x)
        # In every pooling mode, because the original's checkpoints always hold it.
        token = self.param(
            "cls_token", nn.initializers.normal(1.0), (1, 1, self.emb_dim), self.param_dtype
        )
        if self.pooling == "cls":
            h = jnp.concatenate([jnp.broadcast_to(token, (len(h), 1, h.shape[2])), h], axis=1)
            if valid is not None:
                valid = jnp.concatenate([jnp.ones_like(valid[:, :1]), valid], axis=1)
        # A variable, not a constant: an imported checkpoint brings its own table, which may differ
        # from ours in the last bit, and an exported one must give it back as it came.
        table = self.variable(
            "buffers", "positions", positions.sinusoidal, self.max_len, self.emb_dim
        ).value[: h.shape[1]]
        h = dropout.Dropout(self.dropout)(h + jnp.asarray(table, h.dtype), train=train)
        h = norm.LayerNorm(1e-6, name="input_norm", **self.types)(h)
        attendable = None if valid is None else valid.astype(bool)
        for i in range(self.n_layers):
            h = EncoderLayer(
                self.n_heads, self.feed_forward_dim, self.dropout, name=f"layer_{i}", **self.types
            )(h, attendable, train=train)
        frames = h[:, h.shape[1] - x.shape[1] :]  # without the CLS token
        embedding = pool(h.astype(jnp.float32), valid, self.pooling)
        h = dropout.Dropout(self.dropout)(embedding, train=train)
        heads = {"gloss": self.num_gloss, "cat": self.num_cat}
        names = {"gloss": "gloss_head", "cat": "category_head"}
        logits = {
            head: Head(n, self.dropout, name=names[head], **self.types)(h, train=train)
            for head, n in heads.items()
            if n
        }
        return {"logits": logits, "embedding": embedding, "frames": frames}

    @property
    def feed_forward_dim(self) -> int:
        """Width of the feed-forward layers: `ff_dim`, or 4 E."""
        return 4 * self.emb_dim if self.ff_dim is None else self.ff_dim

    @property
    def frame_shape(self) -> tuple[int]:
        """Shape of a frame."""
        return (self.input_dim,)

    @property
    def max_frames(self) -> int:
        """Longest clip in frames: one less than `max_len` where the CLS token takes a place."""
        return self.max_len - (self.pooling == "cls")

    @property
    def class_biases(self) -> dict[str, str]:
        """Head -> path of the bias of its classes."""
        return {"gloss": "gloss_head/out/bias", "cat": "category_head/out/bias"}

    @property
    def unused_params(self) -> tuple[str, ...]:
        """Patterns of parameters that never get a gradient and must never be changed."""
        return () if self.pooling == "cls" else ("^cls_token$",)

    def attention_weights(
        self, variables: nets.Variables, x: Array, valid: Array | None = None
    ) -> list[Array]:
        """Every layer's: n_layers times float32 [B, H, T, T] (T + 1 with 'cls')."""
        _, state = self.apply(variables, x, valid, mutable=["intermediates"])
        layers = state["intermediates"]
        return [layers[f"layer_{i}"]["attention"]["weights"][0] for i in range(self.n_layers)]

    def key_table(self) -> list[KeyEntry]:
        """The original's state_dict keys (78 at 4 layers) in its order."""
        e, f, linear = self.emb_dim, self.feed_forward_dim, torch_rows.linear

        def positions_row() -> np.ndarray:
            return positions.sinusoidal(self.max_len, e)[None]

        rows = [KeyEntry("cls_token", ("params", "cls_token"), shape=(1, 1, e))]
        rows += linear("embedding", ("embedding",), e, self.input_dim)
        place = ("buffers", "positions")
        rows += [KeyEntry("pos_encoder.pe", place, "batch1", (1, self.max_len, e), positions_row)]
        rows += _norm("input_norm", ("input_norm",), e)
        for i in range(self.n_layers):
            key, layer = f"encoder_layers.{i}", f"layer_{i}"
            for theirs, ours in zip("qkvo", ("query", "key", "value", "out"), strict=True):
                rows += linear(f"{key}.attention.W_{theirs}", (layer, "attention", ours), e, e)
            rows += linear(f"{key}.feed_forward.linear1", (layer, "linear1"), f, e)
            rows += linear(f"{key}.feed_forward.linear2", (layer, "linear2"), e, f)
            rows += _norm(f"{key}.residual1.norm", (layer, "norm1"), e)
            rows += _norm(f"{key}.residual2.norm", (layer, "norm2"), e)
        for head, n in (("gloss_head", self.num_gloss), ("category_head", self.num_cat)):
            if n:
                rows += linear(f"{head}.0", (head, "hidden"), e // 2, e)
                rows += linear(f"{head}.3", (head, "out"), n, e // 2)
        return rows

    @classmethod
    def matches(cls, weights: Mapping[str, np.ndarray]) -> bool:
        """True if the keys are a SignTransformer's."""
        return "embedding.weight" in weights and "pos_encoder.pe" in weights

    @classmethod
    def fields_from_state_dict(cls, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Constructor fields that the shapes tell; n_heads and pooling are not stored in them."""
        layers = {key.split(".")[1] for key in weights if key.startswith("encoder_layers.")}
        emb_dim, input_dim = weights["embedding.weight"].shape
        return {
            "input_dim": int(input_dim),
            "emb_dim": int(emb_dim),
            "n_layers": len(layers),
            "ff_dim": int(weights["encoder_layers.0.feed_forward.linear1.bias"].shape[0])
            if layers
            else 4 * int(emb_dim),
            "max_len": int(weights["pos_encoder.pe"].shape[1]),
            "num_gloss": torch_rows.classes(weights, "gloss_head.3"),
            "num_cat": torch_rows.classes(weights, "category_head.3"),
        }

    def _check(self, x: Array, valid: Array | None) -> None:
        if self.pooling not in POOLINGS:
            raise ValueError(f"pooling={self.pooling!r} is none of {', '.join(POOLINGS)}")
        if self.emb_dim % 2 or self.emb_dim % self.n_heads:
            raise ValueError(
                f"emb_dim={self.emb_dim} must be even and divisible by n_heads={self.n_heads}"
            )
        if x.ndim != 3 or x.shape[-1] != self.input_dim:
            raise ValueError(f"x has shape {x.shape}, expected [B, T, {self.input_dim}]")
        if x.shape[1] > self.max_frames:
            raise ValueError(
                f"{x.shape[1]} frames are more than the net's {self.max_frames} "
                f"(max_len={self.max_len}, pooling={self.pooling!r})"
            )
        self.check_valid(x, valid)


NET = SignTransformer


def pool(h: Array, valid: Array | None, how: str) -> Array:
    """h: float [B, T, E] -> [B, E]; rows without a valid frame give zeros (not with 'cls').

    A float `valid` weighs the frames in 'mean'.
    """
    if how == "cls":
        return h[:, 0]
    if valid is None:
        return h.mean(1) if how == "mean" else h.max(1)
    weight = valid.astype(h.dtype)[..., None]
    if how == "mean":
        return (h * weight).sum(1) / jnp.maximum(weight.sum(1), 1.0)
    real = valid.astype(bool)
    highest = jnp.where(real[..., None], h, -jnp.inf).max(1)
    return jnp.where(real.any(1)[:, None], highest, 0.0)


def _norm(key: str, path: tuple[str, ...], width: int) -> list[KeyEntry]:
    return [
        KeyEntry(f"{key}.gamma", ("params", *path, "scale"), shape=(width,)),
        KeyEntry(f"{key}.beta", ("params", *path, "bias"), shape=(width,)),
    ]
