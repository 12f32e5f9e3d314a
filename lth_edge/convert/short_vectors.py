"""Biases and other vectors that are multiples of a power of two, 127 at most, as one tensor of int8.

    int8 -> Cast -> Split -> Mul(., step), of each vector its own step

`lth_edge.sparse.quantize` rounds them so beside a codebook.
"""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lth_edge.convert.compact_tensor import compact_tensor
from lth_edge.convert.graph import Graph, replace_all
from lth_edge.sparse.stream_parts import MARK
from lth_edge.ticket import Array

_LEAST_NUMBERS = 16  # fewer gain nothing
_LEAST_IN_ALL = 64
_LARGEST = 127
_WHOLE, _SIZES, _ALL = f"{MARK}q", f"{MARK}y", f"{MARK}x"


def shorten_vectors(model: onnx.ModelProto) -> None:
    """Store vectors as int8 wherever that is exact; no tensor may have a name with the decoder's mark."""
    graph = Graph(model)
    found = {
        tensor.name: short
        for tensor in model.graph.initializer
        if len(tensor.dims) == 1
        and tensor.data_type == TensorProto.FLOAT
        and tensor.dims[0] >= _LEAST_NUMBERS
        and graph.constant(tensor.name) is not None
        and (short := _as_int8(numpy_helper.to_array(tensor))) is not None
    }
    if sum(numbers.size for numbers, _ in found.values()) < _LEAST_IN_ALL:
        return
    kept = [tensor for tensor in model.graph.initializer if tensor.name not in found]
    whole = np.concatenate([numbers for numbers, _ in found.values()])
    sizes = np.array([numbers.size for numbers, _ in found.values()])
    steps = [numpy_helper.from_array(step, _step(place)) for place, (_, step) in enumerate(found.values())]
    held = [compact_tensor(whole, _WHOLE), compact_tensor(sizes, _SIZES), *steps]
    replace_all(model.graph.initializer, [*kept, *held])
    parts = [_part(place) for place in range(len(found))]
    nodes = [
        helper.make_node("Cast", [_WHOLE], [_ALL], to=TensorProto.FLOAT),
        helper.make_node("Split", [_ALL, _SIZES], parts),
        *(
            helper.make_node("Mul", [part, _step(place)], [name])
            for place, (part, name) in enumerate(zip(parts, found, strict=True))
        ),
    ]
    replace_all(model.graph.node, [*nodes, *model.graph.node])


def is_a_short_vector_s(name: str) -> bool:
    """Whether a tensor has a name as `shorten_vectors` gives them."""
    return name.startswith((_WHOLE, _SIZES, _ALL))


def read_vectors(model: onnx.ModelProto) -> dict[str, Array]:
    """Vectors that `shorten_vectors` stored, by their names."""
    graph = Graph(model)
    whole, sizes = graph.constant(_WHOLE), graph.constant(_SIZES)
    if whole is None or sizes is None or whole.dtype != np.int8 or sizes.sum() != whole.size:
        return {}
    return dict(_vectors(graph, np.split(whole.astype(np.float32), np.cumsum(sizes)[:-1])))


def _vectors(graph: Graph, parts: list[Array]) -> Iterator[tuple[str, Array]]:
    for place, part in enumerate(parts):
        step = graph.constant(_step(place))
        for node in graph.readers(_part(place)):
            if node.op_type == "Mul" and step is not None:
                yield node.output[0], part * step


def _as_int8(vector: Array) -> tuple[Array, Array] | None:
    """Whole numbers and their step; `None` where these do not give the very bits."""
    largest = np.abs(vector).max()
    if not 0 < largest < np.inf:
        return None
    step = np.exp2(np.ceil(np.log2(largest / _LARGEST))).astype(np.float32)
    with np.errstate(all="ignore"):
        numbers = np.rint(vector / step)
    exact = bool((np.abs(numbers) <= _LARGEST).all()) and (numbers.astype(np.int8) * step).tobytes() == vector.tobytes()
    return (numbers.astype(np.int8), step) if exact else None


def _step(place: int) -> str:
    return f"{_WHOLE}{place}"


def _part(place: int) -> str:
    return f"{_ALL}{place}"
