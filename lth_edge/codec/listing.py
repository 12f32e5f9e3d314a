"""The listing of a container: its matrices, and how each file is put together from matrices and bytes."""

from collections.abc import Sequence
from dataclasses import dataclass

from lth_edge.codec.base import Base
from lth_edge.codec.copies import find_copies, left_over, put_together, read_copies, write_copies
from lth_edge.codec.recipes import MOST_MATRICES, MatrixRecipe, read_matrices, write_matrices
from lth_edge.codec.renderings import Rendering
from lth_edge.codec.varints import Reader, Writer, require

_MOST_FILES = 1 << 10
_MOST_BYTES = 1 << 32  # of all files


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

    @property
    def text(self) -> bytes:
        """All bytes that are no matrix."""
        return b"".join(part for file in self.files for part in (*(piece.before for piece in file.pieces), file.behind))

    def to_bytes(self, base: Base | None = None) -> bytes:
        """The listing; with a base, what stands there already is named and not said again."""
        writer = Writer()
        write_matrices(writer, self.matrices, base)
        writer.numbers(len(self.files))
        for file in self.files:
            writer.text(file.name)
            writer.numbers(len(file.pieces), len(file.behind))
            for piece in file.pieces:
                writer.numbers(len(piece.before), piece.matrix, piece.rendering * 2 + piece.wide)
        text = self.text
        if base is not None:
            copies = find_copies(text, base.text)
            write_copies(writer, copies)
            text = left_over(text, copies)
        return bytes(writer.content) + text

    @classmethod
    def from_bytes(cls, content: bytes, base: Base | None = None) -> "Listing":
        """Read a listing.

        Raises:
            DamagedError: it is none, contradicts itself, or claims more than any container holds.
        """
        reader = Reader(content)
        matrices = read_matrices(reader, base)
        heads = [_Head.read(reader, matrices) for _ in range(reader.number(_MOST_FILES))]
        require(len({head.name.casefold() for head in heads}) == len(heads), "it has a file twice")
        claimed = sum(head.bytes(matrices) for head in heads)
        require(claimed <= _MOST_BYTES, "it claims to hold more than any package")
        copies = [] if base is None else read_copies(reader, len(base.text), claimed)
        text = reader.rest()
        if base is not None:
            text = put_together(copies, text, base.text)
        texts = Reader(text)
        files = [head.fill(texts) for head in heads]
        require(not texts.rest(), "its listing is longer than it says")
        return cls(matrices, files)


@dataclass(frozen=True)
class _Head:
    """A file without its bytes: their numbers instead."""

    name: str
    behind: int
    pieces: Sequence[tuple[int, tuple[int, Rendering, bool]]]

    @classmethod
    def read(cls, reader: Reader, matrices: Sequence[MatrixRecipe]) -> "_Head":
        name, count, behind = reader.text(), reader.number(8 * MOST_MATRICES), reader.number()
        pieces = []
        for _ in range(count):
            before, matrix = reader.number(), reader.number(max(len(matrices) - 1, 0))
            rendering, wide = divmod(reader.number(2 * max(Rendering) + 1), 2)
            require(matrix < len(matrices), "a file wants a matrix, and there is none")
            pieces.append((before, (matrix, Rendering(rendering), bool(wide))))
        return cls(name, behind, pieces)

    def bytes(self, matrices: Sequence[MatrixRecipe]) -> int:
        """How many it claims, about."""
        return self.behind + sum(before + matrices[matrix[0]].dense_bytes for before, matrix in self.pieces)

    def fill(self, reader: Reader) -> FileRecipe:
        pieces = [PieceRecipe(reader.take(before), *matrix) for before, matrix in self.pieces]
        return FileRecipe(self.name, pieces, reader.take(self.behind))
