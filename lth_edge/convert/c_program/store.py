"""How a weight lies in flash: every number of it, or the numbers that are not zero and the gaps between them."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lth_edge.sparse.csr import CsrMatrix
from lth_edge.sparse.gaps import Gaps
from lth_edge.ticket import Array

_MOST_IN_ROW = 2**16 - 1


@dataclass(frozen=True, eq=False)
class Stored:
    """A weight as the C kernels read it.

    Attributes:
        values: row after row; of dense weights all, else those that are not zero, and zeros that bridge wide gaps.
        gaps: one a value, uint8: its distance from the value before it in its row, of the first from column 0.
        counts: [rows], uint16: values of each row.
        nonzero: values that are not zero.
        weights: numbers in the weight, zeros too.
    """

    values: Array
    gaps: Array | None
    counts: Array | None
    nonzero: int
    weights: int

    @property
    def bytes(self) -> int:
        return sum(part.nbytes for part in (self.values, self.gaps, self.counts) if part is not None)


@dataclass(frozen=True)
class Footprint:
    """What sparse storage gains over dense, for some weights.

    Attributes:
        bytes_a_nonzero: with its gap, its share of bridges and of the rows' counts.
        break_even: the sparsity from which on it is smaller, at this many bytes.
    """

    bytes_a_nonzero: float
    break_even: float


def store(matrix: Array, dense: bool) -> Stored:
    """The smaller of both forms, or dense at any price.

    Args:
        matrix: [rows, columns], int8 or float32.
    """
    whole = Stored(matrix.reshape(-1), None, None, int(np.count_nonzero(matrix)), matrix.size)
    if dense:
        return whole
    sparse = with_gaps(matrix)
    fits = sparse.counts is not None and int(sparse.counts.max()) <= _MOST_IN_ROW
    return sparse if fits and sparse.bytes < whole.bytes else whole


def with_gaps(matrix: Array) -> Stored:
    """The sparse form, larger or not; see `store`."""
    rows = [Gaps.encode(CsrMatrix.from_mask(row[None], row[None] != 0)) for row in matrix]
    counts = np.array([row.steps.size for row in rows])
    return Stored(
        np.concatenate([row.values for row in rows]),
        np.concatenate([row.steps for row in rows]),
        counts.astype(np.uint16) if counts.max() <= _MOST_IN_ROW else counts.astype(np.uint32),
        int(np.count_nonzero(matrix)),
        matrix.size,
    )


def footprint(matrices: Iterable[Array]) -> Footprint:
    """What the sparse form of all these weights costs: [rows, columns] each, int8 or float32, not all of them zero."""
    given = list(matrices)
    forms = [with_gaps(matrix) for matrix in given]
    nonzero = sum(form.nonzero for form in forms)
    each = sum(form.bytes for form in forms) / nonzero
    return Footprint(each, 1 - given[0].itemsize / each)
