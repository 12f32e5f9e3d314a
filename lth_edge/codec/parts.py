"""A listing in parts, each packed as takes the fewest bytes: by LZMA, or by deflate behind phrases that many have.

A listing of one small network is short, and most of what it says others have said: the graph that decodes the weights,
the runner, the licence. Such phrases stand in books that writer and reader have; a part is packed as if it followed
one. The books are frozen: another would be one more packing.
"""

import lzma
import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from lth_edge.codec.varints import MEND, Reader, Writer, require
from lth_edge.errors import DamagedError

_LZMA = 0
_BOOKS = {1: "models.bin", 2: "texts.bin"}
"""Packings: without a book, and with one."""
_MOST_PARTS = 16
_FILTERS = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 23, "lc": 3, "lp": 0, "pb": 0}]
_RAW_WINDOW = -15  # bits; negative: deflate without a frame


def pack_parts(parts: Sequence[bytes]) -> bytes:
    """The bytes that hold these parts, of which none is empty."""
    writer = Writer()
    writer.numbers(len(parts))
    for part in parts:
        packed = {_LZMA: lzma.compress(part, lzma.FORMAT_RAW, filters=_FILTERS)}
        packed |= {packing: _deflated(part, _book(packing)) for packing in _BOOKS}
        packing = min(packed, key=lambda packing: len(packed[packing]))
        writer.numbers(packing, len(part), len(packed[packing]))
        writer.content += packed[packing]
    return bytes(writer.content)


def unpack_parts(packed: bytes, size: int) -> bytes:
    """All parts, one behind the other.

    Raises:
        DamagedError: they are damaged, or not `size` bytes.
    """
    reader, whole = Reader(packed), bytearray()
    for _ in range(reader.number(_MOST_PARTS)):
        packing, part_size = reader.number(max(_BOOKS)), reader.number(size - len(whole))
        part = reader.take(reader.number(len(packed)))
        whole += unpack_lzma(part, part_size) if packing == _LZMA else _inflated(part, part_size, _book(packing))
    require(len(whole) == size and not reader.rest(), "its listing is shorter than it says")
    return bytes(whole)


def unpack_lzma(packed: bytes, size: int) -> bytes:
    """What was packed by LZMA.

    Raises:
        DamagedError: it is damaged, or not `size` bytes.
    """
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS)
    try:
        text = decompressor.decompress(packed, max_length=size)
    except (lzma.LZMAError, EOFError) as error:
        raise DamagedError("its listing cannot be read", MEND) from error
    require(len(text) == size, "its listing is shorter than it says")
    return text


def _deflated(part: bytes, book: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, _RAW_WINDOW, 9, zlib.Z_DEFAULT_STRATEGY, book)
    return compressor.compress(part) + compressor.flush()


def _inflated(packed: bytes, size: int, book: bytes) -> bytes:
    decompressor = zlib.decompressobj(_RAW_WINDOW, book)
    try:
        part = decompressor.decompress(packed, size + 1)  # one more, so that the end is read too; 0 would be no limit
    except zlib.error as error:
        raise DamagedError("its listing cannot be read", MEND) from error
    ends = decompressor.eof and not decompressor.unused_data
    require(len(part) == size and ends, "its listing is shorter or longer than it says")
    return part


@cache
def _book(packing: int) -> bytes:
    return (Path(__file__).parent / "phrases" / _BOOKS[packing]).read_bytes()
