"""The smallest model there is, one Identity: what remains of a run when the network is taken away.

Its time is the cost of a call from Python, its memory that of Python and onnxruntime.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

_FLOAT = 1
_IR_VERSION = 8
_OPSET = 13


def null_graph() -> bytes:
    """An ONNX model y = Identity(x), float32, x of shape [n].

    Written in protobuf's wire format (https://protobuf.dev/programming-guides/encoding), with the field
    numbers of onnx.proto: measuring must not need the onnx package.
    """
    node = _fields((1, b"x"), (2, b"y"), (4, b"Identity"))
    graph = _fields((1, node), (2, b"null"), (11, _float_vector(b"x")), (12, _float_vector(b"y")))
    return _fields((1, _IR_VERSION), (7, graph), (8, _fields((2, _OPSET))))


def null_feed(batch: int) -> dict[str, npt.NDArray[Any]]:
    """The input of `null_graph` for a batch of this size."""
    return {"x": np.zeros(batch, np.float32)}


def _float_vector(name: bytes) -> bytes:
    """A ValueInfoProto: `name`, float32, one dimension named n."""
    shape = _fields((1, _fields((2, b"n"))))
    tensor = _fields((1, _FLOAT), (2, shape))
    return _fields((1, name), (2, _fields((1, tensor))))


def _fields(*fields: tuple[int, bytes | int]) -> bytes:
    return b"".join(_field(number, value) for number, value in fields)


def _field(number: int, value: bytes | int) -> bytes:
    """One field: a number as a varint (wire type 0), bytes with their length in front (wire type 2)."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Seven bits a byte, lowest first, the top bit set on all but the last."""
    return bytes(_groups(value))


def _groups(value: int) -> Iterable[int]:
    while value >= 0x80:
        yield value & 0x7F | 0x80
        value >>= 7
    yield value
