"""CONVERT: an ONNX model and its masks to other forms; one pass per file."""
