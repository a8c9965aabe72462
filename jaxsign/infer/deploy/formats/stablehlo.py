"""StableHLO by `jax.export`: run by JAX itself, on whatever device it finds."""

from pathlib import Path

import jax
import numpy as np
from jax import export

from jaxsign.infer.deploy.formats._format import FileFormat, Opened
from jaxsign.infer.deploy.program import Program

_PLATFORMS = ("cpu", "cuda", "rocm", "tpu")
_ASKS = """\
from jax import export

program = export.deserialize(bytearray(file.read_bytes()))
said = {name: np.asarray(array) for name, array in program.call(inputs).items()}
"""


class StableHLO(FileFormat):
    """As in `FileFormat`."""

    name, suffix, asks = "stablehlo", ".stablehlo", _ASKS
    runs_with = "jax and numpy"

    def content(self, program: Program) -> bytes:
        traced = export.export(jax.jit(program.function), platforms=_PLATFORMS)
        return bytes(traced(program.inputs).serialize())

    def opened(self, path: Path) -> Opened:
        called = jax.jit(export.deserialize(bytearray(path.read_bytes())).call)
        return lambda inputs: {name: np.asarray(a) for name, a in called(dict(inputs)).items()}


FORMAT = StableHLO()
