"""The tensors that hold a `WeightStream` in a file, under the names that its decoder gives them.

The names are short, since each stands several times in the file; `lth_edge.convert.stream_decoder` reads them.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from lth_edge.sparse.weight_stream import MOST_SYMBOLS, MOST_WEIGHTS, Layout, WeightStream
from lth_edge.ticket import Array

MARK = "_"
PLANES = "p"
BITS, SYMBOLS, STARTS, BOOKS = "c", "k", "r", "f"
DISTANCE_LIMITS, VALUE_LIMITS = "d", "v"
WIDEST, SIZE, SIZES = "w", "n", "s"
_BY_ROW, _BY_COLUMN = "_r", "_c"
_MOST_LEVELS = 17  # the row of the books among them


def is_the_decoders(name: str) -> bool:
    """Whether a tensor has a name as the decoder gives them: a single character, or more behind a mark."""
    return len(name) == 1 or name.startswith(MARK)


def shape_name(layout: Layout, number: int) -> str:
    """Of the shape of a weight's rows, or columns."""
    return f"{_BY_COLUMN if layout.by_column else _BY_ROW}{number}"


def to_parts(stream: WeightStream) -> dict[str, Array]:
    """Name -> tensor.

    `v` holds the limits of the values, and as its last row where each book begins in `f`; `s` begins with an unused
    place; shapes are those of the rows (`_r0` ...) or, last axis first, of the columns (`_c0` ...).
    """
    sizes = [1, *(layout.size for layout in stream.layouts)]
    parts = {
        PLANES: stream.planes.reshape(-1, 1),
        BITS: np.array([8 * stream.planes.size], np.int64),
        SYMBOLS: stream.counts.sum(keepdims=True),
        STARTS: np.cumsum(stream.counts)[:-1],
        DISTANCE_LIMITS: stream.distance_limits.astype(np.int32).ravel(),
        VALUE_LIMITS: np.vstack([stream.value_limits, _firsts(stream.books)]).astype(np.int32).ravel(),
        BOOKS: np.concatenate(stream.books),
        WIDEST: np.array(stream.widest, np.int32),
        SIZE: np.array([sum(sizes)], np.int64),
        SIZES: np.array(sizes, np.int64),
    }
    shapes = {
        shape_name(layout, number): np.array(layout.shape[::-1] if layout.by_column else layout.shape, np.int64)
        for number, layout in enumerate(stream.layouts)
    }
    return parts | shapes


def from_parts(parts: Mapping[str, Array]) -> WeightStream:
    """The stream that these tensors hold; more may be among them.

    Raises:
        KeyError, ValueError: they hold none, or contradict each other.
    """
    layouts = tuple(_layouts(parts))
    starts = parts[STARTS].ravel() if len(layouts) > 1 else np.zeros(0, np.int64)
    counts = np.diff(np.concatenate([[0], starts, parts[SYMBOLS].ravel()])).astype(np.int64)
    distances, values = (
        parts[name].astype(np.int64).reshape(-1, len(layouts)) for name in (DISTANCE_LIMITS, VALUE_LIMITS)
    )
    books = tuple(np.split(parts[BOOKS].astype(np.float32), values[-1, 1:]))
    widest = int(parts[WIDEST].item()) if WIDEST in parts else 0
    _check(layouts, counts, books, values[-1])
    _require(0 <= widest <= MOST_WEIGHTS and max(len(distances), len(values)) <= _MOST_LEVELS)
    return WeightStream(layouts, books, widest, counts, distances, values[:-1], parts[PLANES].astype(np.uint8).ravel())


def _check(layouts: Sequence[Layout], counts: Array, books: Sequence[Array], firsts: Array) -> None:
    _require(all(size > 0 for layout in layouts for size in layout.shape))
    weights = sum(layout.size for layout in layouts)
    _require(counts.size == len(layouts) and bool((counts > 0).all()) and counts.sum() <= min(weights, MOST_SYMBOLS))
    _require(weights <= MOST_WEIGHTS)
    _require(all(map(len, books)) and np.array_equal(_firsts(books), firsts))


def _require(holds: bool) -> None:
    if not holds:
        raise ValueError("its sizes contradict each other")


def _layouts(parts: Mapping[str, Array]) -> Sequence[Layout]:
    found: list[Layout] = []
    while True:
        rows, columns = (parts.get(f"{kind}{len(found)}") for kind in (_BY_ROW, _BY_COLUMN))
        if rows is None and columns is None:
            return found
        shape = rows if rows is not None else columns[::-1]  # type: ignore[index]
        found.append(Layout(tuple(int(size) for size in shape), rows is None))


def _firsts(books: Sequence[Array]) -> Array:
    """Where each book begins among all, one behind the other."""
    return np.cumsum([0, *map(len, books)])[:-1]
