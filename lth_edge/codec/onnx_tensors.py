"""Where an ONNX file holds its numbers: a walk over the protobuf's fields that needs no onnx.

Field numbers are those of onnx.proto: ModelProto.graph = 7, GraphProto.initializer = 5, and of TensorProto dims = 1,
data_type = 2, name = 8, raw_data = 9.
"""

from collections.abc import Iterator
from dataclasses import dataclass

_GRAPH, _INITIALIZER = 7, 5
_DIMS, _DATA_TYPE, _NAME, _RAW_DATA = 1, 2, 8, 9
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
    found = []
    try:
        for number, graph_start, graph_end in _fields(content, 0, len(content)):
            if number == _GRAPH:
                for inner, start, end in _fields(content, graph_start, graph_end):
                    if inner == _INITIALIZER:
                        found.append(_tensor(content, start, end))
    except (_NotProtobuf, UnicodeDecodeError):
        return []
    return [tensor for tensor in found if tensor is not None]


class _NotProtobuf(Exception):
    pass


def _tensor(content: bytes, start: int, end: int) -> TensorAt | None:
    name, dtype, dims, data = "", "", [], (0, 0)
    for number, first, last in _fields(content, start, end):
        if number == _NAME:
            name = content[first:last].decode()
        elif number == _DATA_TYPE:
            dtype = _DTYPES.get(_varint(content, first, last)[0], "")
        elif number == _DIMS:
            at = first
            while at < last:
                value, at = _varint(content, at, last)
                dims.append(value)
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
