"""InceptionV3GRU: image features of every frame, two small GRUs, a gloss and a category head.

Source: the public system fslr-transformer-vs-iv3gru (its `InceptionV3GRU`).
"""

from collections.abc import Collection, Mapping
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign import fields, nets
from jaxsign.nets import inception
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import dense, dropout, recurrent
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
BACKBONE = nets.Part(
    name="backbone",
    takes="images",
    frame_shape=(75, 75, 3),
    source="torchvision's file of inception_v3 (inception_v3_google-0cc3c7bd.pth)",
    load=inception.load_torchvision,
)
BACKBONE_KEYS = "feat_extractor.backbone."


class InceptionV3GRU(nets.Net):
    """Two stacked GRUs over InceptionV3 features; the last state of each clip is classified.

    Attributes:
      num_gloss, num_cat: classes of the two heads; a head of 0 classes is not made.
      hidden1, hidden2: GRU sizes.
      dropout: rate after the first GRU and before the heads.
      freeze_backbone: the backbone gets no gradient and always runs in eval mode (the original
        let its running statistics drift when it trained on frames).
      transform_input: the backbone was trained on [-1, 1] images, so ImageNet-normalised ones are
        mapped back first; True for torchvision's weights and the original's checkpoints.
    """

    num_gloss: int = fields.value(105, fields.NOT_NEGATIVE)
    num_cat: int = fields.value(10, fields.NOT_NEGATIVE)
    hidden1: int = fields.value(16, fields.COUNT)
    hidden2: int = fields.value(12, fields.COUNT)
    dropout: float = fields.value(0.3, fields.RATE)
    freeze_backbone: bool = True
    transform_input: bool = True

    @nn.compact
    def __call__(
        self, x: Array, valid: Array | None = None, *, train: bool = False
    ) -> dict[str, Any]:
        """Logits of a batch of clips.

        Args:
          x: float [B, T, 2048] features (the backbone then has no part and no variables), or
            frames [B, T, H, W, 3]: float ImageNet-normalised, or uint8, normalised here.
          valid: bool [B, T], True = real frame; None = all are.
          train: use dropout (rng stream `dropout`) and train the backbone unless it is frozen.

        Returns:
          `logits`: {'gloss': float32 [B, num_gloss], 'cat': float32 [B, num_cat]}, `embedding`:
          [B, hidden2], `gru1` [B, T, hidden1] and `gru2` [B, T, hidden2]: the states of all
          frames, zeros in invalid ones; for frames also `features` [B, T, 2048].

        Raises:
          ValueError: a shape that does not fit.
        """
        self.check_valid(x, valid)
        features = self._features(x, valid, train)
        ok = None if valid is None else valid.astype(bool)
        states1, _ = recurrent.GRU(self.hidden1, name="gru1", **self.types)(features, ok)
        h = dropout.Dropout(self.dropout)(states1, train=train)
        states2, last = recurrent.GRU(self.hidden2, name="gru2", **self.types)(h, ok)
        h = dropout.Dropout(self.dropout)(last, train=train)
        heads = {"gloss": ("gloss_head", self.num_gloss), "cat": ("category_head", self.num_cat)}
        logits = {
            head: dense.Dense(n, name=name, **self.types)(h).astype(jnp.float32)
            for head, (name, n) in heads.items()
            if n
        }
        result = {
            "logits": logits,
            "embedding": last,
            "gru1": states1,
            "gru2": states2,
        }
        return result if x.ndim == 3 else {**result, "features": features}

    @property
    def frame_shape(self) -> tuple[int]:
        """Shape of a frame of features; images have another."""
        return (inception.FEATURES,)

    @property
    def class_biases(self) -> dict[str, str]:
        """Head -> path of the bias of its classes."""
        return {"gloss": "gloss_head/bias", "cat": "category_head/bias"}

    @property
    def optional_parts(self) -> tuple[nets.Part, ...]:
        """The backbone, which features do not need."""
        return (BACKBONE,)

    def with_frozen(self, parts: Collection[str]) -> Self:
        """The same net with its backbone frozen or not."""
        return self.clone(freeze_backbone=BACKBONE.name in parts)

    def key_table(self) -> list[KeyEntry]:
        """The original's 590 state_dict keys in their order, the backbone's first."""
        inner = inception.InceptionV3(transform_input=self.transform_input, parent=None)
        rows = inception.state_dict_table(inner, (BACKBONE.name,), BACKBONE_KEYS)
        rows += torch_rows.recurrent("gru1.", ("gru1",), inception.FEATURES, self.hidden1, 3, "_l0")
        rows += torch_rows.recurrent("gru2.", ("gru2",), self.hidden1, self.hidden2, 3, "_l0")
        for head, n in (("gloss_head", self.num_gloss), ("category_head", self.num_cat)):
            rows += torch_rows.linear(head, (head,), n, self.hidden2) if n else []
        return rows

    @classmethod
    def matches(cls, weights: Mapping[str, np.ndarray]) -> bool:
        """True if the keys are an InceptionV3GRU's."""
        return "gru1.weight_hh_l0" in weights and "gru2.weight_hh_l0" in weights

    @classmethod
    def fields_from_state_dict(cls, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Constructor fields that the shapes tell."""
        return {
            "hidden1": int(weights["gru1.weight_hh_l0"].shape[1]),
            "hidden2": int(weights["gru2.weight_hh_l0"].shape[1]),
            "num_gloss": torch_rows.classes(weights, "gloss_head"),
            "num_cat": torch_rows.classes(weights, "category_head"),
        }

    def _features(self, x: Array, valid: Array | None, train: bool) -> Array:
        if x.ndim == 3 and x.shape[2:] == self.frame_shape:
            return x
        if x.ndim != 5 or x.shape[-1] != 3:
            raise ValueError(
                f"x has shape {x.shape}, expected features [B, T, 2048] or frames [B, T, H, W, 3]"
            )
        frames = x.reshape(-1, *x.shape[2:])
        if frames.dtype == jnp.uint8:
            frames = inception.normalise_uint8(frames)
        backbone = inception.InceptionV3(
            transform_input=self.transform_input,
            **self.types,
            axis_name=self.axis_name,
            name=BACKBONE.name,
        )
        real = None if valid is None else valid.astype(bool).reshape(-1)
        features = backbone(frames, real, train=train and not self.freeze_backbone)["features"]
        if self.freeze_backbone:
            features = jax.lax.stop_gradient(features)
        return features.reshape(*x.shape[:2], -1)


NET = InceptionV3GRU
