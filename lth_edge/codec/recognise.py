"""The sparse matrices in an ONNX file, and how each lies in it: as it is, as gaps, or as rows of our operators."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lth_edge.codec.expanded import tensors_around
from lth_edge.codec.numbers import DTYPES
from lth_edge.codec.onnx_tensors import TensorAt, tensors_in
from lth_edge.codec.renderings import Rendering, render
from lth_edge.codec.symbols import MOST_COLUMNS
from lth_edge.errors import LthEdgeError
from lth_edge.sparse.csr import CsrMatrix
from lth_edge.sparse.gaps import columns_of_gaps
from lth_edge.ticket import Array

_LEAST_NUMBERS = 16  # fewer are not worth an entry of their own
_NUMBERS = tuple(dtype.str for dtype in DTYPES)
_EMPTY_GAP = 255


@dataclass(frozen=True)
class Piece:
    """Bytes `start` to `end` of a file, which are a rendering of a matrix; `wide`: of its values as float32."""

    start: int
    end: int
    rendering: Rendering
    wide: bool = False


@dataclass(frozen=True, eq=False)
class Found:
    """A matrix and its pieces.

    Attributes:
        kernel: lengths of the axes behind the weight's second, such as (5, 5) for a convolution; none where not known.
        knows_columns: False where the file does not say how many there are: it has one more than its last used one.
    """

    matrix: CsrMatrix
    pieces: tuple[Piece, ...]
    kernel: tuple[int, ...] = ()
    knows_columns: bool = True


def matrices_in(content: bytes) -> list[Found]:
    """The matrices of an ONNX file whose renderings give its very bytes, in the file's order."""
    tensors = [*tensors_around(content), *tensors_in(content)]
    found, at = [], 0
    while at < len(tensors):
        taken, matrix = _next(content, tensors[at:])
        at += taken
        if matrix is not None:
            found.append(matrix)
    return found


def _next(content: bytes, tensors: Sequence[TensorAt]) -> tuple[int, Found | None]:
    """How many tensors the next matrix takes, and the matrix; none where a tensor is better left alone."""
    for count, read in ((5, _coded_gaps), (4, _gaps), (3, _rows), (1, _plain)):
        if len(tensors) >= count:
            try:
                found = _narrowed(read(content, tensors))
            except (LthEdgeError, ValueError, IndexError, OverflowError, MemoryError):
                continue  # named as ours, but something else
            if found is not None and _gives_its_bytes(content, found):
                return len(found.pieces), found
    return 1, None


def _gives_its_bytes(content: bytes, found: Found) -> bool:
    return all(
        render(found.matrix, piece.rendering, piece.wide) == content[piece.start : piece.end] for piece in found.pieces
    )


def _narrowed(found: Found | None) -> Found | None:
    """With float16 values where these are exact, so that a matrix in files of both types is coded once."""
    if found is None or found.matrix.data.dtype != np.dtype("<f4"):
        return found
    with np.errstate(over="ignore"):
        half = found.matrix.data.astype("<f2")
    if half.astype("<f4").tobytes() != found.matrix.data.tobytes():
        return found
    pieces = tuple(replace(piece, wide=True) for piece in found.pieces)
    return replace(found, matrix=replace(found.matrix, data=half), pieces=pieces)


def _gaps(content: bytes, tensors: Sequence[TensorAt]) -> Found | None:
    """A weight that convert/standard.py wrote: its gaps, values (perhaps in float16), size and shape."""
    steps, values, _, shape = tensors[:4]
    wide = _named(tensors, (".gaps", ".values", ".size", ".shape"))
    half = _named(tensors, (".gaps", ".values.half", ".size", ".shape"))
    if not (wide or half) or not _are(tensors, ("|u1",), _NUMBERS, ("<i8",), ("<i8",)):
        return None
    pieces = _piece(steps, Rendering.GAP_STEPS), _piece(values, Rendering.GAP_VALUES)
    return _from_gaps(_array(content, steps), _array(content, values), _array(content, shape), pieces)


def _coded_gaps(content: bytes, tensors: Sequence[TensorAt]) -> Found | None:
    """The same with a codebook: its gaps, codes, codebook, size and shape."""
    steps, codes, codebook, _, shape = tensors[:5]
    if not _named(tensors, (".gaps", ".values.codes", ".values.codebook", ".size", ".shape")):
        return None
    if not _are(tensors, ("|u1",), ("|u1",), ("<f4",), ("<i8",), ("<i8",)):
        return None
    pieces = (
        _piece(steps, Rendering.GAP_STEPS),
        _piece(codes, Rendering.GAP_CODES),
        _piece(codebook, Rendering.CODEBOOK),
    )
    values = _array(content, codebook)[_array(content, codes)]
    return _from_gaps(_array(content, steps), values, _array(content, shape), pieces)


def _from_gaps(steps: Array, values: Array, shape: Array, pieces: tuple[Piece, ...]) -> Found:
    dims = tuple(int(size) for size in shape)
    positions = np.cumsum(steps, dtype=np.int64)
    kept = (steps != _EMPTY_GAP) | (values.view(f"u{values.itemsize}") != 0)
    kept[-1] = True
    matrix = _matrix(dims[0], math.prod(dims[1:]), positions[kept], values[kept])
    return Found(matrix, pieces, dims[2:])


def _rows(content: bytes, tensors: Sequence[TensorAt]) -> Found | None:
    """A weight of our operators: its indptr, indices and data."""
    indptr, indices, data = tensors[:3]
    if not _named(tensors, (".indptr", ".indices", ".data")) or not _are(tensors, ("<i4",), ("|u1", "<u2"), _NUMBERS):
        return None
    starts, stored = _array(content, indptr), _array(content, indices)
    counts = np.diff(starts)
    as_gaps = stored.dtype == np.uint8
    columns = columns_of_gaps(stored, counts) if as_gaps else stored.astype(np.int64)
    width = int(columns.max(initial=0)) + 1
    rows = np.repeat(np.arange(counts.size), counts)
    matrix = _matrix(counts.size, width, rows * width + columns, _array(content, data))
    rendering = Rendering.COLUMN_GAPS if as_gaps else Rendering.COLUMNS
    pieces = _piece(indptr, Rendering.INDPTR), _piece(indices, rendering), _piece(data, Rendering.DATA)
    return Found(matrix, pieces, knows_columns=False)


def _plain(content: bytes, tensors: Sequence[TensorAt]) -> Found | None:
    """A tensor as it is; what is all zero bits counts as pruned."""
    tensor = tensors[0]
    if tensor.dtype not in _NUMBERS:
        return None
    numbers = _array(content, tensor)
    if numbers.size < _LEAST_NUMBERS:
        return None
    rows = tensor.dims[0] if len(tensor.dims) > 1 else 1
    bits = numbers.view(f"u{numbers.itemsize}")
    positions = np.flatnonzero(bits) if np.any(bits == 0) else np.arange(bits.size)
    matrix = _matrix(rows, numbers.size // rows, positions, numbers[positions])
    return Found(matrix, (_piece(tensor, Rendering.DENSE),), tensor.dims[2:])


def _matrix(rows: int, columns: int, positions: Array, data: Array) -> CsrMatrix:
    if not 0 < columns <= MOST_COLUMNS:
        raise ValueError("no matrix that can be coded")
    counts = np.bincount(positions // columns, minlength=rows)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    indices = (positions % columns).astype(np.uint16 if columns <= 1 << 16 else np.uint32)
    return CsrMatrix((rows, columns), indptr, indices, data)


def _named(tensors: Sequence[TensorAt], endings: tuple[str, ...]) -> bool:
    """Whether the first tensors have names with these endings; a number that makes a name fresh may follow."""
    names = [re.sub(r"\.[0-9]+$", "", tensor.name) for tensor in tensors[: len(endings)]]
    return all(name.endswith(ending) for name, ending in zip(names, endings, strict=True))


def _are(tensors: Sequence[TensorAt], *dtypes: Sequence[str]) -> bool:
    """Whether the first tensors have one of these types each."""
    return all(tensor.dtype in known for tensor, known in zip(tensors, dtypes, strict=False))


def _array(content: bytes, tensor: TensorAt) -> Array:
    return np.frombuffer(content, tensor.dtype, offset=tensor.start, count=_count(tensor))


def _count(tensor: TensorAt) -> int:
    size = tensor.end - tensor.start
    if math.prod(tensor.dims) * np.dtype(tensor.dtype).itemsize != size:
        raise ValueError("its shape contradicts its size")
    return math.prod(tensor.dims)


def _piece(tensor: TensorAt, rendering: Rendering) -> Piece:
    return Piece(tensor.start, tensor.end, rendering)
