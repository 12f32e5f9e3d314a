"""EXPORT: a PyTorch network to plain ONNX, its pre-processing in the graph."""
