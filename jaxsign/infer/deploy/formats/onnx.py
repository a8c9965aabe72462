"""ONNX, written from JAX's own trace; run by onnxruntime."""

from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np

from jaxsign.infer.deploy import flat
from jaxsign.infer.deploy.formats._format import FileFormat, Need, Opened, Unwritable
from jaxsign.infer.deploy.program import Program

_LARGEST = 2**31 - 1  # bytes of a protobuf message
_ASKS = """\
import onnxruntime

session = onnxruntime.InferenceSession(str(file))
names = [output.name for output in session.get_outputs()]
said = dict(zip(names, session.run(names, inputs)))
"""


class ONNX(FileFormat):
    """As in `FileFormat`."""

    name, suffix, asks = "onnx", ".onnx", _ASKS
    runs_with = "onnxruntime and numpy"
    needs = (Need("onnx"), Need("onnxruntime"))

    def content(self, program: Program) -> bytes:
        from jaxsign.infer.deploy.onnx_graph import recurrent, translating

        function = flat.flat(program.function, program.inputs, recurrent.RECURRENT)
        traced = jax.make_jaxpr(function)(program.inputs)
        names = sorted(program.inputs), sorted(program.outputs)
        model = translating.translated(traced, *names)
        if model.ByteSize() > _LARGEST:
            raise Unwritable(f"it takes {model.ByteSize():,} bytes, and a file holds {_LARGEST:,}")
        return bytes(model.SerializeToString())

    def opened(self, path: Path) -> Opened:
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path))
        names = [output.name for output in session.get_outputs()]

        def ask(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return dict(zip(names, map(np.asarray, session.run(names, dict(inputs))), strict=True))

        return ask


FORMAT = ONNX()
