"""TFLite: StableHLO, translated by LiteRT's converter."""

from pathlib import Path

import jax
import numpy as np
from jax import export

from jaxsign.infer.deploy import flat
from jaxsign.infer.deploy.formats._format import FileFormat, Need, Opened, Unwritable
from jaxsign.infer.deploy.program import Program

_SIGNATURE = "serving_default"
# Its packaged metadata ask for a tool that translating does not use, of an older typing_extensions.
_CONVERTER = "pip install -c constraints.txt --no-deps litert-converter"
_ASKS = """\
from ai_edge_litert.interpreter import Interpreter

said = Interpreter(str(file)).get_signature_runner()(**inputs)
"""


class TFLite(FileFormat):
    """As in `FileFormat`. Loops stand as often as they run: the converter writes none."""

    name, suffix, asks = "tflite", ".tflite", _ASKS
    runs_with = "ai-edge-litert and numpy, or TensorFlow Lite"
    needs = (Need("ai_edge_litert"), Need("litert_converter", _CONVERTER))
    weights = ("float32",)  # the converter makes numbers of others again before it writes

    def content(self, program: Program) -> bytes:
        from litert_converter.mlir import ir, passmanager
        from litert_converter.mlir._mlir_libs import converter_api_ext as converter

        function = flat.flat(program.function, program.inputs)
        traced = export.export(jax.jit(function), platforms=("cpu",))(program.inputs)
        context = ir.Context()
        converter.prepare_mlir_context(context)
        with context:
            module = ir.Module.parse(traced.mlir_module())
            # As the traced function takes and gives them: sorted by name.
            converter.set_signature(
                module.operation,
                signature_name=_SIGNATURE,
                input_names=sorted(program.inputs),
                output_names=sorted(program.outputs),
            )
            try:
                converter.run_convert_to_tfl_passes(
                    module, passmanager.PassManager(), converter.ConvertToTFLConfig()
                )
                return bytes(converter.export_flatbuffer_to_bytes(module.operation))
            except (RuntimeError, ValueError) as error:
                raise Unwritable(f"LiteRT's converter does not take it ({error})") from error

    def opened(self, path: Path) -> Opened:
        from ai_edge_litert.interpreter import Interpreter

        asked = Interpreter(str(path)).get_signature_runner()
        return lambda inputs: {name: np.asarray(a) for name, a in asked(**inputs).items()}


FORMAT = TFLite()
