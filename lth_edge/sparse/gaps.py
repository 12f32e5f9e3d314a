"""Positions of kept weights as steps of one byte, the two ways that files hold them."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lth_edge.sparse.csr import CsrMatrix
from lth_edge.ticket import Array

_WIDEST = 255
_EMPTY_GAP = 255
_MOST_COLUMNS = 1 << 16
_MOST_CODES = 1 << 8


@dataclass(frozen=True)
class Gaps:
    """A flattened sparse weight, as standard operators decode it.

    Attributes:
        steps: uint8; the first is a position, each next one a distance of at least 1.
        values: one per step, the kept weights, and +0.0 at fillers.
    """

    steps: npt.NDArray[np.uint8]
    values: Array

    @classmethod
    def encode(cls, matrix: CsrMatrix) -> "Gaps":
        """Distances between kept weights; an empty matrix becomes one filler, so that no list is empty."""
        if matrix.nnz == 0:
            return cls(np.zeros(1, np.uint8), np.zeros(1, matrix.data.dtype))
        distances = np.diff(matrix.positions(), prepend=0)
        fillers = np.maximum(distances - 1, 0) // _WIDEST
        kept_at = np.cumsum(fillers + 1) - 1
        steps = np.full(kept_at[-1] + 1, _WIDEST, np.uint8)
        steps[kept_at] = distances - _WIDEST * fillers
        values = np.zeros(steps.size, matrix.data.dtype)
        values[kept_at] = matrix.data
        return cls(steps, values)

    def decode(self, shape: tuple[int, ...]) -> Array:
        """What the operators in the file compute."""
        dense = np.zeros(math.prod(shape), self.values.dtype)
        dense[np.cumsum(self.steps, dtype=np.int64)] = self.values
        return dense.reshape(shape)


def codebook_of(values: Array) -> tuple[Array, Array] | None:
    """The different values, +0.0 first and the others rising, and the place of each value among them as uint8.

    `None` where there are more than 256, or where two are equal but not the same bits.
    """
    book = np.concatenate([np.zeros(1, values.dtype), np.unique(values[values != 0])])
    if book.size > _MOST_CODES:
        return None
    codes = (np.searchsorted(book[1:], values) + 1).astype(np.uint8)
    codes[values == 0] = 0
    exact = not np.isnan(book).any() and book[codes].tobytes() == values.tobytes()
    return (book, codes) if exact else None


def indices_of(matrix: CsrMatrix) -> Array:
    """Gaps of one byte, or columns of two where these are not more bytes and can hold them."""
    gaps = gaps_of(matrix)
    absolute = matrix.shape[1] <= _MOST_COLUMNS and 2 * matrix.nnz <= gaps.size
    return matrix.indices.astype(np.uint16) if absolute else gaps


def gaps_of(matrix: CsrMatrix) -> Array:
    """The columns of each row as uint8 steps; 255 steps over 255 columns and holds nothing."""
    columns = matrix.indices.astype(np.int64)
    steps = np.diff(columns, prepend=-1) - 1
    filled = np.diff(matrix.indptr) > 0
    firsts = matrix.indptr[:-1][filled]
    steps[firsts] = columns[firsts]
    ends = np.cumsum(steps // _EMPTY_GAP + 1)
    gaps = np.full(ends[-1] if ends.size else 0, _EMPTY_GAP, np.uint8)
    gaps[ends - 1] = steps % _EMPTY_GAP
    return gaps


def columns_of_gaps(gaps: Array, counts: Array) -> Array:
    """The columns whose steps `gaps_of` gives, of rows with so many weights each."""
    ends = np.flatnonzero(gaps != _EMPTY_GAP)
    before = np.concatenate([[0], np.cumsum(gaps, dtype=np.int64)])[ends + 1]
    along = before + np.arange(ends.size)  # in one long row
    first = np.concatenate([[0], np.cumsum(counts)])[:-1]
    start = np.where(first > 0, along[np.maximum(first, 1) - 1] + 1, 0)
    return along - np.repeat(start, counts)
