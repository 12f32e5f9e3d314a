"""Gemm, MatMul and Conv as layers: which axis of the weight holds the units, and where their bias is."""

from dataclasses import dataclass

import onnx

from lth_edge.convert.graph import Graph, attribute, kind
from lth_edge.ticket import Array


class Refused(Exception):
    """Why a node is no layer, or a layer's units cannot be followed; becomes a `Refusal`."""


@dataclass(frozen=True)
class Layer:
    """A Gemm, MatMul (with the Add of its bias) or Conv whose weight is an initializer of its own.

    Attributes:
        node: the operator.
        weight: name of its weight.
        bias: name of its constant bias, or "".
        output: the tensor that holds its units, bias added.
        units_axis: of the weight.
        inputs_axis: of the weight.
    """

    node: onnx.NodeProto
    weight: str
    bias: str
    output: str
    units_axis: int
    inputs_axis: int

    @property
    def pads(self) -> bool:
        """Whether zeros are read beside what the layer is given."""
        return kind(self.node) == "Conv" and has_padding(self.node)


def read_layer(graph: Graph, node: onnx.NodeProto) -> Layer:
    """Read a Gemm, MatMul or Conv as a layer.

    Raises:
        Refused: it is of a kind whose units cannot be told apart.
    """
    weight = graph.constant(node.input[1])
    if weight is None or graph.producer(node.input[1]) is not None:
        raise Refused("its weight is not an initializer")
    if len(graph.readers(node.input[1])) > 1:
        raise Refused("its weight is shared with another node")
    if kind(node) == "Gemm":
        return _gemm(graph, node, weight)
    return _conv(graph, node, weight) if kind(node) == "Conv" else _matmul(graph, node, weight)


def _gemm(graph: Graph, node: onnx.NodeProto, weight: Array) -> Layer:
    if attribute(node, "transA", 0) or any(attribute(node, name, 1.0) != 1.0 for name in ("alpha", "beta")):
        raise Refused("its Gemm scales or transposes what it reads")
    axis = 0 if attribute(node, "transB", 0) else 1
    bias = _bias(graph, node, weight.shape[axis])
    return Layer(node, node.input[1], bias, node.output[0], axis, 1 - axis)


def _conv(graph: Graph, node: onnx.NodeProto, weight: Array) -> Layer:
    if attribute(node, "group", 1) != 1:
        raise Refused("it is a grouped convolution")
    return Layer(node, node.input[1], _bias(graph, node, weight.shape[0]), node.output[0], 0, 1)


def _matmul(graph: Graph, node: onnx.NodeProto, weight: Array) -> Layer:
    if weight.ndim != 2:
        raise Refused("its weight is not a matrix")
    (product,) = node.output
    readers = graph.readers(product)
    if len(readers) == 1 and kind(readers[0]) == "Add" and product not in graph.outputs:
        (other,) = (name for name in readers[0].input if name != product)
        bias = graph.constant(other)
        if bias is not None and bias.shape[-1:] == (bias.size,) == weight.shape[1:]:
            return Layer(node, node.input[1], other, readers[0].output[0], 1, 0)
    return Layer(node, node.input[1], "", product, 1, 0)


def _bias(graph: Graph, node: onnx.NodeProto, units: int) -> str:
    if len(node.input) < 3 or not node.input[2]:
        return ""
    bias = graph.constant(node.input[2])
    if bias is None:
        raise Refused("its bias is not a constant")
    if bias.size != 1 and bias.shape[-1:] != (bias.size,):
        raise Refused("its bias is not one number per unit")
    return str(node.input[2])


def has_padding(node: onnx.NodeProto) -> bool:
    """Whether a Conv or pooling window can reach beyond the edge."""
    return attribute(node, "auto_pad", b"NOTSET") not in {b"NOTSET", b"VALID"} or any(attribute(node, "pads", []))
