"""The facts of a 64-bit little-endian ELF file that decide where it can be loaded; the names are the format's own."""

import struct
from collections.abc import Iterator
from pathlib import Path

_PT_LOAD, _SHT_DYNAMIC, _SHT_DYNSYM, _DT_NEEDED = 1, 6, 11, 1
_STB_LOCAL, _SHN_UNDEF = 0, 0

Section = tuple[int, ...]


class Elf:
    """A shared library, read as a file."""

    def __init__(self, path: Path) -> None:
        self._bytes = path.read_bytes()
        assert self._bytes[:6] == b"\x7fELF\x02\x01", f"{path} is not a 64-bit little-endian ELF file"
        (self.machine,) = struct.unpack_from("<H", self._bytes, 18)
        self._segments_at, self._sections_at = struct.unpack_from("<QQ", self._bytes, 32)
        _, self._segments, _, self._sections, _ = struct.unpack_from("<5H", self._bytes, 54)

    def alignments(self) -> list[int]:
        """Of the segments that are mapped into memory."""
        headers = struct.iter_unpack("<IIQQQQQQ", self._part(self._segments_at, 56 * self._segments))
        return [header[7] for header in headers if header[0] == _PT_LOAD]

    def needed(self) -> list[str]:
        """Other libraries that it cannot be loaded without."""
        entries = [
            (entry, names)
            for section, names in self._linked(_SHT_DYNAMIC)
            for entry in struct.iter_unpack("<QQ", self._part(section[4], section[5]))
        ]
        return [_text(names, value) for (tag, value), names in entries if tag == _DT_NEEDED]

    def symbols(self) -> tuple[set[str], set[str]]:
        """Names that it gives to others, and names that it wants from others."""
        given, wanted = set(), set()
        for section, names in self._linked(_SHT_DYNSYM):
            for name, info, _, index, _, _ in struct.iter_unpack("<IBBHQQ", self._part(section[4], section[5])):
                if info >> 4 != _STB_LOCAL:
                    (wanted if index == _SHN_UNDEF else given).add(_text(names, name))
        return given, wanted

    def _linked(self, kind: int) -> Iterator[tuple[Section, bytes]]:
        """Sections of a kind, each with the table of its names."""
        headers = list(struct.iter_unpack("<IIQQQQIIQQ", self._part(self._sections_at, 64 * self._sections)))
        for section in headers:
            if section[1] == kind:
                names = headers[section[6]]
                yield section, self._part(names[4], names[5])

    def _part(self, at: int, size: int) -> bytes:
        return self._bytes[at : at + size]


def _text(names: bytes, at: int) -> str:
    return names[at : names.index(b"\0", at)].decode()
