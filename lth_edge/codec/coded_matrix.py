"""A sparse matrix as the coder takes it, whole numbers and how its columns lie, and as CSR again."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lth_edge.codec.geometry import lay_out
from lth_edge.codec.numbers import DTYPES, NumberForm
from lth_edge.codec.symbols import Outline, Symbols
from lth_edge.sparse.csr import CsrMatrix
from lth_edge.ticket import Array


@dataclass(frozen=True, eq=False)
class CodedMatrix:
    """A matrix in whole numbers, and how these stand for its own."""

    symbols: Symbols
    form: NumberForm

    @classmethod
    def of(cls, matrix: CsrMatrix, kernel: tuple[int, ...] = (), before: Symbols | None = None) -> "CodedMatrix":
        """Get a matrix ready to be coded.

        Args:
            kernel: lengths of the axes of a convolution's kernel; empty for others.
            before: the matrix that is coded before it.
        """
        symbols, form = in_words(matrix)
        return cls(lay_out(symbols, kernel, before), form)

    @property
    def outline(self) -> Outline:
        return self.symbols.outline

    @cached_property
    def numbers(self) -> Array:
        """The kept weights.

        Raises:
            DamagedError: a word stands for no number.
        """
        return self.form.decode(self.symbols.values)

    @cached_property
    def csr(self) -> CsrMatrix:
        """As CSR.

        Raises:
            DamagedError: a word stands for no number.
        """
        outline, counts = self.outline, self.symbols.counts
        indptr = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int32)
        every = np.arange(outline.columns, dtype=np.uint32)
        indices = np.tile(every, outline.rows) if outline.full else self.symbols.indices
        dtype = np.uint16 if outline.columns <= 1 << 16 else np.uint32
        return CsrMatrix((outline.rows, outline.columns), indptr, indices.astype(dtype), self.numbers)

    def dense_dtype(self, wide: bool) -> np.dtype[np.generic]:
        """Of its numbers where all weights are written; `wide`: as float32."""
        return DTYPES[0] if wide else DTYPES[self.form.dtype]

    def fill(self, cells: Array) -> None:
        """Write all weights, in rows, where all is zero yet; it takes no more memory than its kept weights do."""
        if self.outline.full:
            self.form.decode_into(cells, self.symbols.values)
        else:
            cells[self.csr.positions()] = self.csr.data


def in_words(matrix: CsrMatrix) -> tuple[Symbols, NumberForm]:
    """A matrix in whole numbers, in no order of blocks yet, and how these stand for its own."""
    form = NumberForm.of(matrix.data)
    words = form.encode(matrix.data)
    rows, columns = matrix.shape
    bits = int((words & np.uint32(0x7FFFFFFF)).max(initial=0)).bit_length()
    signs = bool(np.any(words >> np.uint32(31)))
    outline = Outline(rows, columns, matrix.nnz, magnitude_bits=bits, has_signs=signs)
    indices = np.zeros(0, np.uint32) if outline.full else matrix.indices.astype(np.uint32)
    return Symbols(outline, np.diff(matrix.indptr).astype(np.uint32), indices, words), form
