"""Bytes as copies of earlier bytes and new ones between: what an update says of all that is no matrix."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lth_edge.codec.varints import MEND, Reader, Writer
from lth_edge.errors import DamagedError

_BLOCK = 16  # bytes that are looked up; shorter copies would not pay
_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Copy:
    """`new` bytes that stand elsewhere, then earlier bytes `start` to `end`."""

    new: int
    start: int
    end: int


def find_copies(text: bytes, earlier: bytes) -> list[Copy]:
    """The copies that make most of `text`, in its order; each is made as long as it can be."""
    places = {earlier[at : at + _BLOCK]: at for at in reversed(range(0, len(earlier) - _BLOCK + 1, _BLOCK))}
    copies, at, done = [], 0, 0
    while at + _BLOCK <= len(text):
        start = places.get(text[at : at + _BLOCK])
        if start is None:
            at += 1
            continue
        back = _common(text[done:at][::-1], earlier[max(start - (at - done), 0) : start][::-1])
        length = _common(memoryview(text)[at:], memoryview(earlier)[start:])
        copies.append(Copy(at - back - done, start - back, start + length))
        at = done = at + length
    return copies


def left_over(text: bytes, copies: Sequence[Copy]) -> bytes:
    """The bytes of `text` that are no copies."""
    parts, at = [], 0
    for copy in copies:
        parts.append(text[at : at + copy.new])
        at += copy.new + copy.end - copy.start
    return b"".join([*parts, text[at:]])


def put_together(copies: Sequence[Copy], new: bytes, earlier: bytes) -> bytes:
    """The text again."""

    def parts() -> Iterator[bytes]:
        at = 0
        for copy in copies:
            yield new[at : at + copy.new]
            yield earlier[copy.start : copy.end]
            at += copy.new
        yield new[at:]

    return b"".join(parts())


def write_copies(writer: Writer, copies: Sequence[Copy]) -> None:
    writer.numbers(len(copies))
    before = 0
    for copy in copies:
        writer.numbers(copy.new, copy.end - copy.start)
        writer.steps([copy.start - before])
        before = copy.end


def read_copies(reader: Reader, earlier: int, most: int) -> list[Copy]:
    """Read copies of `earlier` bytes that make `most` at most.

    Raises:
        DamagedError: they reach beyond either.
    """
    copies: list[Copy] = []
    total = before = 0
    for _ in range(reader.number(most)):
        new, length = reader.number(most), reader.number(earlier)
        (step,) = reader.steps(1)
        start = before + step
        total += new + length
        if not 0 <= start <= earlier - length or total > most or length == 0:
            raise DamagedError("its listing copies bytes that are not there", MEND)
        copies.append(Copy(new, start, start + length))
        before = start + length
    return copies


def _common(one: bytes | memoryview, other: bytes | memoryview) -> int:
    """How many bytes at their beginnings are the same."""
    most, at = min(len(one), len(other)), 0
    while at < most:
        size = min(_AT_ONCE, most - at)
        differs = np.frombuffer(one, np.uint8, size, at) != np.frombuffer(other, np.uint8, size, at)
        if differs.any():
            return at + int(np.argmax(differs))
        at += size
    return at
