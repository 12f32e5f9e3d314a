"""The ways a sparse matrix lies in a file: what a decoded matrix is written as."""

from collections.abc import Callable
from enum import IntEnum

import numpy as np

from lth_edge.sparse.csr import CsrMatrix
from lth_edge.sparse.gaps import Gaps, gaps_of
from lth_edge.ticket import Array


class Rendering(IntEnum):
    """What is written of a matrix; the numbers stand in files."""

    DENSE = 0
    GAP_STEPS = 1
    GAP_VALUES = 2
    INDPTR = 3
    COLUMN_GAPS = 4
    COLUMNS = 5
    DATA = 6


_RENDER: dict[Rendering, Callable[[CsrMatrix], Array]] = {
    Rendering.DENSE: lambda matrix: matrix.to_dense(),
    Rendering.GAP_STEPS: lambda matrix: Gaps.encode(matrix).steps,
    Rendering.GAP_VALUES: lambda matrix: Gaps.encode(matrix).values,
    Rendering.INDPTR: lambda matrix: matrix.indptr.astype("<i4"),
    Rendering.COLUMN_GAPS: gaps_of,
    Rendering.COLUMNS: lambda matrix: matrix.indices.astype("<u2"),
    Rendering.DATA: lambda matrix: matrix.data,
}


def render(matrix: CsrMatrix, rendering: Rendering) -> bytes:
    """The bytes in the file."""
    return np.ascontiguousarray(_RENDER[rendering](matrix)).tobytes()
