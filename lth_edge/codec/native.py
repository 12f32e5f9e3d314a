"""The coder of the library of kernels, through ctypes; see kernels/codec/codec.cc."""

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from lth_edge.codec.symbols import Outline, Symbols
from lth_edge.errors import InputError
from lth_edge.runtime.library import library_path

_FIELDS = ("rows", "columns", "nnz", "block", "width", "fan", "magnitude_bits", "has_signs")


class _Matrix(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_int64) for name in _FIELDS)


class _Earlier(ctypes.Structure):
    _fields_ = (("nnz", ctypes.c_int64), *((name, ctypes.c_void_p) for name in ("counts", "columns", "values")))


class _Arrays(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_void_p) for name in ("counts", "columns", "values"))


@cache
def library() -> ctypes.CDLL | None:
    """The library, where this machine has one with the coder in it."""
    try:
        found = ctypes.CDLL(str(library_path()))
        for name in ("lth_codec_stream_bytes", "lth_codec_scratch_bytes", "lth_encode_finish"):
            getattr(found, name).restype = ctypes.c_int64
        for name in ("lth_encode_matrix", "lth_decode_matrix"):  # not in a library from before there were updates
            getattr(found, name).restype = ctypes.c_int32
    except (InputError, OSError, AttributeError):
        return None
    return found


def encode(library: ctypes.CDLL, matrices: Sequence[Symbols], best: bool) -> bytes | None:
    """The bytes of a stream; `None` where arrays contradict their outline."""
    capacity = 64 + sum(8 * m.outline.nnz + m.outline.rows * m.outline.columns // 4 for m in matrices)
    while True:
        stream, coded = _memory(library.lth_codec_stream_bytes()), _memory(capacity)
        library.lth_encode_begin(_at(stream), int(best), _at(coded), ctypes.c_int64(capacity))
        if not all(_code(library, library.lth_encode_matrix, stream, matrix) for matrix in matrices):
            return None
        size = library.lth_encode_finish(_at(stream))
        if size >= 0:
            return coded[:size].tobytes()
        capacity *= 4


class Decoder:
    """A stream being decoded."""

    def __init__(self, library: ctypes.CDLL, coded: bytes | memoryview, best: bool) -> None:
        self._library = library
        self._coded = np.frombuffer(coded, np.uint8)
        self._stream = _memory(library.lth_codec_stream_bytes())
        library.lth_decode_begin(_at(self._stream), int(best), _at(self._coded), ctypes.c_int64(len(coded)))

    def decode(self, outline: Outline) -> Symbols | None:
        """The next matrix; `None` where the bytes are damaged."""
        symbols = Symbols.blank(outline)
        return symbols if _code(self._library, self._library.lth_decode_matrix, self._stream, symbols) else None

    def is_finished(self) -> bool:
        """Whether all bytes were of use, and no more were wanted."""
        return bool(self._library.lth_decode_finish(_at(self._stream)))


def _code(library: ctypes.CDLL, function: Any, stream: Any, symbols: Symbols) -> bool:
    scratch_bytes = library.lth_codec_scratch_bytes(ctypes.c_int64(symbols.outline.columns))
    if scratch_bytes == 0:
        return False
    scratch = _memory(scratch_bytes)
    matrix = _Matrix(*(int(getattr(symbols.outline, name)) for name in _FIELDS))
    arrays = _Arrays(*(array.ctypes.data for array in (symbols.counts, symbols.indices, symbols.values)))
    earlier = _earlier(symbols.outline)
    return bool(function(_at(stream), ctypes.byref(matrix), ctypes.byref(arrays), earlier, _at(scratch)))


def _earlier(outline: Outline) -> Any:
    """A pointer to the matrix in the earlier version; null where there is none."""
    held = outline.earlier
    if held is None:
        return ctypes.c_void_p(None)
    arrays = (array.ctypes.data for array in (held.counts, held.indices, held.values))
    return ctypes.byref(_Earlier(held.values.size, *arrays))


def _memory(size: int) -> Any:
    return np.empty(size, np.uint8)


def _at(array: Any) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
