"""How the nodes of our domain hold their weights: as arrays, or coded in one constant a node; kernels/OPERATORS.md.

Arrays can be mapped into memory and read as they are; coded weights are the smallest file, and the library decodes them
once while loading, to the same arrays.
"""

from collections.abc import Callable, Iterator
from math import prod

import numpy as np
import onnx
from onnx import helper, numpy_helper

from lth_edge.codec.coded_attributes import SINGLE, Attributes
from lth_edge.codec.coded_layers import LayerConstants, decode_attributes, decode_layers, encode_layers
from lth_edge.convert.chain_layer import CONVOLUTION
from lth_edge.convert.graph import Graph, attribute, bodies, kind, reads, replace_all
from lth_edge.convert.scope import FreshNames
from lth_edge.convert.short_names import with_short_names
from lth_edge.convert.sparse_layers import OPERATORS, damage_told, row_shape
from lth_edge.convert.sparse_node import DOMAIN, VERSION
from lth_edge.recipe import SparseWeights
from lth_edge.sparse.csr import CsrMatrix
from lth_edge.sparse.gaps import columns_of_gaps, indices_of
from lth_edge.ticket import Array

CODED_VERSION = 2
"""The first version of the domain in which weights may be coded."""

_UINT16_COLUMNS = 1 << 16
_Rewrite = Callable[[Graph, onnx.NodeProto], "list[onnx.TensorProto] | None"]


def held_as(model: onnx.ModelProto, weights: SparseWeights) -> onnx.ModelProto:
    """A copy whose nodes of our domain hold their weights as plain arrays, or coded with some contexts or with all.

    Raises:
        DamagedError: such a node breaks the format.
    """
    plain = with_plain_weights(model)
    return plain if weights == "plain" else with_coded_weights(plain, best=weights == "best")


def is_coded(model: onnx.ModelProto) -> bool:
    """Whether any weights may be coded."""
    return any(entry.domain == DOMAIN and entry.version >= CODED_VERSION for entry in model.opset_import)


def with_coded_weights(model: onnx.ModelProto, best: bool) -> onnx.ModelProto:
    """A copy whose nodes of our domain hold their weights coded, those excepted that are beyond the coder's limits.

    Names are shortened as well: they would be a tenth of a small file.

    Args:
        best: fewer bytes that take about twice as long to decode.

    Raises:
        DamagedError: such a node breaks the format.
    """
    coded = onnx.ModelProto()
    coded.CopyFrom(model)
    names = FreshNames(coded)

    def code(graph: Graph, node: onnx.NodeProto) -> list[onnx.TensorProto] | None:
        content = None if _is_coded(node) else encode_layers(list(_plain_layers(graph, node)), _attributes(node), best)
        if content is None:
            return None
        replace_all(node.attribute, [helper.make_attribute("coded", 1)])
        return [numpy_helper.from_array(np.frombuffer(content, np.uint8), names.fresh("coded"))]

    if not _rewrite(coded.graph, code):
        return coded
    _set_version(coded, CODED_VERSION)
    return with_short_names(coded)


def with_plain_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose nodes of our domain hold their weights as arrays, as they would have been written at first.

    Raises:
        DamagedError: coded weights are damaged.
    """
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    names = FreshNames(plain)

    def decode(graph: Graph, node: onnx.NodeProto) -> list[onnx.TensorProto] | None:
        if not _is_coded(node):
            return None
        content = _array(graph, node.input[-1]).tobytes()
        found = decode_attributes(content).items()
        plain = {name: numbers[0] if name in SINGLE else numbers for name, numbers in found}
        replace_all(node.attribute, [helper.make_attribute(*item) for item in plain.items()])
        return list(_tensors(node, content, names))

    if _rewrite(plain.graph, decode):
        _set_version(plain, VERSION)
    return plain


def _set_version(model: onnx.ModelProto, version: int) -> None:
    for opset in model.opset_import:
        if opset.domain == DOMAIN:
            opset.version = version


def _rewrite(graph: onnx.GraphProto, rewrite: _Rewrite) -> bool:
    """Put other constants under the nodes of our domain, wherever `rewrite` gives some; whether it gave any."""
    view, replaced, changed = Graph(graph), set[str](), False
    for node in graph.node:
        inner = [_rewrite(body, rewrite) for body in bodies(node)]
        changed |= any(inner)
        before = _constants(node) if kind(node) in OPERATORS else []
        if before and all(view.constant(name) is not None for name in before):
            with damage_told(node):
                constants = rewrite(view, node)
            if constants is not None:
                replaced.update(before)
                activations = node.input[: len(node.input) - len(before)]
                replace_all(node.input, [*activations, *(tensor.name for tensor in constants)])
                graph.initializer.extend(constants)
    still_read = {name for node in graph.node for name in reads(node)} | view.outputs
    dropped = replaced - still_read
    replace_all(graph.initializer, [tensor for tensor in graph.initializer if tensor.name not in dropped])
    return changed or bool(replaced)


def _is_coded(node: onnx.NodeProto) -> bool:
    return bool(attribute(node, "coded", 0))


def _constants(node: onnx.NodeProto) -> list[str]:
    return list(node.input[-1:] if _is_coded(node) else node.input[attribute(node, "activations", 1) :])


def _attributes(node: onnx.NodeProto) -> Attributes:
    found = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    return {name: [value] if name in SINGLE else value for name, value in found.items()}


def _weighty(node: onnx.NodeProto) -> list[int]:
    """The places of the layers that have weights."""
    count = len(attribute(node, "source", []))
    return [place for place, each in enumerate(attribute(node, "kind", [CONVOLUTION] * count)) if each == CONVOLUTION]


def _plain_layers(graph: Graph, node: onnx.NodeProto) -> Iterator[LayerConstants]:
    arrays = [_array(graph, name) for name in reversed(_constants(node))]
    for place in _weighty(node):
        indptr, indices, data = arrays.pop(), arrays.pop(), arrays.pop()
        scale = arrays.pop() if data.dtype == np.int8 else None
        bias = arrays.pop() if attribute(node, "bias", [])[place] else None
        shape = row_shape(node, place)
        columns = columns_of_gaps(indices, np.diff(indptr)) if indices.dtype == np.uint8 else indices
        dtype = np.uint16 if prod(shape) <= _UINT16_COLUMNS else np.uint32
        matrix = CsrMatrix((indptr.size - 1, prod(shape)), indptr, columns.astype(dtype), data)
        yield LayerConstants(matrix, shape[1:], scale, bias)


def _tensors(node: onnx.NodeProto, content: bytes, names: FreshNames) -> Iterator[onnx.TensorProto]:
    """The arrays of coded weights, in the order in which a node reads them."""
    places = _weighty(node)
    columns = [prod(row_shape(node, place)) for place in places]
    has_bias = [bool(attribute(node, "bias", [])[place]) for place in places]
    for place, layer in zip(places, decode_layers(content, columns, has_bias), strict=True):
        matrix = layer.matrix
        arrays = {"indptr": matrix.indptr, "indices": indices_of(matrix), "data": matrix.data}
        others = {"scale": layer.scale, "bias": layer.bias}
        for part, array in (arrays | {part: array for part, array in others.items() if array is not None}).items():
            name = names.fresh(f"{node.name or node.output[0]}.{place}.{part}")
            yield numpy_helper.from_array(np.ascontiguousarray(array), name)


def _array(graph: Graph, name: str) -> Array:
    array = graph.constant(name)
    assert array is not None, "every constant is there"
    return array
