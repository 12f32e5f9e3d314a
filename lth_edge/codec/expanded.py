"""ONNX files whose weights are one stream of prefix codes, with gaps in its place, which are coded by context.

The bits of a stream have no context left. So a container holds such a file *expanded*: as another ONNX file, whose
tensors are the weights as gaps, with the file around the bits in fields that ONNX does not use. What is around has the
codes, so that the bits can be written again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from lth_edge.codec.onnx_tensors import GRAPH, INITIALIZER, TensorAt, field, fields, tensors_in, whole_numbers_in
from lth_edge.codec.onnx_tensors import tensor as written
from lth_edge.codec.varints import MEND
from lth_edge.errors import DamagedError
from lth_edge.sparse.csr import CsrMatrix
from lth_edge.sparse.gaps import Gaps
from lth_edge.sparse.stream_parts import PLANES, from_parts
from lth_edge.sparse.weight_stream import WeightStream
from lth_edge.ticket import Array

_AROUND, _START, _SIZE = 1000, 1001, 1002
_MARK = field(_AROUND, b"")[:-1]
_LARGEST = 1 << 24  # bytes of a stream's bits
_GAP = 255


def has_stream(content: bytes) -> bool:
    """Whether an ONNX file decodes its weights from a stream."""
    return _planes(content) is not None


def is_expanded(content: bytes | bytearray) -> bool:
    """Whether it begins as no other file does."""
    return content.startswith(_MARK)


def expanded(content: bytes) -> bytes:
    """A file as a container holds it: itself where it has no stream."""
    planes = _planes(content)
    if planes is None:
        return content
    try:
        weights, masks = _stream(content).weights()
        around = content[: planes.start] + content[planes.end :]
        made = _with_gaps(around, planes, weights, masks)
        return made if collapsed(made) == content else content
    except (KeyError, ValueError, IndexError, OverflowError, MemoryError, DamagedError):
        return content  # named as ours, but something else


def collapsed(content: bytes) -> bytes:
    """The file that `expanded` was given.

    Raises:
        DamagedError: it never gave this one.
    """
    try:
        around, start, size = _split(content)
        stream = _stream(around[:start] + bytes(size) + around[start:])
        weights, masks = zip(*_weights(content, stream), strict=True)
        planes = stream.planes_of(weights, masks).tobytes()
    except (KeyError, ValueError, IndexError, OverflowError) as error:
        raise DamagedError("its weights do not fit the file that they belong to", MEND) from error
    if len(planes) != size:
        raise DamagedError("its weights take more bits or fewer than they did", MEND)
    return around[:start] + planes + around[start:]


def _planes(content: bytes) -> TensorAt | None:
    return next((tensor for tensor in tensors_in(content) if tensor.name == PLANES and tensor.dtype == "|u1"), None)


def tensors_around(content: bytes) -> list[TensorAt]:
    """The initializers of an expanded file beside its stream, where they lie in it; none in another file."""
    if not is_expanded(content):
        return []
    try:
        around, start, size = _split(content)
    except ValueError:
        return []  # it only begins as one
    before = next(fields(content))[1]
    whole = tensors_in(around[:start] + bytes(size) + around[start:])
    return [_moved(tensor, before) for tensor in whole if tensor.end <= start] + [
        _moved(tensor, before - size) for tensor in whole if tensor.start >= start + size
    ]


def _moved(tensor: TensorAt, by: int) -> TensorAt:
    return replace(tensor, start=tensor.start + by, end=tensor.end + by)


def _stream(content: bytes) -> WeightStream:
    raw = {
        tensor.name: np.frombuffer(content[tensor.start : tensor.end], tensor.dtype).reshape(tensor.dims)
        for tensor in tensors_in(content)
    }
    return from_parts(raw | whole_numbers_in(content))


def _with_gaps(around: bytes, planes: TensorAt, weights: list[Array], masks: list[Array]) -> bytes:
    tensors = b"".join(
        field(INITIALIZER, written(name, array))
        for number, (weight, mask) in enumerate(zip(weights, masks, strict=True))
        for name, array in _gaps(str(number), weight, mask).items()
    )
    numbers = field(_START, _number(planes.start)) + field(_SIZE, _number(planes.end - planes.start))
    return field(_AROUND, around) + numbers + field(GRAPH, tensors)


def _gaps(name: str, weight: Array, mask: Array) -> Mapping[str, Array]:
    """The tensors that `lth_edge.codec.recognise` knows a weight by."""
    gaps = Gaps.encode(CsrMatrix.from_mask(weight, mask))
    shape = np.array(weight.shape, np.int64)
    parts = {"gaps": gaps.steps, "values": gaps.values, "size": np.array([weight.size], np.int64), "shape": shape}
    return {f"{name}.{part}": array for part, array in parts.items()}


def _weights(content: bytes, stream: WeightStream) -> Iterator[tuple[Array, Array]]:
    """Each weight and its mask."""
    held = [np.frombuffer(content[each.start : each.end], each.dtype) for each in tensors_in(content)]
    gaps = zip(*[iter(held)] * 4, strict=True)
    for layout, (steps, values, _, shape) in zip(stream.layouts, gaps, strict=True):
        if tuple(shape) != layout.shape or steps.dtype != np.uint8 or values.dtype != np.float32:
            raise ValueError("it has other weights")
        places = np.cumsum(steps, dtype=np.int64)
        kept = (steps != _GAP) | (values.view(np.uint32) != 0)
        weight, mask = np.zeros(layout.size, np.float32), np.zeros(layout.size, np.bool_)
        weight[places], mask[places[kept]] = values, True
        yield weight.reshape(layout.shape), mask.reshape(layout.shape)


def _number(value: int) -> bytes:
    return value.to_bytes(4, "little")


def _split(content: bytes) -> tuple[bytes, int, int]:
    """The file around the bits, where they begin in it, and how many bytes they are.

    Raises:
        ValueError: it is none that `expanded` made.
    """
    held = [(number, content[start:end]) for number, start, end in fields(content)]
    numbers, (around, *place, _) = zip(*held, strict=True)
    start, size = (int.from_bytes(each, "little") for each in place)
    if numbers != (_AROUND, _START, _SIZE, GRAPH) or start > len(around) or size > _LARGEST:
        raise ValueError("it has no such place")
    return around, start, size
