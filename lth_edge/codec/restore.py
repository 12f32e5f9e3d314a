"""From a container's coded bytes to its files: each matrix is rendered wherever it is wanted."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lth_edge.codec.base import Base
from lth_edge.codec.coded_matrix import CodedMatrix
from lth_edge.codec.listing import Listing, PieceRecipe
from lth_edge.codec.renderings import Rendering, render
from lth_edge.codec.stream import decode

Content = bytes | bytearray
"""Of a file; made in one piece, as what joins pieces holds all of them twice."""


def matrices_of(listing: Listing, coded: bytes | memoryview, best: bool, base: Base | None) -> Iterator[CodedMatrix]:
    """The matrices of a container, in the order of its listing.

    Raises:
        DamagedError: the bytes are not theirs.
    """
    decoded = decode(coded, [recipe.outline for recipe in listing.matrices if not recipe.unchanged], best)
    for recipe in listing.matrices:
        if recipe.unchanged and recipe.origin is not None and base is not None:
            yield base.matrices[recipe.origin.matrix]
        else:
            symbols = next(decoded)
            yield CodedMatrix(replace(symbols, outline=replace(symbols.outline, earlier=None)), recipe.form)
    list(decoded)  # none is left: it looks at the end of the bytes


def files_of(listing: Listing, matrices: Iterable[CodedMatrix]) -> dict[str, Content]:
    """Name -> content; while a file is put together, weights that it stores with their zeros lie in it alone."""
    wanted: list[list[tuple[str, int]]] = [[] for _ in listing.matrices]
    parts: dict[str, list[_Part]] = {}
    for file in listing.files:
        parts[file.name] = [*(part for piece in file.pieces for part in (piece.before, b"")), file.behind]
        for place, piece in enumerate(file.pieces):
            wanted[piece.matrix].append((file.name, place))
    pieces = {(file.name, place): piece for file in listing.files for place, piece in enumerate(file.pieces)}
    for number, matrix in enumerate(matrices):
        for name, place in wanted[number]:
            parts[name][2 * place + 1] = _part(matrix, pieces[name, place])
    return {file.name: _put_together(parts.pop(file.name)) for file in listing.files}


@dataclass(frozen=True)
class _Dense:
    """A matrix that is written with its zeros once its file is put together."""

    matrix: CodedMatrix
    wide: bool

    def __len__(self) -> int:
        outline = self.matrix.outline
        return outline.rows * outline.columns * self.matrix.dense_dtype(self.wide).itemsize

    def write(self, place: memoryview) -> None:
        self.matrix.fill(np.frombuffer(place, self.matrix.dense_dtype(self.wide)))


_Part = bytes | _Dense


def _part(matrix: CodedMatrix, piece: PieceRecipe) -> _Part:
    if piece.rendering is Rendering.DENSE:
        return _Dense(matrix, piece.wide)
    return render(matrix.csr, piece.rendering, piece.wide)


def _put_together(parts: Sequence[_Part]) -> Content:
    content = bytearray(sum(map(len, parts)))
    view, at = memoryview(content), 0
    for part in parts:
        place = view[at : at + len(part)]
        if isinstance(part, _Dense):
            part.write(place)
        else:
            place[:] = part
        at += len(part)
    return content
