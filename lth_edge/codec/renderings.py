"""The ways a sparse matrix lies in a file: what a decoded matrix is written as."""

from collections.abc import Callable
from dataclasses import replace
from enum import IntEnum

import numpy as np

from lth_edge.codec.varints import MEND
from lth_edge.errors import DamagedError
from lth_edge.sparse.csr import CsrMatrix
from lth_edge.sparse.gaps import Gaps, codebook_of, gaps_of
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
    GAP_CODES = 7
    CODEBOOK = 8


_RENDER: dict[Rendering, Callable[[CsrMatrix], Array]] = {
    Rendering.DENSE: lambda matrix: matrix.to_dense(),
    Rendering.GAP_STEPS: lambda matrix: Gaps.encode(matrix).steps,
    Rendering.GAP_VALUES: lambda matrix: Gaps.encode(matrix).values,
    Rendering.INDPTR: lambda matrix: matrix.indptr.astype("<i4"),
    Rendering.COLUMN_GAPS: gaps_of,
    Rendering.COLUMNS: lambda matrix: matrix.indices.astype("<u2"),
    Rendering.DATA: lambda matrix: matrix.data,
    Rendering.GAP_CODES: lambda matrix: _codebook(matrix)[1],
    Rendering.CODEBOOK: lambda matrix: _codebook(matrix)[0].astype("<f4"),
}


def _codebook(matrix: CsrMatrix) -> tuple[Array, Array]:
    found = codebook_of(Gaps.encode(matrix).values)
    if found is None:
        raise DamagedError("a matrix without a codebook stands where one with a codebook should", MEND)
    return found


def render(matrix: CsrMatrix, rendering: Rendering, wide: bool) -> bytes:
    """The bytes in the file; `wide`: of the values as float32."""
    if wide:
        matrix = replace(matrix, data=matrix.data.astype("<f4"))
    return np.ascontiguousarray(_RENDER[rendering](matrix)).tobytes()
