"""Where an ONNX file holds its numbers: a walk over the protobuf's fields that needs no onnx.

Field numbers are those of onnx.proto: ModelProto.graph = 7, GraphProto.initializer = 5, and of TensorProto dims = 1,
data_type = 2, int32_data = 5, int64_data = 7, name = 8, raw_data = 9.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lth_edge.codec.varints import Writer
from lth_edge.ticket import Array

GRAPH, INITIALIZER = 7, 5
_DIMS, _DATA_TYPE, _INT32_DATA, _INT64_DATA, _NAME, _RAW_DATA = 1, 2, 5, 7, 8, 9
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DTYPES = {1: "<f4", 2: "|u1", 3: "|i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 10: "<f2"}


@dataclass(frozen=True)
class TensorAt:
    """An initializer whose numbers lie in the file as they are: bytes `start` to `end` of it."""

    name: str
    dtype: str
    dims: tuple[int, ...]
    start: int
    end: int


def tensors_in(content: bytes) -> list[TensorAt]:
    """The initializers of an ONNX file, in order; none where it is not one."""
    found = [_tensor(content, *place) for place in _places(content)]
    return [tensor for tensor in found if tensor is not None]


def whole_numbers_in(content: bytes) -> dict[str, Array]:
    """Initializers whose whole numbers stand one by one, in as many bytes as each needs: name -> numbers."""
    return dict(pair for place in _places(content) if (pair := _whole_numbers(content, *place)) is not None)


def _places(content: bytes) -> list[tuple[int, int]]:
    """Start and end of each initializer."""
    try:
        graphs = [(start, end) for number, start, end in _fields(content, 0, len(content)) if number == GRAPH]
        return [
            (start, end) for graph in graphs for number, start, end in _fields(content, *graph) if number == INITIALIZER
        ]
    except _NotProtobuf:
        return []


def fields(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Number, start and end of each field of a message.

    Raises:
        ValueError: it is none.
    """
    return _fields(content, 0, len(content))


def field(number: int, content: bytes) -> bytes:
    """A field that holds bytes."""
    writer = Writer()
    writer.numbers(number << 3 | _BYTES, len(content))
    return bytes(writer.content) + content


def tensor(name: str, array: Array) -> bytes:
    """A TensorProto whose numbers lie in it as they are."""
    (data_type,) = (number for number, dtype in _DTYPES.items() if dtype == array.dtype.str)
    writer = Writer()
    for size in array.shape:
        writer.numbers(_DIMS << 3 | _VARINT, size)
    writer.numbers(_DATA_TYPE << 3 | _VARINT, data_type)
    return bytes(writer.content) + field(_NAME, name.encode()) + field(_RAW_DATA, array.tobytes())


class _NotProtobuf(ValueError):
    pass


def _whole_numbers(content: bytes, start: int, end: int) -> tuple[str, Array] | None:
    name, numbers = "", None
    try:
        for number, first, last in _fields(content, start, end):
            if number == _NAME:
                name = content[first:last].decode()
            elif number in (_INT32_DATA, _INT64_DATA):
                numbers = list(_varints(content, first, last))
    except (_NotProtobuf, UnicodeDecodeError):
        return None
    return None if numbers is None else (name, np.array(numbers, np.uint64).astype(np.int64))


def _tensor(content: bytes, start: int, end: int) -> TensorAt | None:
    try:
        return _raw_tensor(content, start, end)
    except (_NotProtobuf, UnicodeDecodeError):
        return None


def _raw_tensor(content: bytes, start: int, end: int) -> TensorAt | None:
    name, dtype, data = "", "", (0, 0)
    dims: list[int] = []
    for number, first, last in _fields(content, start, end):
        if number == _NAME:
            name = content[first:last].decode()
        elif number == _DATA_TYPE:
            dtype = _DTYPES.get(_varint(content, first, last)[0], "")
        elif number == _DIMS:
            dims.extend(_varints(content, first, last))
        elif number == _RAW_DATA:
            data = first, last
    return TensorAt(name, dtype, tuple(dims), *data) if dtype and data[1] > data[0] else None


def _fields(content: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number and bytes of each field of a message."""
    while at < end:
        key, at = _varint(content, at, end)
        kind, start = key & 7, at
        if kind == _VARINT:
            at = _varint(content, at, end)[1]
        elif kind == _BYTES:
            length, start = _varint(content, at, end)
            at = start + length
        elif kind in (_FIXED32, _FIXED64):
            at += 4 if kind == _FIXED32 else 8
        else:
            raise _NotProtobuf
        if at > end:
            raise _NotProtobuf
        yield key >> 3, start, at


def _varints(content: bytes, at: int, end: int) -> Iterator[int]:
    while at < end:
        value, at = _varint(content, at, end)
        yield value


def _varint(content: bytes, at: int, end: int) -> tuple[int, int]:
    """A number and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if at + shift // 7 >= end:
            break
        byte = content[at + shift // 7]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at + shift // 7 + 1
    raise _NotProtobuf
