"""STORE: pruned weights as compressed sparse rows (numpy and scipy; no torch, no onnx)."""

from lth_edge.sparse.csr import CsrMatrix, load_csr, save_csr

__all__ = ["CsrMatrix", "load_csr", "save_csr"]
