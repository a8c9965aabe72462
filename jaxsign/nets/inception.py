"""Inception v3: frames -> 2048 features each, with torchvision's names and numbers.

Source: torchvision `inception_v3`; the blocks are tables in `layers/inception_blocks.py`.
"""

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxsign.errors import UserError
from jaxsign.nets import rows as torch_rows
from jaxsign.nets import state_dict, torch_files
from jaxsign.nets.layers import dense, dropout, initializers, typed
from jaxsign.nets.layers import inception_blocks as blocks

Array = jax.Array

FEATURES = 2048
SMALLEST = 75  # pixels; below that no position is left after the last reduction
_AUX_CLASSES = 1000
_MEAN = np.array((0.485, 0.456, 0.406), np.float32)
_STD = np.array((0.229, 0.224, 0.225), np.float32)


class Linear(typed.Layer):
    """The classifiers' layer: weights normal of deviation `std`, biases as torch's default."""

    features: int
    std: float = 0.1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """x: float [N, in] -> float [N, features]."""
        shape = (x.shape[-1], self.features)
        kernel = self.param("kernel", blocks.normal(self.std), shape, self.param_dtype)
        init = initializers.torch_uniform(x.shape[-1])
        bias = self.param("bias", init, (self.features,), self.param_dtype)
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        return dense.dense(x, kernel, bias)


class AuxHead(nn.Module):
    """The side classifier of training (torchvision's `InceptionAux`)."""

    classes: int
    options: Mapping[str, Any]

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array:
        """x: float [N, H, W, 768], H and W >= 17 -> float [N, classes]."""
        if min(x.shape[1:3]) < 17:
            raise ValueError(
                f"the auxiliary head needs maps of 17 x 17 (frames of 299 x 299), found "
                f"{x.shape[1]} x {x.shape[2]}: give larger frames or train with num_classes=0"
            )
        x = nn.avg_pool(x, (5, 5), (3, 3))
        for unit in blocks.AUX:
            x = blocks.ConvUnit(unit, **self.options, name=unit.name)(x, train=train)
        types = {name: self.options[name] for name in ("dtype", "param_dtype")}
        return Linear(self.classes, 0.001, **types, name="fc")(x.mean((1, 2)))


class InceptionV3(typed.Layer):
    """Inception v3 without its classifier, or with it (`num_classes`).

    Frames may have any size from 75 x 75; the published weights were trained at 299 x 299.

    Attributes:
      transform_input: turn ImageNet-normalised frames back to [-1, 1], which the published
        weights expect.
      aux_logits: keep the parameters of the auxiliary head. It runs only while a classifier
        (`num_classes` > 0) trains: a feature extractor has no use for its answer, and the
        original carries it along in the same way.
      num_classes: outputs of the final layer `fc`; 0 = no such layer.
      dropout: rate on the features in train mode.
      axis_name: mapped axis over which batch statistics are shared.
    """

    transform_input: bool = True
    aux_logits: bool = True
    num_classes: int = 0
    dropout: float = 0.5
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, x: Array, valid: Array | None = None, *, train: bool = False
    ) -> dict[str, Array]:
        """Features of frames; sows each stage's map in `intermediates` as `act_<stage>`.

        Args:
          x: float [N, H, W, 3], ImageNet-normalised.
          valid: bool [N]; other frames do not count in batch statistics. None = all are.
          train: batch statistics and dropout (needs the rng `dropout`).

        Returns:
          `features` [N, 2048]; with `num_classes` also `logits` [N, num_classes] and, in train
          mode, `aux_logits` [N, num_classes].

        Raises:
          ValueError: not 3 channels, or frames smaller than 75 x 75.
        """
        if x.ndim != 4 or x.shape[-1] != 3 or min(x.shape[1:3]) < SMALLEST:
            raise ValueError(
                f"expected frames [N, H, W, 3] of at least {SMALLEST} x {SMALLEST}, found "
                f"{list(x.shape)}"
            )
        options = {**self.types, "axis_name": self.axis_name}
        outputs: dict[str, Array] = {}
        x = to_symmetric_range(x) if self.transform_input else x
        for step in blocks.STEM:
            if isinstance(step, blocks.Pool):
                x = blocks.pool(step, x)
            else:
                x = blocks.ConvUnit(step, **options, name=step.name)(x, valid, train=train)
            self.sow("intermediates", f"act_{step.name}", x)
        for stage, branches in blocks.MIXED.items():
            x = blocks.Mixed(branches, options, name=stage)(x, valid, train=train)
            self.sow("intermediates", f"act_{stage}", x)
            if stage == blocks.AUX_AFTER and self.aux_logits:
                outputs |= self._aux(x, options, train)
        x = x.astype(jnp.float32).mean((1, 2)).astype(x.dtype)
        outputs["features"] = dropout.Dropout(self.dropout)(x, train=train)
        if self.num_classes:
            fc = Linear(self.num_classes, 0.1, **self.types, name="fc")
            outputs["logits"] = fc(outputs["features"])
        return outputs

    def _aux(self, x: Array, options: Mapping[str, Any], train: bool) -> dict[str, Array]:
        head = AuxHead(self.num_classes or _AUX_CLASSES, options, name="AuxLogits")
        if self.is_initializing():
            # Its parameters do not depend on the size of the frames, so small ones will do.
            head(jnp.zeros((1, 17, 17, blocks.AUX_CHANNELS), x.dtype))
        elif train and self.num_classes:
            return {"aux_logits": head(x, train=True)}
        return {}


def normalise_uint8(frames: Array) -> Array:
    """ImageNet normalisation.

    Args:
      frames: uint8 [..., 3], RGB.

    Returns:
      float32 [..., 3]: (frames / 255 - mean) / std, channel by channel.
    """
    return frames.astype(jnp.float32) * (1 / (255 * _STD)) - _MEAN / _STD


def to_symmetric_range(x: Array) -> Array:
    """ImageNet-normalised -> (value - 0.5) / 0.5."""
    scale, shift = _STD / 0.5, (_MEAN - 0.5) / 0.5
    return x * scale.astype(x.dtype) + shift.astype(x.dtype)


def state_dict_table(
    net: InceptionV3, prefix: tuple[str, ...] = (), key_prefix: str = ""
) -> list[state_dict.KeyEntry]:
    """torch's keys of `net`, in torch's order.

    Args:
      net: says whether there are an auxiliary head and a classifier.
      prefix: path of the backbone among the Flax variables, e.g. `('backbone',)`.
      key_prefix: what stands before each torch key, e.g. `'feat_extractor.backbone.'`.
    """
    rows: list[state_dict.KeyEntry] = []
    for path, channels, unit in blocks.units():
        is_aux = path[0] == "AuxLogits"
        if not is_aux or net.aux_logits:
            key, place = key_prefix + ".".join(path), (*prefix, *path)
            kernel = ("params", *place, "conv", "kernel")
            shape = (unit.features, channels, *unit.kernel)
            rows.append(state_dict.KeyEntry(f"{key}.conv.weight", kernel, "conv2d", shape))
            rows += torch_rows.norm(f"{key}.bn", (*place, "bn"), unit.features)
        if is_aux and path[1] == blocks.AUX[-1].name and net.aux_logits:
            classes, place = net.num_classes or _AUX_CLASSES, (*prefix, "AuxLogits", "fc")
            rows += torch_rows.linear(f"{key_prefix}AuxLogits.fc", place, classes, unit.features)
    if net.num_classes:
        rows += torch_rows.linear(f"{key_prefix}fc", (*prefix, "fc"), net.num_classes, FEATURES)
    return rows


def load_torchvision(path: str | Path, net: InceptionV3 | None = None) -> state_dict.Variables:
    """Variables from a torchvision weights file.

    The file's classifier and auxiliary head are dropped if `net` has none. Batch counters that
    the file lacks are zero; an auxiliary head that it lacks is drawn anew, the same every time.

    Args:
      path: `inception_v3_google-0cc3c7bd.pth` or a file of the same keys.
      net: the net to fill; `InceptionV3()` if None.

    Raises:
      UserError: no such file, or its keys or shapes are not those of Inception v3.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(
            f"{path}: no such file. Expected the published weights of Inception v3, "
            "inception_v3_google-0cc3c7bd.pth: torchvision's documentation of inception_v3 says "
            "where to get them."
        )
    net = net or InceptionV3()
    found = state_dict.unwrap(torch_files.read(path), where=str(path))
    kept = {"fc": bool(net.num_classes), "AuxLogits": net.aux_logits}
    found = {key: v for key, v in found.items() if kept.get(key.partition(".")[0], True)}
    table = state_dict_table(net)
    without_aux = not any(key.startswith("AuxLogits.") for key in found)
    absent = [
        entry
        for entry in table
        if entry.kind == "count" or (without_aux and entry.key.startswith("AuxLogits."))
    ]
    made = {entry.key: _fresh(entry) for entry in absent}
    return state_dict.to_variables(table, made | found, where=str(path))


def _fresh(entry: state_dict.KeyEntry) -> np.ndarray:
    """torchvision's initial value of an entry, from random numbers that depend on its key."""
    shape, leaf = entry.shape or (), entry.key.rpartition(".")[2]
    if entry.kind == "count":
        return np.zeros((), np.int64)
    if len(shape) > 1:
        std = 0.001 if entry.kind == "linear" else 0.1
        rng = np.random.default_rng(zlib.crc32(entry.key.encode()))
        return np.clip(std * rng.standard_normal(shape), -2, 2).astype(np.float32)
    return np.full(shape, leaf in ("weight", "running_var"), np.float32)
