"""A matrix whose numbers are known, as it was coded."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lth_edge.codec.numbers import DTYPES, NumberForm
from lth_edge.codec.symbols import Outline, Symbols
from lth_edge.sparse.csr import CsrMatrix
from lth_edge.ticket import Array


@dataclass(frozen=True)
class HeldMatrix:
    """Its symbols and their form; rows and columns are worked out where they are asked for."""

    symbols: Symbols
    form: NumberForm

    @property
    def outline(self) -> Outline:
        return self.symbols.outline

    @cached_property
    def csr(self) -> CsrMatrix:
        outline, counts = self.outline, self.symbols.counts
        indptr = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int32)
        every = np.arange(outline.columns, dtype=np.uint32)
        indices = np.tile(every, outline.rows) if outline.full else self.symbols.indices
        dtype = np.uint16 if outline.columns <= 1 << 16 else np.uint32
        return CsrMatrix(
            (outline.rows, outline.columns), indptr, indices.astype(dtype), self.form.decode(self.symbols.values)
        )

    def dense_dtype(self, wide: bool) -> np.dtype[np.generic]:
        """Of its numbers where all weights are written; `wide`: as float32."""
        return DTYPES[0] if wide else DTYPES[self.form.dtype]

    def fill(self, cells: Array) -> None:
        """Write all weights, in rows, where all is zero yet; it takes no more memory than its kept weights do."""
        if self.outline.full:
            self.form.decode_into(cells, self.symbols.values)
        else:
            cells[self.csr.positions()] = self.csr.data
