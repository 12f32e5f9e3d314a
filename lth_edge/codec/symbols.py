"""What the coder codes: a sparse matrix of whole numbers, and how its columns lie."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MOST_COLUMNS = 1 << 24
MOST_CELLS = 1 << 32

Words = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Outline:
    """What a decoder must know of a matrix before its first byte.

    Attributes:
        rows, columns: both at least 1.
        nnz: kept weights; where all are kept, no mask is coded.
        block: the columns are blocks of this length: kernels of a convolution, channels that a linear layer reads, or
            the whole input. 1 where they have no such order.
        width: each block is an image of this width.
        fan: columns that each row of the matrix coded before feeds; 0 where it feeds none.
        magnitude_bits: of the values, 0 to 31.
        has_signs: whether any value is negative.
    """

    rows: int
    columns: int
    nnz: int
    block: int = 1
    width: int = 1
    fan: int = 0
    magnitude_bits: int = 0
    has_signs: bool = False

    @property
    def full(self) -> bool:
        """Whether all weights are kept."""
        return self.nnz == self.rows * self.columns

    def is_possible(self) -> bool:
        """Whether there can be such a matrix; see kernels/codec/matrix.h."""
        return (
            self.rows >= 1
            and 1 <= self.columns <= MOST_COLUMNS
            and self.rows * self.columns <= MOST_CELLS
            and 0 <= self.nnz <= self.rows * self.columns
            and min(self.block, self.width) >= 1
            and self.columns % self.block == 0
            and self.block % self.width == 0
            and 0 <= self.fan < 2**31
            and 0 <= self.magnitude_bits <= 31
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
