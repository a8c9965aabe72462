"""What JAX has traced, as an ONNX graph."""
