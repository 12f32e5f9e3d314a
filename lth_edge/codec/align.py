"""Finding a matrix of an update in its base: units may have moved and some may be gone, for their order and the dead
ones follow the mask."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from lth_edge.codec.base import Base, Map, Moved, Origin, move
from lth_edge.sparse.csr import CsrMatrix

_MOST_CELLS = 1 << 25  # of a matrix whose units are looked for
_MOST_UNITS = 1 << 12
_MOST_MAPS = 4  # the last ones: a layer's inputs are mostly the units of the layer before it
_FORBIDDEN = 1e6  # the cost of a weight that is kept and was not, beside which no value counts

Matrix = npt.NDArray[np.float32]
Origins = Callable[[CsrMatrix, CsrMatrix, int, Sequence[Map]], Iterator[Origin]]
"""Of a matrix, one of the base and its number, and known maps -> where it may come from, the likeliest first."""


@dataclass(frozen=True)
class Aligned:
    """Attributes:
    origin: where the matrix comes from; what it keeps was kept there.
    apart: how far its values are from those, in sum.
    """

    origin: Origin
    apart: float


def align(matrix: CsrMatrix, base: Base, left: Sequence[int], maps: Sequence[Map]) -> Origin | None:
    """Where a matrix most likely comes from.

    Args:
        left: matrices of the base that it may come from.
        maps: how units of matrices before it have moved: their outputs are this one's inputs.
    """
    alike = [number for number in left if base.matrices[number].csr.data.dtype == matrix.data.dtype]
    if matrix.nnz == matrix.shape[0] * matrix.shape[1]:
        # Biases fit many: the one whose values are nearest.
        fitting = list(_fitting(matrix, base, alike, maps, _by_known_maps))
        return min(fitting, key=lambda aligned: aligned.apart).origin if fitting else None
    for origins in (_by_known_maps, _by_looking):
        # A mask is nested in another by no accident.
        found = next(_fitting(matrix, base, alike, maps[-_MOST_MAPS:], origins), None)
        if found is not None:
            return found.origin
    return None


def _fitting(
    matrix: CsrMatrix, base: Base, numbers: Sequence[int], maps: Sequence[Map], origins: Origins
) -> Iterator[Aligned]:
    for number in numbers:
        for origin in origins(matrix, base.matrices[number].csr, number, maps):
            aligned = _aligned(matrix, base, origin)
            if aligned is not None:
                yield aligned


def _by_known_maps(matrix: CsrMatrix, held: CsrMatrix, number: int, maps: Sequence[Map]) -> Iterator[Origin]:
    for rows, columns in product((None, *maps), repeat=2):
        yield Origin(number, rows, columns)


def _by_looking(matrix: CsrMatrix, held: CsrMatrix, number: int, maps: Sequence[Map]) -> Iterator[Origin]:
    """Units are recognised by their masks."""
    cells = matrix.shape[0] * matrix.shape[1]
    if max(cells, held.shape[0] * held.shape[1]) > _MOST_CELLS or min(matrix.shape) < 2:
        return
    for known in (None, *maps):
        rows = _look(matrix, held, Origin(number, None, known))
        if rows is not None:
            yield Origin(number, rows, known)
        columns = _look(_turned(matrix), _turned(held), Origin(number, None, known))
        if columns is not None:
            yield Origin(number, known, columns)


def _look(matrix: CsrMatrix, held: CsrMatrix, origin: Origin) -> Map | None:
    """Which row of the base each row is, once the columns have moved."""
    moved = move(held, origin, held.shape[0], matrix.shape[1])
    if moved is None or not matrix.shape[0] <= held.shape[0] <= _MOST_UNITS:
        return None
    kept, values = _dense(matrix.positions(), matrix.data, matrix.shape)
    were_kept, were = _dense(moved.places, moved.numbers, (held.shape[0], matrix.shape[1]))
    # (a - b)^2 over what is kept, as three products.
    apart = (values**2).sum(axis=1)[:, None] - 2 * values @ were.T + kept @ (were**2).T
    # Rounded: what a sum's order changes in the last digits decides nothing.
    apart = np.round(apart / max(float(np.abs(apart).max()), 1e-30), 5)
    missing = kept @ (1 - were_kept).T
    found, rows = linear_sum_assignment(apart + _FORBIDDEN * missing)
    return None if missing[found, rows].any() else rows.astype(np.int64)


def _dense(places: Map, numbers: npt.NDArray[np.generic], shape: tuple[int, int]) -> tuple[Matrix, Matrix]:
    """Which cells are kept, and their values."""
    kept, values = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    kept.reshape(-1)[places] = 1
    values.reshape(-1)[places] = _plain(numbers)
    return kept, values


def _turned(matrix: CsrMatrix) -> CsrMatrix:
    kept = np.zeros(matrix.shape, np.bool_)
    kept.reshape(-1)[matrix.positions()] = True
    return CsrMatrix.from_mask(np.ascontiguousarray(matrix.to_dense().T), np.ascontiguousarray(kept.T))


def _aligned(matrix: CsrMatrix, base: Base, origin: Origin) -> Aligned | None:
    """`None` where a weight is kept that was not."""
    moved = move(base.matrices[origin.matrix].csr, origin, *matrix.shape)
    if moved is None or moved.places.size < matrix.nnz:
        return None
    at = _found(matrix.positions(), moved)
    if at is None:
        return None
    return Aligned(origin, float(np.abs(_plain(matrix.data) - _plain(moved.numbers[at])).sum(dtype=np.float64)))


def _found(places: Map, moved: Moved) -> Map | None:
    """Where these places stand among those that were kept."""
    at = np.searchsorted(moved.places, places)
    inside = at < moved.places.size
    return at if inside.all() and np.array_equal(moved.places[at], places) else None


def _plain(numbers: npt.NDArray[np.generic]) -> Matrix:
    """As float32, what is not finite as a number all the same."""
    with np.errstate(over="ignore"):
        return np.clip(np.nan_to_num(numbers.astype(np.float32)), -1e6, 1e6)
