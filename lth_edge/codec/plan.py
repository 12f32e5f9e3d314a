"""What a container is to hold: the matrices of its files, each once, in the order in which they are coded."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lth_edge.codec.align import align
from lth_edge.codec.base import Base, Map, Origin
from lth_edge.codec.coded_matrix import in_words
from lth_edge.codec.geometry import lay_out
from lth_edge.codec.listing import FileRecipe, Listing, PieceRecipe
from lth_edge.codec.numbers import NumberForm
from lth_edge.codec.recipes import MOST_CELLS, MatrixRecipe
from lth_edge.codec.recognise import Found, matrices_in
from lth_edge.codec.stream import encode
from lth_edge.codec.symbols import Symbols
from lth_edge.errors import InputError
from lth_edge.sparse.csr import CsrMatrix

_MOST_COMPARED = 1 << 22  # cells; of larger matrices the earlier version is taken to help


def plan(files: Mapping[str, bytes], base: Base | None) -> tuple[Listing, list[Symbols]]:
    """What to write, and the matrices of the stream.

    Raises:
        InputError: more weights than a container holds.
    """
    found = {name: matrices_in(content) if name.endswith(".onnx") else [] for name, content in files.items()}
    cells = sum(m.matrix.shape[0] * m.matrix.shape[1] for each in found.values() for m in each)
    if cells > MOST_CELLS:
        raise InputError(f"{cells:,} weights are more than a .lthe file holds ({MOST_CELLS:,})", "pack a smaller model")
    planner = _Planner(base)
    places = {id(m): planner.place_of(m) for m in sorted((m for each in found.values() for m in each), key=_turn)}
    listing = Listing(planner.recipes, [_file(name, held, found[name], places) for name, held in files.items()])
    return listing, planner.stream


def _turn(found: Found) -> tuple[bool, bool]:
    """Which is coded first: weights, so that each follows the one that feeds it, then biases. Of a matrix that comes
    twice, the file that knows its columns tells how it lies."""
    return found.matrix.shape[0] == 1, not found.knows_columns


def _file(name: str, content: bytes, found: Sequence[Found], places: Mapping[int, int]) -> FileRecipe:
    pieces, at = [], 0
    for matrix in found:
        for piece in matrix.pieces:
            pieces.append(PieceRecipe(content[at : piece.start], places[id(matrix)], piece.rendering, piece.wide))
            at = piece.end
    return FileRecipe(name, pieces, content[at:])


class _Planner:
    """The matrices so far."""

    def __init__(self, base: Base | None) -> None:
        self._base = base
        self._known: list[CsrMatrix] = []
        self._left = [] if base is None else list(range(len(base.matrices)))
        self._maps: list[Map] = []
        self.recipes: list[MatrixRecipe] = []
        self.stream: list[Symbols] = []

    def place_of(self, found: Found) -> int:
        """The number of a matrix, which is planned where it has not been."""
        place = next((place for place, other in enumerate(self._known) if _gives(other, found)), None)
        if place is None:
            place = len(self._known)
            self._known.append(found.matrix)
            self.recipes.append(self._unchanged(found) or self._coded(found))
        return place

    def _unchanged(self, found: Found) -> MatrixRecipe | None:
        for number, held in enumerate(self._base.matrices if self._base is not None else ()):
            if _gives(held.csr, found):
                self._known[-1] = held.csr
                return MatrixRecipe(held.outline, held.form, Origin(number), unchanged=True)
        return None

    def _coded(self, found: Found) -> MatrixRecipe:
        symbols, form = in_words(found.matrix)
        before = self.stream[-1] if self.stream else None
        alone = lay_out(symbols, found.kernel, before)
        origin, since = self._since(found, symbols, form, before)
        if since is None or not _is_smaller(since, alone, before):
            origin, since = None, alone
        self.stream.append(since)
        if origin is not None:
            self._left.remove(origin.matrix)
            self._maps += [each for each in (origin.rows, origin.columns) if each is not None]
        return MatrixRecipe(since.outline, form, origin)

    def _since(
        self, found: Found, symbols: Symbols, form: NumberForm, before: Symbols | None
    ) -> tuple[Origin | None, Symbols | None]:
        """Where it comes from, and its symbols with what it was; neither where the base has no such matrix."""
        origin = None if self._base is None else align(found.matrix, self._base, self._left, self._known_maps())
        if self._base is None or origin is None:
            return None, None
        earlier = self._base.earlier(origin, *found.matrix.shape, form)
        told = replace(symbols, outline=replace(symbols.outline, earlier=earlier))
        return origin, lay_out(told, found.kernel, before)

    def _known_maps(self) -> list[Map]:
        return list({each.tobytes(): each for each in self._maps}.values())


def _is_smaller(since: Symbols, alone: Symbols, before: Symbols | None) -> bool:
    if since.outline.rows * since.outline.columns > _MOST_COMPARED:
        return True
    start = [] if before is None else [before]
    with_base, without = (len(encode([*start, each], best=False)) for each in (since, alone))
    return with_base < without


def _gives(one: CsrMatrix, found: Found) -> bool:
    """Whether what was found can be written from one."""
    other = found.matrix
    return (
        (
            one.shape == other.shape
            or (not found.knows_columns and one.shape[0] == other.shape[0] and one.shape[1] >= other.shape[1])
        )
        and one.data.dtype == other.data.dtype
        and one.nnz == other.nnz
        and np.array_equal(one.indptr, other.indptr)
        and np.array_equal(one.indices, other.indices)
        and one.data.tobytes() == other.data.tobytes()
    )
