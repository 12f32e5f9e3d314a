"""How each matrix is coded, as a listing holds it: its outline and form, and in an update where it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lth_edge.codec.base import Base, Map, Origin
from lth_edge.codec.numbers import NumberForm
from lth_edge.codec.symbols import MOST_COLUMNS, Outline
from lth_edge.codec.varints import Reader, Writer, require

MOST_MATRICES = 1 << 16
MOST_CELLS = 1 << 28  # weights of all matrices, kept or not


@dataclass(frozen=True)
class MatrixRecipe:
    """A matrix as it is coded.

    Attributes:
        origin: the matrix of the base that it comes from; `None` where it is coded in full.
        unchanged: it is that very matrix, and no more is coded.
    """

    outline: Outline
    form: NumberForm
    origin: Origin | None = None
    unchanged: bool = False

    @property
    def dense_bytes(self) -> int:
        """The most that any rendering of it takes, about."""
        return self.outline.rows * self.outline.columns * 4


def write_matrices(writer: Writer, matrices: Sequence[MatrixRecipe], base: Base | None) -> None:
    maps = _maps_of(matrices)
    if base is not None:
        writer.numbers(len(maps))
        for moved in maps:
            writer.numbers(moved.size)
            writer.steps(np.diff(moved, prepend=0).tolist())
    writer.numbers(len(matrices))
    for matrix in matrices:
        if base is not None:
            _write_origin(writer, matrix, maps)
        if not matrix.unchanged:
            write_outline(writer, matrix.outline)
            matrix.form.write(writer)


def read_matrices(reader: Reader, base: Base | None) -> list[MatrixRecipe]:
    """Read them.

    Raises:
        DamagedError: there can be no such matrices, they come from none of the base's, or there are too many weights.
    """
    maps = [] if base is None else [_read_map(reader) for _ in range(reader.number(MOST_MATRICES))]
    used: set[int] = set()
    matrices: list[MatrixRecipe] = []
    cells = 0
    for _ in range(reader.number(MOST_MATRICES)):
        matrix = _read_full(reader) if base is None else _read_from(reader, base, maps, used)
        cells += matrix.outline.rows * matrix.outline.columns
        require(cells <= MOST_CELLS, "it claims too many weights")
        matrices.append(matrix)
    return matrices


def _read_full(reader: Reader) -> MatrixRecipe:
    return MatrixRecipe(read_outline(reader), NumberForm.read(reader))


def _write_origin(writer: Writer, matrix: MatrixRecipe, maps: Sequence[Map]) -> None:
    if matrix.origin is None:
        writer.numbers(0)
        return
    writer.numbers(1 + 2 * matrix.origin.matrix + (not matrix.unchanged))
    if not matrix.unchanged:
        writer.numbers(*(_number(moved, maps) for moved in (matrix.origin.rows, matrix.origin.columns)))


def _read_from(reader: Reader, base: Base, maps: Sequence[Map], used: set[int]) -> MatrixRecipe:
    number = reader.number(2 * len(base.matrices))
    if number == 0:
        return _read_full(reader)
    matrix, changed = divmod(number - 1, 2)
    if not changed:
        held = base.matrices[matrix]
        return MatrixRecipe(held.outline, held.form, Origin(matrix), unchanged=True)
    require(matrix not in used, "two matrices come from one")
    used.add(matrix)
    rows, columns = (reader.number(len(maps)) for _ in range(2))
    origin = Origin(matrix, maps[rows - 1] if rows else None, maps[columns - 1] if columns else None)
    recipe = _read_full(reader)
    earlier = base.earlier(origin, recipe.outline.rows, recipe.outline.columns, recipe.form)
    require(earlier is not None, "a matrix comes from one that it cannot come from")
    outline = replace(recipe.outline, earlier=earlier)
    require(outline.is_possible(), "a matrix keeps more than was kept")
    return MatrixRecipe(outline, recipe.form, origin)


def _maps_of(matrices: Sequence[MatrixRecipe]) -> list[Map]:
    """Each once."""
    origins = [matrix.origin for matrix in matrices if matrix.origin is not None]
    moved = [each for origin in origins for each in (origin.rows, origin.columns) if each is not None]
    return list({each.tobytes(): each for each in moved}.values())


def _number(moved: Map | None, maps: Sequence[Map]) -> int:
    if moved is None:
        return 0
    return 1 + next(place for place, known in enumerate(maps) if np.array_equal(known, moved))


def _read_map(reader: Reader) -> Map:
    steps = reader.steps(reader.number(MOST_COLUMNS))
    require(all(abs(step) < MOST_CELLS for step in steps), "a unit comes from none")
    moved = np.cumsum(np.array(steps, np.int64))
    require(bool(np.all(moved >= 0)) and np.unique(moved).size == moved.size, "two units come from one")
    return moved


def write_outline(writer: Writer, outline: Outline) -> None:
    """What a decoder must know of a matrix, as numbers."""
    writer.numbers(outline.rows, outline.columns, outline.nnz, outline.block, outline.width, outline.fan)
    writer.numbers(outline.magnitude_bits * 2 + outline.has_signs)


def read_outline(reader: Reader) -> Outline:
    """Read what `write_outline` wrote.

    Raises:
        DamagedError: there can be no such matrix.
    """
    rows, columns, nnz = reader.number(MOST_CELLS), reader.number(MOST_COLUMNS), reader.number(MOST_CELLS)
    block, width, fan = reader.number(MOST_COLUMNS), reader.number(MOST_COLUMNS), reader.number(MOST_COLUMNS)
    bits = reader.number(63)
    outline = Outline(rows, columns, nnz, block, width, fan, bits >> 1, bool(bits & 1))
    require(outline.is_possible(), f"it lists a matrix of {rows} x {columns} that cannot be")
    return outline
