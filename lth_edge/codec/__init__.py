"""DOWNLOAD: masks and values as few bytes as their contexts allow (numpy; no torch, no onnx)."""
