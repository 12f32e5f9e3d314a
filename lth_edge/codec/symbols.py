"""What the coder codes: a sparse matrix of whole numbers, and how its columns lie."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

MOST_COLUMNS = 1 << 24
MOST_CELLS = 1 << 32

Words = npt.NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Earlier:
    """A matrix as it was in an earlier version, as CSR: what was pruned then stays pruned.

    Attributes:
        counts: [rows], weights kept of each row.
        indices: [nnz], columns, rising within a row; empty where all weights were kept.
        values: [nnz], in the words of the new version, as near as these come.
    """

    counts: Words
    indices: Words
    values: Words

    def is_one_of(self, rows: int, columns: int) -> bool:
        """Whether it has this shape; see kernels/codec/matrix.h."""
        if self.counts.size != rows or self.values.size > rows * columns:
            return False
        if self.values.size == rows * columns:
            return True
        if self.indices.size != self.values.size or int(self.counts.sum(dtype=np.int64)) != self.indices.size:
            return False
        places = np.repeat(np.arange(rows), self.counts) * columns + self.indices
        return bool(np.all(self.indices < columns) and np.all(np.diff(places) > 0))


@dataclass(frozen=True)
class Outline:
    """What a decoder must know of a matrix before its first byte.

    Attributes:
        rows, columns: both at least 1.
        nnz: kept weights; where all are kept that may be, no mask is coded.
        block: the columns are blocks of this length: kernels of a convolution, channels that a linear layer reads, or
            the whole input. 1 where they have no such order.
        width: each block is an image of this width.
        fan: columns that each row of the matrix coded before feeds; 0 where it feeds none.
        magnitude_bits: of the values, 0 to 31.
        has_signs: whether any value is negative.
        earlier: the matrix in an earlier version: its kept weights alone may be kept.
    """

    rows: int
    columns: int
    nnz: int
    block: int = 1
    width: int = 1
    fan: int = 0
    magnitude_bits: int = 0
    has_signs: bool = False
    earlier: Earlier | None = field(default=None, compare=False, repr=False)

    @property
    def full(self) -> bool:
        """Whether all weights are kept."""
        return self.nnz == self.rows * self.columns

    @property
    def candidates(self) -> int:
        """Weights that may be kept."""
        return self.rows * self.columns if self.earlier is None else self.earlier.values.size

    def is_possible(self) -> bool:
        """Whether there can be such a matrix; see kernels/codec/matrix.h."""
        return (
            self.rows >= 1
            and 1 <= self.columns <= MOST_COLUMNS
            and self.rows * self.columns <= MOST_CELLS
            and 0 <= self.nnz <= self.candidates
            and min(self.block, self.width) >= 1
            and self.columns % self.block == 0
            and self.block % self.width == 0
            and 0 <= self.fan < 2**31
            and 0 <= self.magnitude_bits <= 31
            and (self.earlier is None or self.earlier.is_one_of(self.rows, self.columns))
        )


@dataclass(frozen=True, eq=False)
class Symbols:
    """A sparse matrix of whole numbers, as CSR.

    Attributes:
        counts: [rows], kept weights of each row.
        indices: [nnz], columns, rising within a row; empty where all weights are kept.
        values: [nnz], the sign in the highest bit and the magnitude below, so that a zero may be negative.
    """

    outline: Outline
    counts: Words
    indices: Words
    values: Words

    @classmethod
    def blank(cls, outline: Outline) -> "Symbols":
        """Room for what a decoder will give."""
        indices = np.zeros(0 if outline.full else outline.nnz, np.uint32)
        return cls(outline, np.zeros(outline.rows, np.uint32), indices, np.zeros(outline.nnz, np.uint32))
