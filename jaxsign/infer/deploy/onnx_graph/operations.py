"""All of JAX's operations that have an ONNX form: name -> what adds its nodes."""

from jaxsign.infer.deploy.onnx_graph.numbers import NUMBERS, Operation
from jaxsign.infer.deploy.onnx_graph.picking import PICKING
from jaxsign.infer.deploy.onnx_graph.products import PRODUCTS
from jaxsign.infer.deploy.onnx_graph.recurrent import RECURRENT
from jaxsign.infer.deploy.onnx_graph.shapes import SHAPES

TABLE: dict[str, Operation] = {**NUMBERS, **SHAPES, **PRODUCTS, **PICKING, **RECURRENT}
