"""What coders that know no context cannot go below: n H(density) for a mask, and the entropy of the values."""

from collections.abc import Iterable

import numpy as np

from lth_edge.sparse.csr import CsrMatrix


def independent_bits(matrices: Iterable[CsrMatrix]) -> float:
    """Bits that masks and values take layer by layer if each symbol is coded by its frequency alone.

    No limit for `lth_edge.codec`, which knows what lies around each symbol. Tables of frequencies are not counted.
    """
    return sum(symbol_bits([m.nnz, m.shape[0] * m.shape[1] - m.nnz]) + _values(m) for m in matrices)


def _values(matrix: CsrMatrix) -> float:
    words = matrix.data.view(f"u{matrix.data.itemsize}")
    return symbol_bits(np.unique(words, return_counts=True)[1])


def symbol_bits(counts: Iterable[int]) -> float:
    """Of all symbols that come so often, each coded by its frequency."""
    known = np.array([count for count in counts if count > 0], np.float64)
    return float(np.sum(known * np.log2(known.sum() / known))) if known.size else 0.0
