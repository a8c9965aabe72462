"""InceptionV3 features of frames against the original in torch, as `jaxsign features` runs them.

python -m benchmarks.features [--quick] [--json FILE]
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from benchmarks import command, flops, timing
from benchmarks.rows import Row
from jaxsign import runtime
from jaxsign.infer.features import images as features
from jaxsign.nets import inception


@dataclasses.dataclass(frozen=True)
class Size:
    """Frames a batch, and rounds."""

    batches: tuple[int, ...] = (4, 1)
    rounds: int = 15


SIZES = {"full": Size(), "quick": Size((4,), 5), "check": Size((1,), 1)}


def measure(size: str) -> list[Row]:
    """uint8 frames of 299 x 299 -> features; normalisation is part of both sides."""
    chosen = SIZES[size]
    net = inception.InceptionV3(aux_logits=False)
    variables = _variables(net)
    theirs = _torch(runtime.available_cores())
    return [_row(net, variables, theirs, batch, chosen.rounds) for batch in chosen.batches]


def _variables(net: inception.InceptionV3) -> Any:
    """Random weights that keep the size of the activations, without compiling the net's own."""
    frames = jax.ShapeDtypeStruct((1, features.SIZE, features.SIZE, 3), np.float32)
    rng = np.random.default_rng(0)

    def draw(path: Any, leaf: Any) -> np.ndarray:
        if path[-1].key == "kernel":
            spread = np.sqrt(2 / np.prod(leaf.shape[:-1]))
            return (spread * rng.standard_normal(leaf.shape)).astype(np.float32)
        return np.full(leaf.shape, path[-1].key in ("scale", "var"), leaf.dtype)

    shapes = jax.eval_shape(net.init, jax.random.key(0), frames)
    return jax.tree_util.tree_map_with_path(draw, shapes)


def _row(
    net: inception.InceptionV3,
    variables: Any,
    theirs: Callable[[np.ndarray], Any],
    batch: int,
    rounds: int,
) -> Row:
    shape = (batch, features.SIZE, features.SIZE, 3)
    frames = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    extractor = features.Extractor(net, variables, batch)
    times = timing.alternate(
        {"jaxsign": lambda: extractor.compute(frames), "torch": lambda: theirs(frames)},
        rounds=rounds,
    )
    each = {name: 1e3 * t.median / batch for name, t in times.items()}
    note = ", ".join(f"{name} {value:.1f} ms a frame" for name, value in each.items())
    return Row(
        f"InceptionV3 features, {batch} frames", times, _operations(net, variables, batch), note
    )


def _operations(net: inception.InceptionV3, variables: Any, batch: int) -> float:
    """Floating-point operations of a batch as XLA counts them, products with padding left out."""
    frames = jax.ShapeDtypeStruct((batch, features.SIZE, features.SIZE, 3), np.float32)
    apply: Any = net.apply
    return flops.counted(lambda v, x: apply(v, x)["features"], variables, frames)


def _torch(threads: int) -> Callable[[np.ndarray], Any]:
    import torch

    from parity.reference import inception as reference

    torch.set_num_threads(threads)
    model = reference.InceptionV3(transform_input=True).eval()
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (reference.MEAN, reference.STD))

    def run(frames: np.ndarray) -> Any:
        with torch.inference_mode():
            x = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
            return model.features((x - mean) / std).numpy()

    return run


MEASURES = (command.Measure("features", measure),)

if __name__ == "__main__":
    command.main(*MEASURES)
