"""PTN: a post-norm transformer over embedded frames of points.

Source: the public system SignON, both generations: A takes flat vectors that are normalised on
disk, B takes points and normalises them itself.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign import fields
from jaxsign.nets import clip_encoder
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import body_points, dense, frame_embedding, post_norm, typed
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
# Of the attention over the points of a frame; no recipe changes them.
POINT_DIM, POINT_LAYERS, POINT_HEADS, POINT_FF, POINT_DROPOUT = 8, 12, 2, 16, 0.1


class PointAttention(typed.Layer):
    """Each frame's points, 3 numbers each, attend to one another; then one dense layer and tanh."""

    features: int

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array:
        """x: float [B, T, 3 P] -> float [B, T, features]."""
        batch, frames, width = x.shape
        points = x.reshape(batch * frames, width // 3, 3)
        h = dense.Dense(POINT_DIM, name="embedding", **self.types)(points)
        h = post_norm.PostNormEncoder(
            POINT_LAYERS,
            POINT_HEADS,
            POINT_FF,
            POINT_DROPOUT,
            final_norm=False,
            name="attention",
            **self.types,
        )(h, train=train)
        h = h.reshape(batch, frames, -1)
        return nn.tanh(dense.Dense(self.features, name="out", **self.types)(h))


class PTN(clip_encoder.ClipEncoder):
    """A clip encoder over points of body and hands.

    Attributes:
      generation: 'B': x is points; 'A': x is flat vectors.
      input_dim: numbers a frame, 134 in generation B; 0 = the width of the data.
      embedding: of frames: 'dense'; 'none' = one product; 'attn' = attention over the points of a
        frame (generation A with z: 201 numbers).
      residual: a shortcut around the dense embedding.
      embed_dropout: rate of the dense embedding.
      missing, padding: of generation B, as `PoseFormer`; 'upstream' padding is frames of NaN alone.
    """

    generation: str = fields.value("B", fields.among("A", "B"))
    input_dim: int = fields.value(body_points.FEATURES, fields.NOT_NEGATIVE)
    embedding: str = fields.value("dense", fields.among("dense", "none", "attn"))
    residual: bool = False
    embed_dropout: float = fields.value(0.125, fields.RATE)
    missing: str = fields.value("zero", fields.among(*body_points.MISSING))
    padding: str = fields.value("valid", fields.among("valid", "upstream"))

    takes_nan = True
    parts_without_params = ("feature_extractor",)

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
          x: generation B: float [B, T, 75, 3]: body, left hand, right hand; x and y in one unit;
            NaN = not seen. Generation A: float [B, T, input_dim]; NaN counts as 0.
          valid: bool [B, T], True = real frame; None = all are real.
          language: int [B], below `languages`; not looked at where these are 0.
          train: use dropout (rng stream `dropout`).

        Returns:
          As `ClipEncoder`; `spatial` is the embedded frames without positions.

        Raises:
          ValueError: a shape or field that does not fit.
          UserError: `languages` without `language`.
        """
        self._check(x, valid)
        h, counts = self._frames(x, valid)
        spatial = self._embedded(h.astype(self.dtype or self.param_dtype), train)
        return self._encoded(spatial, counts, language, train)

    def _frames(self, x: Array, valid: Array | None) -> tuple[Array, Array | None]:
        """Features [B, T, F] without NaN; bool [B, T], the frames that count, or None = all."""
        real = None if valid is None else valid.astype(bool)
        if self.generation == "A":
            return _kept(x.astype(jnp.float32), real), real
        return body_points.counted(x, real, self.missing, self.padding, empty="nan")

    def _embedded(self, h: Array, train: bool) -> Array:
        """[B, T, F] -> [B, T, D]."""
        name, types = "pose_embedding", self.types
        if self.embedding == "none":
            return dense.Dense(self.emb_dim, use_bias=False, name=name, **types)(h)
        if self.embedding == "attn":
            return PointAttention(self.emb_dim, name=name, **types)(h, train=train)
        embed = frame_embedding.FrameEmbedding(
            self.emb_dim, nn.relu, self.embed_dropout, self.residual, name=name, **types
        )
        return nn.tanh(embed(h, train=train))

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of a frame."""
        return (body_points.POINTS, 3) if self.generation == "B" else (self.input_dim,)

    def key_table(self) -> list[KeyEntry]:
        """The original's state_dict keys (70 at 4 layers) in its order."""
        return [*self._embedding_rows(), *self._encoder_rows()]

    def _embedding_rows(self) -> list[KeyEntry]:
        d, width, path, key = self.emb_dim, self.input_dim, ("pose_embedding",), "pose_embedding"
        if self.embedding == "none":
            return torch_rows.linear(key, path, d, width)[:1]
        if self.embedding == "dense":
            shortcut = f"{key}.resid" if self.residual else ""
            return torch_rows.frame_embedding(f"{key}.embedding", shortcut, path, width, d)
        rows = torch_rows.linear(f"{key}.embedding", (*path, "embedding"), POINT_DIM, 3)
        rows += torch_rows.post_norm_encoder(
            f"{key}.attention.", (*path, "attention"), POINT_DIM, POINT_FF, POINT_LAYERS, norm=False
        )
        flat = width // 3 * POINT_DIM
        return rows + torch_rows.linear(f"{key}.output_layer", (*path, "out"), d, flat)

    @classmethod
    def matches(cls, weights: Mapping[str, np.ndarray]) -> bool:
        """True if the keys are a PTN's."""
        return super().matches(weights) and any(k.startswith("pose_embedding.") for k in weights)

    @classmethod
    def fields_from_state_dict(cls, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Constructor fields that the shapes tell.

        n_heads is not stored in them. Nor is the generation where frames have 134 numbers: B, the
        newer one, is assumed.
        """
        key = "pose_embedding"
        layers = f"{key}.embedding"
        if f"{key}.weight" in weights:
            kind, width = "none", weights[f"{key}.weight"].shape[1]
        elif f"{key}.output_layer.weight" in weights:
            kind = "attn"
            width = weights[f"{key}.output_layer.weight"].shape[1] // POINT_DIM * 3
        else:
            kind, width = "dense", weights[f"{layers}.0.weight"].shape[1]
        return {
            **super().fields_from_state_dict(weights),
            "generation": "B" if width == body_points.FEATURES else "A",
            "input_dim": int(width),
            "embedding": kind,
            "residual": f"{key}.resid.weight" in weights,
        }

    def _check(self, x: Array, valid: Array | None) -> None:
        self._check_sizes(x, valid)
        if self.generation == "B":
            if self.input_dim != body_points.FEATURES or self.embedding == "attn":
                raise ValueError(
                    f"input_dim={self.input_dim}, embedding={self.embedding!r}: generation B has "
                    f"frames of {body_points.FEATURES} numbers, and 'dense' or 'none'"
                )
        elif x.ndim != 3 or x.shape[-1] != self.input_dim:
            raise ValueError(f"x has shape {x.shape}, expected [B, T, {self.input_dim}]")
        if self.embedding == "attn" and self.input_dim % 3:
            raise ValueError(f"input_dim={self.input_dim}: embedding='attn' needs x, y and z")


NET = PTN


def _kept(x: Array, real: Array | None) -> Array:
    """x [B, T, F], 0 where it is NaN or padding."""
    known = ~jnp.isnan(x)
    return jnp.where(known if real is None else known & real[..., None], x, 0)
