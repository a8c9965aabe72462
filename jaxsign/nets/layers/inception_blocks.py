"""The blocks of Inception v3: their tables, and the modules that build a block from its table.

Source: torchvision `inception_v3`; Szegedy et al., "Rethinking the Inception Architecture for
Computer Vision" (2016). A block is a list of branches, a branch a list of steps, and the branches'
results are joined on the channel axis in that order.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike

from jaxsign.nets.layers import batch_norm, dense, typed

Array = jax.Array


class Unit(NamedTuple):
    """Convolution, batch normalisation, ReLU; `same` pads so that stride 1 keeps the size."""

    name: str
    features: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    same: bool = True


class Pool(NamedTuple):
    """`avg`: 3x3, stride 1, padded, always divided by 9; `max`: 3x3, stride 2, not padded."""

    kind: str
    name: str = ""


class Fork(NamedTuple):
    """Units that read the same map; their results are joined on the channel axis."""

    units: tuple[Unit, ...]


Step = Unit | Pool | Fork
Branches = tuple[tuple[Step, ...], ...]


def _chain(name: str, *rows: tuple) -> tuple[Unit, ...]:
    """Units `name_1`, `name_2`, ... of one branch; a row is (features, kernel, stride, same)."""
    return tuple(Unit(f"{name}_{i}", *row) for i, row in enumerate(rows, 1))


def _cross(name: str) -> Fork:
    return Fork((Unit(f"{name}a", 384, (1, 3)), Unit(f"{name}b", 384, (3, 1))))


def _block_a(pool: int) -> Branches:
    return (
        (Unit("branch1x1", 64),),
        _chain("branch5x5", (48,), (64, (5, 5))),
        _chain("branch3x3dbl", (64,), (96, (3, 3)), (96, (3, 3))),
        (Pool("avg"), Unit("branch_pool", pool)),
    )


def _block_c(middle: int) -> Branches:
    m, row, column = middle, (1, 7), (7, 1)
    return (
        (Unit("branch1x1", 192),),
        _chain("branch7x7", (m,), (m, row), (192, column)),
        _chain("branch7x7dbl", (m,), (m, column), (m, row), (m, column), (192, row)),
        (Pool("avg"), Unit("branch_pool", 192)),
    )


_BLOCK_B: Branches = (
    (Unit("branch3x3", 384, (3, 3), 2, False),),
    _chain("branch3x3dbl", (64,), (96, (3, 3)), (96, (3, 3), 2, False)),
    (Pool("max"),),
)
_BLOCK_D: Branches = (
    _chain("branch3x3", (192,), (320, (3, 3), 2, False)),
    _chain("branch7x7x3", (192,), (192, (1, 7)), (192, (7, 1)), (192, (3, 3), 2, False)),
    (Pool("max"),),
)
_BLOCK_E: Branches = (
    (Unit("branch1x1", 320),),
    (Unit("branch3x3_1", 384), _cross("branch3x3_2")),
    (*_chain("branch3x3dbl", (448,), (384, (3, 3))), _cross("branch3x3dbl_3")),
    (Pool("avg"), Unit("branch_pool", 192)),
)

STEM: tuple[Unit | Pool, ...] = (
    Unit("Conv2d_1a_3x3", 32, (3, 3), 2, False),
    Unit("Conv2d_2a_3x3", 32, (3, 3), 1, False),
    Unit("Conv2d_2b_3x3", 64, (3, 3)),
    Pool("max", "maxpool1"),
    Unit("Conv2d_3b_1x1", 80),
    Unit("Conv2d_4a_3x3", 192, (3, 3), 1, False),
    Pool("max", "maxpool2"),
)
MIXED: dict[str, Branches] = {
    "Mixed_5b": _block_a(32),
    "Mixed_5c": _block_a(64),
    "Mixed_5d": _block_a(64),
    "Mixed_6a": _BLOCK_B,
    "Mixed_6b": _block_c(128),
    "Mixed_6c": _block_c(160),
    "Mixed_6d": _block_c(160),
    "Mixed_6e": _block_c(192),
    "Mixed_7a": _BLOCK_D,
    "Mixed_7b": _BLOCK_E,
    "Mixed_7c": _BLOCK_E,
}
AUX = (Unit("conv0", 128), Unit("conv1", 768, (5, 5), 1, False))
AUX_AFTER = "Mixed_6e"
AUX_CHANNELS = 768


def units() -> Iterator[tuple[tuple[str, ...], int, Unit]]:
    """Every conv unit in torchvision's order, as (module path, channels in, unit)."""
    channels = 3
    for step in STEM:
        if isinstance(step, Unit):
            yield (step.name,), channels, step
            channels = step.features
    for stage, branches in MIXED.items():
        widths = []
        for branch in branches:
            width = channels
            for part in branch:
                rows = _rows(part)
                yield from (((stage, row.name), width, row) for row in rows)
                width = sum(row.features for row in rows) or width
            widths.append(width)
        channels = sum(widths)
        if stage == AUX_AFTER:
            yield ("AuxLogits", AUX[0].name), channels, AUX[0]
            yield ("AuxLogits", AUX[1].name), AUX[0].features, AUX[1]


def _rows(step: Step) -> tuple[Unit, ...]:
    if isinstance(step, Pool):
        return ()
    return step.units if isinstance(step, Fork) else (step,)


def normal(std: float) -> Callable[..., Array]:
    """Normal of deviation `std` cut at +-2, as torchvision initialises.

    Clipped rather than drawn by `jax.random.truncated_normal`: that puts a draw from the very
    edge of its uniform number on the bound, here 20 deviations out, in a few of 25 M weights.
    """

    def init(
        key: Array, shape: Sequence[int], dtype: DTypeLike | None = None, **_: object
    ) -> Array:
        dtype = dtype or jnp.float32
        return jnp.clip(std * jax.random.normal(key, shape, dtype), -2.0, 2.0)

    return init


class Conv(typed.Layer):
    """2-D convolution without bias, [N, H, W, in] -> [N, H', W', features]."""

    unit: Unit

    @nn.compact
    def __call__(self, x: Array) -> Array:
        _, features, size, stride, same = self.unit
        shape = (*size, x.shape[-1], features)
        kernel = self.param("kernel", normal(0.1), shape, self.param_dtype)
        x, kernel = nn.dtypes.promote_dtype(x, kernel, dtype=self.dtype)
        if size == (1, 1) and stride == 1:
            # One matrix product: twice as fast as XLA's convolution on a CPU.
            return dense.dense(x, kernel[0, 0])
        return jax.lax.conv_general_dilated(
            x,
            kernel,
            (stride, stride),
            "SAME" if same else "VALID",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )


class ConvUnit(typed.Layer):
    """Convolution, batch normalisation, ReLU (torchvision's `BasicConv2d`).

    Attributes:
      unit: width, kernel, stride and padding.
      axis_name: mapped axis over which batch statistics are shared.
    """

    unit: Unit
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """x: float [N, H, W, in], valid: bool [N] or None -> float [N, H', W', features].

        Frames that are not valid do not count in the batch statistics.
        """
        x = Conv(self.unit, **self.types, name="conv")(x)
        norm = batch_norm.BatchNorm(epsilon=1e-3, **self.types, axis_name=self.axis_name, name="bn")
        counted = None if valid is None else valid[:, None, None]
        return nn.relu(norm(x, counted, train=train))


class Mixed(nn.Module):
    """One Inception block, built from its table."""

    branches: Branches
    options: Mapping[str, Any]

    @nn.compact
    def __call__(self, x: Array, valid: Array | None = None, *, train: bool = False) -> Array:
        """x: float [N, H, W, in], valid: bool [N] -> float [N, H', W', sum of branches' widths]."""
        results = []
        for branch in self.branches:
            y = x
            for step in branch:
                y = self._step(step, y, valid, train)
            results.append(y)
        return jnp.concatenate(results, axis=-1)

    def _step(self, step: Step, x: Array, valid: Array | None, train: bool) -> Array:
        if isinstance(step, Pool):
            return pool(step, x)
        results = [
            ConvUnit(u, **self.options, name=u.name)(x, valid, train=train) for u in _rows(step)
        ]
        return results[0] if len(results) == 1 else jnp.concatenate(results, axis=-1)


def pool(step: Pool, x: Array) -> Array:
    """x: float [N, H, W, C] -> float [N, H', W', C]."""
    if step.kind == "max":
        return nn.max_pool(x, (3, 3), (2, 2))
    # Rows, then columns: four times as fast as a 3x3 window on a CPU.
    height, width = x.shape[1:3]
    x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    x = x[:, :height] + x[:, 1 : height + 1] + x[:, 2:]
    return (x[:, :, :width] + x[:, :, 1 : width + 1] + x[:, :, 2:]) / 9
