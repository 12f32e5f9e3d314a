"""SHIP: manifest, archive and runner, for devices with numpy and onnxruntime (no torch, no onnx)."""
