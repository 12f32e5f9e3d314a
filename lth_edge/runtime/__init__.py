"""RUN: load a shipped file in onnxruntime (numpy and onnxruntime; no torch, no onnx)."""
