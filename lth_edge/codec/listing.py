"""The listing of a container: how each matrix is coded, and how each file is put together from matrices and bytes."""

from collections.abc import Sequence
from dataclasses import dataclass

from lth_edge.codec.numbers import NumberForm
from lth_edge.codec.renderings import Rendering
from lth_edge.codec.symbols import MOST_COLUMNS, Outline
from lth_edge.codec.varints import MEND, Reader, Writer
from lth_edge.errors import DamagedError

_MOST_FILES = 1 << 10
_MOST_MATRICES = 1 << 16
MOST_CELLS = 1 << 28  # weights of all matrices, kept or not
_MOST_BYTES = 1 << 32  # of all files


@dataclass(frozen=True)
class MatrixRecipe:
    """A matrix as it is coded."""

    outline: Outline
    form: NumberForm

    @property
    def dense_bytes(self) -> int:
        """The most that any rendering of it takes, about."""
        return self.outline.rows * self.outline.columns * 4


@dataclass(frozen=True)
class PieceRecipe:
    """Bytes of a file, and the rendering of a matrix behind them; `wide`: of its values as float32."""

    before: bytes
    matrix: int
    rendering: Rendering
    wide: bool = False


@dataclass(frozen=True)
class FileRecipe:
    """A file: its pieces, and the bytes behind the last."""

    name: str
    pieces: Sequence[PieceRecipe]
    behind: bytes


@dataclass(frozen=True)
class Listing:
    """All matrices, in the order they are coded, and all files."""

    matrices: Sequence[MatrixRecipe]
    files: Sequence[FileRecipe]

    def to_bytes(self) -> bytes:
        writer = Writer()
        writer.numbers(len(self.matrices))
        for matrix in self.matrices:
            write_outline(writer, matrix.outline)
            matrix.form.write(writer)
        writer.numbers(len(self.files))
        for file in self.files:
            writer.text(file.name)
            writer.numbers(len(file.pieces), len(file.behind))
            for piece in file.pieces:
                writer.numbers(len(piece.before), piece.matrix, piece.rendering * 2 + piece.wide)
        for file in self.files:
            for piece in file.pieces:
                writer.content += piece.before
            writer.content += file.behind
        return bytes(writer.content)

    @classmethod
    def from_bytes(cls, content: bytes) -> "Listing":
        """Read a listing.

        Raises:
            DamagedError: it is none, contradicts itself, or claims more than any container holds.
        """
        reader = Reader(content)
        matrices = [
            MatrixRecipe(read_outline(reader), NumberForm.read(reader)) for _ in range(reader.number(_MOST_MATRICES))
        ]
        _require(sum(m.outline.rows * m.outline.columns for m in matrices) <= MOST_CELLS, "it claims too many weights")
        heads = [_Head.read(reader, matrices) for _ in range(reader.number(_MOST_FILES))]
        _require(len({head.name.casefold() for head in heads}) == len(heads), "it has a file twice")
        files = [head.fill(reader) for head in heads]
        _require(not reader.rest(), "its listing is longer than it says")
        total = len(content) + sum(matrices[piece.matrix].dense_bytes for file in files for piece in file.pieces)
        _require(total <= _MOST_BYTES, "it claims to hold more than any package")
        return cls(matrices, files)


@dataclass(frozen=True)
class _Head:
    """A file without its bytes: their numbers instead."""

    name: str
    behind: int
    pieces: Sequence[tuple[int, tuple[int, Rendering, bool]]]

    @classmethod
    def read(cls, reader: Reader, matrices: Sequence[MatrixRecipe]) -> "_Head":
        name, count, behind = reader.text(), reader.number(8 * _MOST_MATRICES), reader.number()
        pieces = []
        for _ in range(count):
            before, matrix = reader.number(), reader.number(max(len(matrices) - 1, 0))
            rendering, wide = divmod(reader.number(2 * max(Rendering) + 1), 2)
            _require(matrix < len(matrices), "a file wants a matrix, and there is none")
            pieces.append((before, (matrix, Rendering(rendering), bool(wide))))
        return cls(name, behind, pieces)

    def fill(self, reader: Reader) -> FileRecipe:
        pieces = [PieceRecipe(reader.take(before), *matrix) for before, matrix in self.pieces]
        return FileRecipe(self.name, pieces, reader.take(self.behind))


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
    _require(outline.is_possible(), f"it lists a matrix of {rows} x {columns} that cannot be")
    return outline


def _require(holds: bool, wrong: str) -> None:
    if not holds:
        raise DamagedError(wrong, MEND)
