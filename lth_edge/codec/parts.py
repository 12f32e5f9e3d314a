"""A listing in parts, each packed as takes the fewest bytes: by LZMA, or by deflate behind phrases that many have.

A listing of one small network is short, and most of what it says others have said: the graph that decodes the weights,
the runner, the licence. Such phrases stand in books that writer and reader have; a part is packed as if it followed
one. The books are frozen: another would be one more packing.
"""

import lzma
import zlib
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from lth_edge.codec.varints import MEND, UPGRADE, Reader, Writer, require
from lth_edge.errors import DamagedError

_LZMA = 0
_BOOKS = {1: ("models.bin", "0301f934d3e5ef3f"), 2: ("texts.bin", "105eb2c574f12288")}
"""Packings: without a book, and with one, whose SHA-256 begins so."""
_MOST_PARTS = 16
_FILTERS = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 23, "lc": 3, "lp": 0, "pb": 0}]
_RAW_WINDOW = -15  # bits; negative: deflate without a frame
_WRONG_SIZE = "its listing is shorter or longer than it says"


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
        DamagedError: they are damaged, not `size` bytes, or packed as only a newer lth-edge can read.
    """
    reader, whole = Reader(packed), bytearray()
    for _ in range(reader.number(_MOST_PARTS)):
        packing, part_size = reader.number(), reader.number(size - len(whole))
        part = reader.take(reader.number(len(packed)))
        whole += _unpacked(packing, part, part_size)
    require(len(whole) == size and not reader.rest(), _WRONG_SIZE)
    return bytes(whole)


def unpack_lzma(packed: bytes, size: int) -> bytes:
    """What was packed by LZMA.

    Raises:
        DamagedError: it is damaged, or not `size` bytes.
    """
    return _to_its_end(lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS), packed, size)


def _unpacked(packing: int, part: bytes, size: int) -> bytes:
    if packing == _LZMA:
        return unpack_lzma(part, size)
    if packing not in _BOOKS:
        raise DamagedError(f"a part of its listing is packed in a way unknown here ({packing})", UPGRADE)
    return _to_its_end(zlib.decompressobj(_RAW_WINDOW, _book(packing)), part, size)


def _to_its_end(decompressor: Any, packed: bytes, size: int) -> bytes:
    """All that a stream gives, which ends where `packed` does."""
    try:
        part: bytes = decompressor.decompress(
            packed, size + 1
        )  # one more, so that the end is read; 0 would be no limit
    except (lzma.LZMAError, EOFError, zlib.error) as error:
        raise DamagedError("its listing cannot be read", MEND) from error
    require(len(part) == size and decompressor.eof and not decompressor.unused_data, _WRONG_SIZE)
    return part


def _deflated(part: bytes, book: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, _RAW_WINDOW, 9, zlib.Z_DEFAULT_STRATEGY, book)
    return compressor.compress(part) + compressor.flush()


@cache
def _book(packing: int) -> bytes:
    name, begin = _BOOKS[packing]
    book = (Path(__file__).parent / "phrases" / name).read_bytes()
    if not sha256(book).hexdigest().startswith(begin):
        raise DamagedError(f"this lth-edge is damaged: codec/phrases/{name} is not as released", "install it again")
    return book
