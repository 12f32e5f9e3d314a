"""What others make of the same ticket: general compressors, sparse formats, and Deep Compression's recipe."""

import gzip
import heapq
import io
import lzma
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.sparse import save_npz

from lth_edge.sparse.csr import CsrMatrix, save_csr
from lth_edge.sparse.quantize import codebook
from lth_edge.ticket import Array, Weights

GAP_BITS = {4: 8, 2: 5}  # Deep Compression: 8 bits in convolutions, 5 in linear layers, by the axes of the weight
CODES = {4: 256, 2: 32}


def compressed(dense: bytes) -> dict[str, int]:
    """The dense file with zeros, by general compressors at their best."""
    sizes = {
        "gzip": len(gzip.compress(dense, 9, mtime=0)),
        "xz": len(lzma.compress(dense, preset=9 | lzma.PRESET_EXTREME)),
    }
    if shutil.which("zstd"):
        done = subprocess.run(["zstd", "-19", "-c"], input=dense, capture_output=True, check=True)
        sizes["zstd"] = len(done.stdout)
    return sizes


def sparse_files(weights: Mapping[str, Array], masks: Mapping[str, Array]) -> dict[str, int]:
    """Scipy's compressed npz and CSR in safetensors, of the masked weights; biases are left out."""
    matrices = {name: (CsrMatrix.from_mask(weights[name], mask), mask.shape) for name, mask in masks.items()}
    npz = 0
    for matrix, _ in matrices.values():
        buffer = io.BytesIO()
        save_npz(buffer, matrix.to_scipy().astype(np.float32), compressed=True)
        npz += buffer.tell()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ticket.safetensors"
        save_csr(path, matrices)
        return {"npz": npz, "safetensors": path.stat().st_size}


def deep_compression(weights: Weights, masks: Mapping[str, Array]) -> tuple[int, Weights]:
    """Bytes by Han et al. (2016), and the weights that they stand for.

    Shared weights, gaps with fillers, both Huffman coded; codebooks and biases fp32. With 256 and 32 shared weights
    there is nothing to win back by training on, which the recipe would do: the bytes stay the same.
    """
    bits, shared = 0, dict(weights)
    for name, mask in masks.items():
        axes = 4 if weights[name].ndim == 4 else 2
        levels = codebook(weights[name][mask], CODES[axes])
        codes = np.searchsorted((levels[1:] + levels[:-1]) / 2, weights[name][mask])
        shared[name] = weights[name].copy()
        shared[name][mask] = levels[codes]
        most = 1 << GAP_BITS[axes]
        gaps = np.diff(np.flatnonzero(mask), prepend=-1) - 1
        fillers = gaps // most
        all_gaps = np.concatenate([gaps % most, np.full(int(fillers.sum()), most - 1)])
        bits += _huffman_bits(codes) + _huffman_bits(all_gaps) + 32 * levels.size + 8 * most
    biases = sum(array.size for name, array in weights.items() if name not in masks)
    return int(np.ceil(bits / 8)) + 4 * biases, shared


def _huffman_bits(symbols: Array) -> int:
    """Bits of the symbols under their best prefix code; the code's own table is counted by the caller."""
    heap = [int(count) for count in np.bincount(symbols) if count]
    if len(heap) < 2:
        return len(symbols)
    heapq.heapify(heap)
    bits = 0
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        bits += joined
        heapq.heappush(heap, joined)
    return bits
