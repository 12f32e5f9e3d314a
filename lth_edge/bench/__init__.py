"""MEASURE: size, memory, latency, the machine, and what follows from them (no torch, no onnx)."""
