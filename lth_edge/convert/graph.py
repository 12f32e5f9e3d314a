"""A model's graph as every pass asks for it: constants, who makes a tensor, who reads it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from lth_edge.errors import InputError
from lth_edge.ticket import Array

WEIGHT_LAYERS = ("Gemm", "MatMul", "Conv")


class Graph:
    """A read-only view of a graph, of a model its main one; stale once that changes.

    Attributes:
        nodes: the nodes, in ONNX's topological order.
        outputs: names of the network's outputs.
    """

    def __init__(self, model: onnx.ModelProto | onnx.GraphProto) -> None:
        graph = model.graph if isinstance(model, onnx.ModelProto) else model
        self.nodes = list(graph.node)
        self.outputs = {value.name for value in graph.output}
        self._inputs = {value.name for value in graph.input}
        self._initializers = {tensor.name: tensor for tensor in graph.initializer}
        self._producers = {name: node for node in self.nodes for name in node.output if name}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in self.nodes:
            for name in reads(node):
                self._readers.setdefault(name, []).append(node)

    def producer(self, name: str) -> onnx.NodeProto | None:
        return self._producers.get(name)

    def readers(self, name: str) -> list[onnx.NodeProto]:
        """The nodes that read a tensor, once per read, those inside branches and loops counted."""
        return self._readers.get(name, [])

    def constant(self, name: str) -> Array | None:
        """An initializer that no caller can override, or the value of a Constant node; else `None`."""
        tensor = None if name in self._inputs else self._initializers.get(name)
        node = self._producers.get(name)
        if tensor is None and node is not None and node.op_type == "Constant":
            return _constant_value(node)
        return None if tensor is None else numpy_helper.to_array(tensor)


def kind(node: onnx.NodeProto) -> str:
    """A standard operator's name; of any other domain, the domain in front of it."""
    return str(node.op_type if node.domain in {"", "ai.onnx"} else f"{node.domain}.{node.op_type}")


def reads(node: onnx.NodeProto) -> Iterator[str]:
    """Every tensor a node reads, through the branches and loops inside it too."""
    yield from (name for name in node.input if name)
    for body in bodies(node):
        yield from (value.name for value in body.output)
        for inner in body.node:
            yield from reads(inner)


def bodies(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The branches and loops inside a node."""
    for item in node.attribute:
        yield from item.graphs
        if item.HasField("g"):
            yield item.g


def attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    """A node's attribute, or what ONNX takes in its absence."""
    return next((onnx.helper.get_attribute_value(item) for item in node.attribute if item.name == name), default)


def replace_all(field: Any, messages: Iterable[Any]) -> None:
    """Make a repeated protobuf field hold exactly these messages."""
    kept = list(messages)
    del field[:]
    field.extend(kept)


def check_masks(graph: Graph, masks: Mapping[str, Array]) -> None:
    """Refuse masks that do not belong to the model.

    Raises:
        InputError: a mask names no initializer, has another shape, or prunes a weight that is not zero.
    """
    for name, mask in masks.items():
        weight = graph.constant(name)
        if weight is None:
            raise InputError(f"the mask of {name!r} has no initializer of that name", "give the model's own masks")
        if mask.dtype != np.bool_ or mask.shape != weight.shape:
            raise InputError(
                f"the mask of {name!r} is {mask.dtype} {mask.shape}, its weight has shape {weight.shape}",
                "give one boolean per weight, in the initializer's own orientation",
            )
        if np.any(weight[~mask] != 0):
            raise InputError(f"{name!r} is not zero where its mask prunes", "apply the mask before exporting")


def _constant_value(node: onnx.NodeProto) -> Array | None:
    value = node.attribute[0]
    if value.name == "value":
        return numpy_helper.to_array(value.t)
    types = {
        "value_float": np.float32,
        "value_floats": np.float32,
        "value_int": np.int64,
        "value_ints": np.int64,
    }
    if value.name not in types:
        return None
    return np.asarray(onnx.helper.get_attribute_value(value), types[value.name])
