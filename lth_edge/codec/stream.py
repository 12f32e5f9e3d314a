"""A stream of matrices, by the library's coder where this machine has it, else by the one in Python: the same bytes."""

import ctypes
from collections.abc import Iterator, Sequence

import numpy as np

from lth_edge.codec import native
from lth_edge.codec.portable.coder import PortableStream
from lth_edge.codec.portable.range_coder import RangeDecoder, RangeEncoder
from lth_edge.codec.symbols import Outline, Symbols, Words
from lth_edge.errors import DamagedError, InputError

_MOST_PORTABLE = 1 << 24  # some minutes
_MEND = "copy it again or make it anew"


def encode(matrices: Sequence[Symbols], best: bool, portable: bool = False) -> bytes:
    """Code matrices, one after the other.

    Args:
        best: with all contexts, which takes about three times as long to decode.
        portable: by the coder in Python, whether or not there is a library.

    Raises:
        InputError: a matrix contradicts its outline, or there are too many weights to do without a library.
    """
    for matrix in matrices:
        _check(matrix)
    library = None if portable else _library([matrix.outline for matrix in matrices])
    if library is not None:
        coded = native.encode(library, matrices, best)
    else:
        encoder = RangeEncoder()
        stream = PortableStream(encoder, best)
        coded = encoder.finish() if all(stream.code(matrix) for matrix in matrices) else None
    if coded is None:
        raise InputError("the counts and columns of a matrix contradict each other", "give valid rows")
    return coded


def decode(
    coded: bytes | memoryview, outlines: Sequence[Outline], best: bool, portable: bool = False
) -> Iterator[Symbols]:
    """Yield the matrices that `encode` coded, one at a time; memory for each is what its outline declares.

    Raises:
        DamagedError: the bytes are not those of matrices with these outlines.
    """
    library = None if portable else _library(outlines)
    decoder = _PortableDecoder(coded, best) if library is None else native.Decoder(library, coded, best)
    for outline in outlines:
        symbols = decoder.decode(outline) if outline.is_possible() else None
        if symbols is None:
            raise DamagedError("coded weights are damaged", _MEND)
        yield symbols
    if not decoder.is_finished():
        raise DamagedError("coded weights are damaged: they are too long or too short", _MEND)


def _library(outlines: Sequence[Outline]) -> ctypes.CDLL | None:
    """The library, or `None` where this machine has none and can do without.

    Raises:
        InputError: it has none, and would take hours.
    """
    library = native.library()
    weights = sum(outline.rows * outline.columns for outline in outlines)
    if library is None and weights > _MOST_PORTABLE:
        raise InputError(
            f"there is no library of lth-edge's for this machine, and {weights:,} weights are too many to code without",
            f"use a machine that has one; up to {_MOST_PORTABLE:,} are coded in Python",
        )
    return library


class _PortableDecoder:
    def __init__(self, coded: bytes | memoryview, best: bool) -> None:
        self._bytes = RangeDecoder(coded)
        self._stream = PortableStream(self._bytes, best)

    def decode(self, outline: Outline) -> Symbols | None:
        symbols = Symbols.blank(outline)
        return symbols if self._stream.code(symbols) else None

    def is_finished(self) -> bool:
        return self._bytes.at_end and not self._bytes.failed


def _check(matrix: Symbols) -> None:
    outline = matrix.outline
    if not outline.is_possible():
        raise InputError(f"a matrix of {outline.rows} x {outline.columns} cannot be coded", "give a smaller one")
    fits = (
        matrix.counts.size == outline.rows
        and matrix.values.size == outline.nnz
        and matrix.indices.size == (0 if outline.full else outline.nnz)
        and all(_is_words(array) for array in (matrix.counts, matrix.indices, matrix.values))
    )
    if not fits or np.any((matrix.values & 0x7FFFFFFF) >> np.uint32(outline.magnitude_bits)):
        raise InputError("the arrays of a matrix do not fit its outline", "give one value a kept weight")
    if outline.earlier is not None and not all(map(_is_words, vars(outline.earlier).values())):
        raise InputError("the arrays of an earlier version are not words", "give them as uint32")
    if not outline.has_signs and np.any(matrix.values >> 31):
        raise InputError("a matrix without signs has a negative value", "declare its signs")


def _is_words(array: Words) -> bool:
    return array.dtype == np.uint32 and array.flags.c_contiguous
