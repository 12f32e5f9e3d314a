"""Files whose sparse matrices are coded by context: the bytes of a .lthe file; LTHE.md is the format."""

import lzma
import zlib
from collections.abc import Mapping, Sequence
from hashlib import sha256

import numpy as np

from lth_edge.codec.coded_matrix import CodedMatrix
from lth_edge.codec.expanded import collapsed, expanded, is_expanded
from lth_edge.codec.listing import MOST_CELLS, FileRecipe, Listing, MatrixRecipe, PieceRecipe
from lth_edge.codec.recognise import Found, matrices_in
from lth_edge.codec.renderings import Rendering, render
from lth_edge.codec.stream import decode, encode
from lth_edge.codec.symbols import Symbols
from lth_edge.codec.varints import MEND, Reader, Writer
from lth_edge.errors import DamagedError, InputError

MAGIC = b"\x89LTHE\r\n\x1a"
VERSION = 1
_BEST, _EXPANDED = 1, 2
"""Flags: all contexts are used; ONNX files whose weights are a stream are held expanded."""
_CRC_AT, _DIGEST_AT, _BODY_AT = 10, 14, 22
_LARGEST_LISTING = 1 << 28
_LISTING_FILTERS = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 23, "lc": 3, "lp": 0, "pb": 0}]


def write_container(files: Mapping[str, bytes], best: bool) -> bytes:
    """The bytes that hold these files.

    Args:
        files: name -> content; the matrices of ONNX files are coded by context, all else by LZMA.
        best: fewer bytes that take about twice as long to decode.

    Raises:
        InputError: more weights than a container holds.
    """
    is_free = not any(map(is_expanded, files.values()))  # else it could not be told which are to be collapsed
    held = {name: expanded(file) if is_free and name.endswith(".onnx") else file for name, file in files.items()}
    listing, matrices = _plan(held)
    text = listing.to_bytes()
    packed = lzma.compress(text, lzma.FORMAT_RAW, filters=_LISTING_FILTERS)
    lengths = Writer()
    lengths.numbers(len(text), len(packed))
    body = bytes(lengths.content) + packed + encode(matrices, best)
    checked = _digest(files) + body
    crc = zlib.crc32(checked).to_bytes(4, "little")
    flags = _BEST * best | _EXPANDED * (is_free and any(map(is_expanded, held.values())))
    return MAGIC + bytes([VERSION, flags]) + crc + checked


def read_container(content: bytes) -> dict[str, bytes]:
    """The files in a container.

    Raises:
        DamagedError: it is none, of a newer version, or damaged.
    """
    flags = _check_head(content)
    reader = Reader(content[_BODY_AT:])
    size, packed_size = reader.number(_LARGEST_LISTING), reader.number()
    listing = Listing.from_bytes(_unpacked(reader.take(packed_size), size))
    files = _restore(listing, reader.rest(), bool(flags & _BEST))
    if flags & _EXPANDED:
        if not any(map(is_expanded, files.values())):
            raise DamagedError("it says that it holds an expanded file, and holds none", MEND)
        files = {name: collapsed(held) if is_expanded(held) else held for name, held in files.items()}
    if _digest(files) != content[_DIGEST_AT:_BODY_AT]:
        raise DamagedError("what it holds does not match its SHA-256", MEND)
    return files


def _check_head(content: bytes) -> int:
    """The flags."""
    if content[: len(MAGIC)] != MAGIC:
        raise DamagedError("it does not begin as a .lthe file does", "give a file that lth-edge pack wrote")
    if len(content) < _BODY_AT:
        raise DamagedError("it ends too early", MEND)
    version, flags = content[len(MAGIC)], content[len(MAGIC) + 1]
    if version > VERSION:
        raise DamagedError(f"it is of version {version}, this lth-edge reads up to {VERSION}", "upgrade lth-edge")
    if version == 0 or flags & ~(_BEST | _EXPANDED):
        raise DamagedError("it is of a version that never was", MEND)
    if zlib.crc32(content[_DIGEST_AT:]).to_bytes(4, "little") != content[_CRC_AT:_DIGEST_AT]:
        raise DamagedError("its checksum is wrong", MEND)
    return flags


def _unpacked(packed: bytes, size: int) -> bytes:
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_LISTING_FILTERS)
    try:
        text = decompressor.decompress(packed, max_length=size)
    except (lzma.LZMAError, EOFError) as error:
        raise DamagedError("its listing cannot be read", MEND) from error
    if len(text) != size:
        raise DamagedError("its listing is shorter than it says", MEND)
    return text


def _restore(listing: Listing, coded: bytes, best: bool) -> dict[str, bytes]:
    """The files, each matrix rendered wherever it is wanted as soon as it is decoded."""
    wanted: list[list[tuple[str, int]]] = [[] for _ in listing.matrices]
    parts: dict[str, list[bytes]] = {}
    for file in listing.files:
        parts[file.name] = [part for piece in file.pieces for part in (piece.before, b"")] + [file.behind]
        for place, piece in enumerate(file.pieces):
            wanted[piece.matrix].append((file.name, place))
    pieces = {(file.name, place): piece for file in listing.files for place, piece in enumerate(file.pieces)}
    outlines = [matrix.outline for matrix in listing.matrices]
    for number, symbols in enumerate(decode(coded, outlines, best)):
        decoded = CodedMatrix(symbols, listing.matrices[number].form)
        for name, place in wanted[number]:
            parts[name][2 * place + 1] = _render(decoded, pieces[name, place])
    return {name: b"".join(held) for name, held in parts.items()}


def _plan(files: Mapping[str, bytes]) -> tuple[Listing, list[Symbols]]:
    """What to write, and the matrices in the order they are coded."""
    found = {name: matrices_in(content) if name.endswith(".onnx") else [] for name, content in files.items()}
    cells = sum(m.matrix.shape[0] * m.matrix.shape[1] for each in found.values() for m in each)
    if cells > MOST_CELLS:
        raise InputError(f"{cells:,} weights are more than a .lthe file holds ({MOST_CELLS:,})", "pack a smaller model")
    different: list[Found] = []
    coded: list[CodedMatrix] = []
    places: dict[int, int] = {}
    for matrix in sorted((m for each in found.values() for m in each), key=_turn):
        known = next((place for place, other in enumerate(different) if _same(matrix, other)), None)
        if known is None:
            known = len(coded)
            different.append(matrix)
            coded.append(CodedMatrix.of(matrix.matrix, matrix.kernel, coded[-1].symbols if coded else None))
        places[id(matrix)] = known
    listing = Listing(
        [MatrixRecipe(each.symbols.outline, each.form) for each in coded],
        [_recipe(name, content, found[name], places) for name, content in files.items()],
    )
    return listing, [each.symbols for each in coded]


def _turn(found: Found) -> tuple[bool, bool]:
    """Which is coded first: weights, so that each follows the one that feeds it, then biases. Of a matrix that comes
    twice, the file that knows its columns tells how it lies."""
    return found.matrix.shape[0] == 1, not found.knows_columns


def _recipe(name: str, content: bytes, found: Sequence[Found], places: Mapping[int, int]) -> FileRecipe:
    pieces, at = [], 0
    for matrix in found:
        for piece in matrix.pieces:
            pieces.append(PieceRecipe(content[at : piece.start], places[id(matrix)], piece.rendering, piece.wide))
            at = piece.end
    return FileRecipe(name, pieces, content[at:])


def _same(one: Found, other: Found) -> bool:
    """Whether one can be written from the other."""
    a, b = one.matrix, other.matrix
    return (
        (a.shape == b.shape or (not one.knows_columns and a.shape[0] == b.shape[0] and a.shape[1] <= b.shape[1]))
        and a.data.dtype == b.data.dtype
        and a.nnz == b.nnz
        and np.array_equal(a.indptr, b.indptr)
        and np.array_equal(a.indices, b.indices)
        and a.data.tobytes() == b.data.tobytes()
    )


def _render(decoded: CodedMatrix, piece: PieceRecipe) -> bytes:
    if decoded.symbols.outline.full and piece.rendering is Rendering.DENSE:
        return (decoded.numbers.astype("<f4") if piece.wide else decoded.numbers).tobytes()
    return render(decoded.matrix, piece.rendering, piece.wide)


def _digest(files: Mapping[str, bytes]) -> bytes:
    digest = sha256()
    for content in files.values():
        digest.update(content)
    return digest.digest()[: _BODY_AT - _DIGEST_AT]
