"""DEVICES: look at, measure on and estimate machines other than this one (numpy, onnxruntime; no torch, no onnx)."""
