"""The layers inside a node of our domain, read back; kernels/OPERATORS.md is the format."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod

import numpy as np
import onnx

from lth_edge.convert.chain_layer import CONVOLUTION
from lth_edge.convert.graph import Graph, attribute, kind
from lth_edge.errors import DamagedError
from lth_edge.ticket import Array

OPERATORS = ("lth_edge.SparseLinear", "lth_edge.SparseConv")


@dataclass(frozen=True)
class SparseLayer:
    """One weight inside a chain.

    Attributes:
        name: of the weight that it was.
        shape: rows first.
        stored: weights that are stored, zeros among them that a mask kept.
        place: of the layer in the chain, pools counted.
        bytes: of its constants, bias included.
    """

    name: str
    shape: tuple[int, ...]
    stored: int
    place: int
    bytes: int

    @property
    def weights(self) -> int:
        """Of the dense form."""
        return prod(self.shape)


def sparse_layers(graph: Graph, node: onnx.NodeProto) -> Iterator[SparseLayer]:
    """The layers with weights of a node; of one that is not ours, none.

    Raises:
        DamagedError: it is ours and breaks the format.
    """
    with damage_told(node):
        yield from _layers(graph, node) if kind(node) in OPERATORS else ()


@contextmanager
def damage_told(node: onnx.NodeProto) -> Iterator[None]:
    """Turn what goes wrong when a node that breaks the format is read into a `DamagedError` that names it."""
    try:
        yield
    except (IndexError, ValueError, ZeroDivisionError) as error:
        raise DamagedError(
            f"the {node.op_type} {node.name!r} is damaged", "copy the file again or make it anew"
        ) from error


def _layers(graph: Graph, node: onnx.NodeProto) -> Iterator[SparseLayer]:
    biases = attribute(node, "bias", [])
    kinds = attribute(node, "kind", [CONVOLUTION] * len(biases))
    at = attribute(node, "activations", 1)
    for place, (layer_kind, bias) in enumerate(zip(kinds, biases, strict=True)):
        if layer_kind != CONVOLUTION:
            continue
        name = node.input[at]
        indptr, data = _array(graph, name), _array(graph, node.input[at + 2])
        first, at = at, at + 3 + int(data.dtype == np.int8) + bias
        shape = (indptr.size - 1, *row_shape(node, place))
        size = sum(_array(graph, constant).nbytes for constant in node.input[first:at])
        yield SparseLayer(name.rpartition(".indptr")[0] or name, shape, data.size, place, size)


def row_shape(node: onnx.NodeProto, place: int) -> tuple[int, ...]:
    """The axes of a layer's weight behind its rows."""
    if kind(node) == OPERATORS[0]:
        return (attribute(node, "columns", [])[place],)
    spatial = attribute(node, "spatial", 2)
    window = attribute(node, "kernel_shape", [])[2 * place : 2 * place + 2][-spatial:]
    return (attribute(node, "channels", [])[place] // attribute(node, "group", [])[place], *window)


def _array(graph: Graph, name: str) -> Array:
    constant = graph.constant(name)
    return np.zeros(1, np.float32) if constant is None else constant
