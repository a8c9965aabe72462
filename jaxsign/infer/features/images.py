"""Image frames -> InceptionV3 features, in batches that may hold frames of several videos."""

import collections
import functools
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import jax
import numpy as np

from jaxsign import nets
from jaxsign.errors import UserError
from jaxsign.nets import inception, iv3_gru

SIZE = 299  # pixels; what the published weights were trained on
_PUBLISHED = "inception_v3_google-0cc3c7bd.pth"
# Another library for products on a CPU: this net then takes 0.6 of the time.
_CPU_OPTIONS: dict[str, str | bool] = {
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT",
}

Key = TypeVar("Key", bound=Hashable)
Backbone: TypeAlias = tuple[inception.InceptionV3, nets.Variables]  # and its variables


def load_backbone(path: str | Path) -> Backbone:
    """The net and its variables from torchvision's file, or from a run that holds its backbone.

    Raises:
      UserError: nothing there, a file of another net, or a run without a backbone.
    """
    path = Path(path)
    if path.is_dir():
        return _backbone_of_run(path)
    if not path.is_file():
        raise UserError(
            f"{path}: no such file. Expected the weights of InceptionV3 as torchvision publishes "
            f"them, {_PUBLISHED}. jaxsign downloads nothing: torchvision's documentation of "
            "inception_v3 (IMAGENET1K_V1) links the file; or, where torchvision is installed, "
            "python -c \"import torchvision; torchvision.models.inception_v3(weights='DEFAULT')\" "
            "puts it into ~/.cache/torch/hub/checkpoints. It is read as it is. A run folder that "
            "holds its image backbone will also do."
        )
    net = inception.InceptionV3(aux_logits=False)
    return net, dict(inception.load_torchvision(path, net))


def _backbone_of_run(path: Path) -> Backbone:
    from jaxsign.infer import run as runs

    run = runs.load_run(path)
    name = iv3_gru.BACKBONE.name
    if not isinstance(run.net, iv3_gru.InceptionV3GRU) or not run.takes_frames:
        raise UserError(
            f"{path}: this run does not hold an image backbone. Give torchvision's weights "
            f"({_PUBLISHED}), which it was trained with, or a run imported --with-backbone."
        )
    net = inception.InceptionV3(transform_input=run.net.transform_input, aux_logits=False)
    parts = {kind: dict(tree[name]) for kind, tree in run.variables.items() if name in tree}
    for tree in parts.values():
        tree.pop("AuxLogits", None)
    return net, parts


def compile_fast(function: Callable, *examples: Any) -> Callable:
    """`function` compiled for the shapes of `examples`, in the form that is fastest on this device.

    Products and convolutions are full float32 on every device: features are kept for years.
    """
    with jax.default_matmul_precision("highest"):
        lowered = jax.jit(function).lower(*examples)
    if jax.default_backend() != "cpu":
        return lowered.compile()
    try:
        return lowered.compile(compiler_options=_CPU_OPTIONS)
    except jax.errors.JaxRuntimeError as error:
        if not any(name in str(error) for name in _CPU_OPTIONS):
            raise
        return lowered.compile()  # a version of XLA that does not know the option


class Extractor:
    """InceptionV3 with its weights, compiled for batches of one size when it is first asked.

    Attributes:
      batch_size: frames computed at once.
    """

    def __init__(self, net: inception.InceptionV3, variables: nets.Variables, batch_size: int = 8):
        self.batch_size, self._net = batch_size, net
        self._variables = jax.device_put(variables)

    @functools.cached_property
    def _program(self) -> Callable:
        example = jax.ShapeDtypeStruct((self.batch_size, SIZE, SIZE, 3), np.uint8)

        def features(variables: nets.Variables, frames: jax.Array) -> jax.Array:
            made: Any = self._net.apply(variables, inception.normalise_uint8(frames))
            found: jax.Array = made["features"]
            return found

        return compile_fast(features, self._variables, example)

    def compute(self, frames: np.ndarray) -> np.ndarray:
        """uint8 [batch_size, 299, 299, 3], RGB -> float32 [batch_size, 2048]."""
        return np.asarray(self._program(self._variables, frames), np.float32)

    def stream(self, frames: Iterable[tuple[Key, np.ndarray]]) -> Iterator[tuple[Key, np.ndarray]]:
        """Features of frames, in their order; a batch is computed while the next is collected.

        Args:
          frames: (anything, uint8 [299, 299, 3] RGB).

        Yields:
          (the same thing, float32 [2048]).
        """
        going: collections.deque[tuple[list[Key], Any]] = collections.deque()
        keys: list[Key] = []
        batch = self._empty()
        for key, frame in frames:
            batch[len(keys)] = frame
            keys.append(key)
            if len(keys) == self.batch_size:
                going.append((keys, self._program(self._variables, batch)))
                keys, batch = [], self._empty()  # fresh: the device may still read the old one
                if len(going) > 1:
                    yield from _rows(*going.popleft())
        if keys:
            going.append((keys, self._program(self._variables, batch)))
        for ready in going:
            yield from _rows(*ready)

    def _empty(self) -> np.ndarray:
        return np.zeros((self.batch_size, SIZE, SIZE, 3), np.uint8)


def _rows(keys: list[Key], features: jax.Array) -> Iterator[tuple[Key, np.ndarray]]:
    yield from zip(keys, np.asarray(features, np.float32), strict=False)
