"""VTN: a post-norm transformer over image features of whole frames.

Source: the public system SignON.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign import fields, nets
from jaxsign.errors import UserError
from jaxsign.nets import clip_encoder, efficientnet, inception, resnet, state_dict, torch_files
from jaxsign.nets import rows as torch_rows
from jaxsign.nets.layers import dense
from jaxsign.nets.state_dict import KeyEntry

Array = jax.Array
PART = "backbone"
_RESNET = tuple(f"{PART}.{i}" for i in (0, 1, 4, 5, 6, 7))
_TORCHVISION_RESNET = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")


@dataclasses.dataclass(frozen=True)
class Backbone:
    """An image net.

    Attributes:
      width: features an image.
      make: the module, of its options.
      rows: key table in VTN's checkpoints.
      published: key table of torchvision's file, without its classifier.
      classifier: what the classifier's keys begin with there.
      projection: rows of the product behind it, of (features out, features in).
    """

    width: int
    make: Callable[..., nn.Module]
    rows: Callable[[], list[KeyEntry]]
    published: Callable[[], list[KeyEntry]]
    classifier: str
    projection: Callable[[int, int], list[KeyEntry]]


def _resnet(bottleneck: bool) -> Backbone:
    return Backbone(
        width=resnet.features(bottleneck),
        make=lambda **options: resnet.ResNet(bottleneck, **options),
        rows=lambda: resnet.key_table(bottleneck, (PART,), _RESNET),
        published=lambda: resnet.key_table(bottleneck, (), _TORCHVISION_RESNET),
        classifier="fc.",
        projection=lambda d, width: torch_rows.pointwise(f"{PART}.8", ("projection",), d, width),
    )


BACKBONES = {
    "resnet34": _resnet(False),
    "resnet50": _resnet(True),
    "efficientnet_b0": Backbone(
        width=efficientnet.FEATURES,
        make=efficientnet.EfficientNetB0,
        rows=lambda: efficientnet.key_table((PART,), f"{PART}.0."),
        published=lambda: efficientnet.key_table((), ""),
        classifier="classifier.",
        projection=lambda d, width: torch_rows.linear(f"{PART}.1", ("projection",), d, width),
    ),
}


def load_torchvision(name: str, path: str | Path) -> state_dict.Variables:
    """Variables of a backbone from a file that torchvision publishes; its classifier is dropped.

    Raises:
      UserError: no such file, or its keys or shapes are not those of the backbone.
    """
    if not Path(path).is_file():
        raise UserError(
            f"{path}: no such file. Expected the published weights of {name}: torchvision's "
            f"documentation of {name} says where to get them."
        )
    backbone = BACKBONES[name]
    found = state_dict.unwrap(torch_files.read(path), where=str(path))
    found = {k: v for k, v in found.items() if not k.startswith(backbone.classifier)}
    table = backbone.published()
    found = state_dict.with_counters(table, found)
    return state_dict.to_variables(table, found, where=str(path))


class VTN(clip_encoder.ClipEncoder):
    """A clip encoder over whole images.

    Attributes:
      backbone_name: 'resnet34', 'resnet50' or 'efficientnet_b0'. Where its features (512, 2048,
        1280) are not `emb_dim`, a product makes them so.
      freeze_backbone: it gets no gradient and always runs in eval mode.
    """

    emb_dim: int = fields.value(512, fields.COUNT)
    dropout: float = fields.value(0.1, fields.RATE)
    backbone_name: str = fields.value("resnet34", fields.among(*BACKBONES))
    freeze_backbone: bool = False

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
          x: frames [B, T, H, W, 3]: uint8, normalised here, or float ImageNet-normalised; or
            float [B, T, features], the backbone's (it then has no variables).
          valid: bool [B, T], True = real frame; None = all are real.
          language: int [B], below `languages`; not looked at where these are 0.
          train: use dropout (rng stream `dropout`) and train the backbone unless it is frozen.

        Returns:
          As `ClipEncoder`; `spatial` is the backbone's features, projected to D.

        Raises:
          ValueError: a shape or field that does not fit.
          UserError: `languages` without `language`.
        """
        self._check_sizes(x, valid)
        real = None if valid is None else valid.astype(bool)
        h = self._features(x, real, train)
        if self.emb_dim != self._backbone.width:
            h = dense.Dense(self.emb_dim, name="projection", **self.types)(h)
        return self._encoded(h, real, language, train)

    def _features(self, x: Array, real: Array | None, train: bool) -> Array:
        """[B, T, features] of frames or of themselves."""
        if x.ndim == 3 and x.shape[2:] == self.frame_shape:
            return x.astype(self.dtype or self.param_dtype)
        if x.ndim != 5 or x.shape[-1] != 3:
            raise ValueError(
                f"x has shape {x.shape}, expected frames [B, T, H, W, 3] or features "
                f"[B, T, {self._backbone.width}]"
            )
        frames = x.reshape(-1, *x.shape[2:])
        if frames.dtype == jnp.uint8:
            frames = inception.normalise_uint8(frames)
        module = self._backbone.make(axis_name=self.axis_name, name=PART, **self.types)
        counted = None if real is None else real.reshape(-1)
        h = module(frames, counted, train=train and not self.freeze_backbone)
        if self.freeze_backbone:
            h = jax.lax.stop_gradient(h)
        return h.reshape(*x.shape[:2], -1)

    @property
    def _backbone(self) -> Backbone:
        return BACKBONES[self.backbone_name]

    @property
    def frame_shape(self) -> tuple[int]:
        """Shape of a frame of features; images have another."""
        return (self._backbone.width,)

    @property
    def optional_parts(self) -> tuple[nets.Part, ...]:
        """The backbone, which features do not need."""
        name = self.backbone_name
        part = nets.Part(
            name=PART,
            takes="images",
            frame_shape=(32, 32, 3),
            source=f"torchvision's file of {name}",
            load=lambda path: load_torchvision(name, path),
        )
        return (part,)

    def with_frozen(self, parts: Collection[str]) -> Self:
        """The same net with its backbone frozen or not."""
        return self.clone(freeze_backbone=PART in parts)

    def key_table(self) -> list[KeyEntry]:
        """The original's state_dict keys in its order, the backbone's first."""
        d, width = self.emb_dim, self._backbone.width
        projection = [] if d == width else self._backbone.projection(d, width)
        return [*self._backbone.rows(), *projection, *self._encoder_rows()]

    @classmethod
    def matches(cls, weights: Mapping[str, np.ndarray]) -> bool:
        """True if the keys are a VTN's."""
        return super().matches(weights) and any(k.startswith(f"{PART}.") for k in weights)

    @classmethod
    def fields_from_state_dict(cls, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Constructor fields that keys and shapes tell; n_heads is not stored in them."""
        if f"{PART}.0.features.0.0.weight" in weights:
            name = "efficientnet_b0"
        else:
            name = "resnet50" if f"{PART}.4.0.conv3.weight" in weights else "resnet34"
        return {**super().fields_from_state_dict(weights), "backbone_name": name}


NET = VTN
