"""A matrix whose numbers are known, as it was coded."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lth_edge.codec.numbers import NumberForm
from lth_edge.codec.renderings import Rendering, render
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
        return CsrMatrix((outline.rows, outline.columns), indptr, indices.astype(dtype), self._numbers)

    def render(self, rendering: Rendering, wide: bool) -> bytes:
        """Its bytes in a file; see `lth_edge.codec.renderings.render`."""
        if self.outline.full and rendering is Rendering.DENSE:
            return (self._numbers.astype("<f4") if wide else self._numbers).tobytes()
        return render(self.csr, rendering, wide)

    @cached_property
    def _numbers(self) -> Array:
        return self.form.decode(self.symbols.values)
