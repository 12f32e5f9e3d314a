"""Files whose sparse matrices are coded by context: the bytes of a .lthe file; LTHE.md is the format."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from itertools import pairwise

from lth_edge.codec.base import DIGEST_BYTES, Base, digest_of
from lth_edge.codec.expanded import collapsed, expanded, is_expanded
from lth_edge.codec.listing import Listing
from lth_edge.codec.parts import pack_parts, unpack_lzma, unpack_parts
from lth_edge.codec.plan import plan
from lth_edge.codec.restore import Content, files_of, matrices_of
from lth_edge.codec.stream import encode
from lth_edge.codec.varints import MEND, UPGRADE, Reader, Writer, require
from lth_edge.errors import DamagedError, InputError
from lth_edge.packed import MAGIC

WHOLE, UPDATE = 1, 2
"""Versions: a file that stands alone, and one that builds on an earlier file."""
_BEST, _EXPANDED, _PARTS = 1, 2, 4
"""Flags: all contexts are used; ONNX files whose weights are a stream are held expanded; the listing is in parts."""
_CRC_AT, _DIGEST_AT, _BODY_AT = 10, 14, 22
_LARGEST_LISTING = 1 << 28


@dataclass(frozen=True)
class Given:
    """A .lthe file that may be what an update builds on."""

    name: str
    content: bytes


def write_container(files: Mapping[str, bytes], best: bool, base: Base | None = None) -> bytes:
    """The bytes that hold these files.

    Args:
        files: name -> content; the matrices of ONNX files are coded by context, all else is packed.
        best: fewer bytes that take about twice as long to decode.
        base: the earlier file without which these bytes are of no use.

    Raises:
        InputError: more weights than a container holds.
    """
    is_free = not any(map(is_expanded, files.values()))  # else it could not be told which are to be collapsed
    files = dict(sorted(files.items(), key=lambda file: _kind(*file)))
    held = {name: expanded(file) if is_free and name.endswith(".onnx") else file for name, file in files.items()}
    listing, matrices = plan(held, base)
    text = listing.to_bytes(base)
    packed = pack_parts(_parts(text, files) if base is None else [text])
    writer = Writer()
    if base is not None:
        writer.content += base.digest
        writer.text(base.name)
    writer.numbers(len(text), len(packed))
    checked = _digest(files) + bytes(writer.content) + packed + encode(matrices, best)
    crc = zlib.crc32(checked).to_bytes(_DIGEST_AT - _CRC_AT, "little")
    flags = _PARTS | _BEST * best | _EXPANDED * (is_free and any(map(is_expanded, held.values())))
    return MAGIC + bytes([WHOLE if base is None else UPDATE, flags]) + crc + checked


def read_container(content: bytes, given: Sequence[Given] = ()) -> dict[str, Content]:
    """The files in a container.

    Args:
        given: in any order, the file that an update builds on, and those that this one builds on.

    Raises:
        DamagedError: it is none, of a newer version, or damaged.
        InputError: it is an update, and what it builds on is not among those given.
    """
    opened = _open(content, given)
    files = files_of(opened.listing, matrices_of(opened.listing, opened.coded, opened.best, opened.base))
    if opened.expanded:
        require(any(map(is_expanded, files.values())), "it says that it holds an expanded file, and holds none")
        files = {name: collapsed(bytes(held)) if is_expanded(held) else held for name, held in files.items()}
    if _digest(files) != content[_DIGEST_AT:_BODY_AT]:
        raise DamagedError("what it holds does not match its SHA-256", MEND)
    return files


def is_update(content: bytes) -> bool:
    """Whether a container builds on an earlier file.

    Raises:
        DamagedError: it is no container, of a newer version, or damaged.
    """
    return _check_head(content)[0] == UPDATE


def read_base(base: Given, given: Sequence[Given] = ()) -> Base:
    """An earlier file as an update builds on it.

    Raises:
        DamagedError, InputError: as `read_container`.
    """
    opened = _open(base.content, given)
    matrices = matrices_of(opened.listing, opened.coded, opened.best, opened.base)
    return Base(base.name, digest_of(base.content), list(matrices), opened.listing.text)


class _Kind(IntEnum):
    """Of files, in the order of a listing: the bytes of models stand behind its head."""

    MODEL, TEXT, OTHER = range(3)


def _kind(name: str, content: bytes) -> _Kind:
    if name.endswith(".onnx"):
        return _Kind.MODEL
    return _Kind.OTHER if b"\0" in content else _Kind.TEXT


def _parts(text: bytes, files: Mapping[str, bytes]) -> list[bytes]:
    """A listing cut before the texts and behind them."""
    kinds = _Kind.TEXT, _Kind.OTHER
    texts, others = (sum(len(file) for name, file in files.items() if _kind(name, file) == kind) for kind in kinds)
    cuts = [0, len(text) - texts - others, len(text) - others, len(text)]
    return [text[start:end] for start, end in pairwise(cuts) if start < end]


@dataclass(frozen=True)
class _Opened:
    """A container whose matrices are still coded."""

    listing: Listing
    coded: bytes | memoryview
    best: bool
    expanded: bool
    base: Base | None


def _open(content: bytes, given: Sequence[Given]) -> _Opened:
    version, flags = _check_head(content)
    reader = Reader(content, _BODY_AT)
    base = _base_of(reader, given) if version == UPDATE else None
    size, packed_size = reader.number(_LARGEST_LISTING), reader.number()
    packed = reader.take(packed_size)
    text = unpack_parts(packed, size) if flags & _PARTS else unpack_lzma(packed, size)
    listing = Listing.from_bytes(text, base)
    return _Opened(listing, memoryview(content)[reader.at :], bool(flags & _BEST), bool(flags & _EXPANDED), base)


def _base_of(reader: Reader, given: Sequence[Given]) -> Base:
    digest, name = reader.take(DIGEST_BYTES), reader.text()
    for each in given:
        if digest_of(each.content) == digest:
            others = [other for other in given if other is not each]
            try:
                return read_base(each, others)
            except (DamagedError, InputError) as error:
                raise type(error)(f"{each.name}: {error.message}", error.mend) from error
    wanted = f"{name!a}, the file whose SHA-256 begins with {digest.hex()}"
    raise InputError(
        f"it is an update since {wanted}, and " + (f"{_named(given)} not" if given else "no such file is given"),
        "give that file with --since",
    )


def _named(given: Sequence[Given]) -> str:
    return " and ".join(each.name for each in given) + (" is" if len(given) == 1 else " are")


def _check_head(content: bytes) -> tuple[int, int]:
    """The version and the flags."""
    if content[: len(MAGIC)] != MAGIC:
        raise DamagedError("it does not begin as a .lthe file does", "give a file that lth-edge pack wrote")
    require(len(content) >= _BODY_AT, "it ends too early")
    version, flags = content[len(MAGIC)], content[len(MAGIC) + 1]
    if version > UPDATE:
        raise DamagedError(
            f"it is of version {version}, this lth-edge reads up to {UPDATE}", f"{UPGRADE}, or copy the file again"
        )
    require(version > 0, "it is of a version that never was")
    crc = zlib.crc32(memoryview(content)[_DIGEST_AT:]).to_bytes(_DIGEST_AT - _CRC_AT, "little")
    require(crc == content[_CRC_AT:_DIGEST_AT], "its checksum is wrong")
    if flags & ~(_BEST | _EXPANDED | _PARTS):
        raise DamagedError(f"it is written in a way unknown here (flags {flags})", UPGRADE)
    return version, flags


def _digest(files: Mapping[str, Content]) -> bytes:
    digest = sha256()
    for content in files.values():
        digest.update(content)
    return digest.digest()[: _BODY_AT - _DIGEST_AT]
