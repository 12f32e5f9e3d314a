"""A graph as the sparse converter sees it: the tensors around a branch or loop, what is constant, shapes and names."""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import numpy_helper

from lth_edge.convert.graph import Graph, bodies, kind
from lth_edge.ticket import Array

Shape = tuple[int | str | None, ...]
"""Of each axis its size, the name of a size that is free, or `None` where nothing is known."""

_RANDOM = frozenset(
    "RandomNormal RandomUniform RandomNormalLike RandomUniformLike Bernoulli Multinomial Dropout".split()
)


class Scope(Graph):
    """A graph, or the body of a branch or loop, which sees the tensors around it.

    Attributes:
        opsets: of the model.
        shapes: of the tensors whose rank is known.
    """

    def __init__(
        self,
        graph: onnx.GraphProto,
        inferred: onnx.GraphProto,
        opsets: dict[str, int],
        outer: "Scope | None" = None,
    ) -> None:
        super().__init__(graph)
        self.opsets = opsets
        self._outer = outer
        self._sparse = {tensor.values.name: tensor for tensor in graph.sparse_initializer}
        self.shapes: dict[str, Shape] = {} if outer is None else dict(outer.shapes)
        self.shapes.update(_shapes(inferred))
        self._defined = {*self._inputs, *self._initializers, *self._sparse, *self._producers}
        self._constants = self._find_constants()

    @property
    def opset(self) -> int:
        """Of the standard operators."""
        return self.opsets.get("", 1)

    def producer(self, name: str) -> onnx.NodeProto | None:
        here = name in self._defined or self._outer is None
        return super().producer(name) if here else self._outer.producer(name)  # type: ignore[union-attr]

    def constant(self, name: str) -> Array | None:
        if name not in self._defined:
            return None if self._outer is None else self._outer.constant(name)
        if name in self._sparse and name not in self._inputs:
            return _dense(self._sparse[name])
        return super().constant(name)

    def is_constant(self, name: str) -> bool:
        """Whether a tensor follows from initializers alone, those excepted that a caller may override."""
        if name not in self._defined:
            return self._outer is not None and self._outer.is_constant(name)
        return name in self._constants

    def is_overridable(self, name: str) -> bool:
        """Whether it is an initializer that a caller may override."""
        if name not in self._defined:
            return self._outer is not None and self._outer.is_overridable(name)
        return name in self._inputs and name in {*self._initializers, *self._sparse}

    def read_elsewhere(self, name: str) -> bool:
        """Whether more than one node, or the caller, reads a tensor."""
        return name in self.outputs or len(self.readers(name)) != 1

    def rank(self, name: str) -> int | None:
        return len(self.shapes[name]) if name in self.shapes else None

    def same_shape(self, name: str, other: str) -> bool:
        """Whether two tensors surely have one shape; never where an axis is not known."""
        shape = self.shapes.get(name)
        return shape is not None and None not in shape and shape == self.shapes.get(other)

    def _find_constants(self) -> set[str]:
        known = {*self._initializers, *self._sparse} - self._inputs
        for node in self.nodes:
            pure = node.domain in {"", "ai.onnx"} and kind(node) not in _RANDOM and not any(True for _ in bodies(node))
            if pure and all(
                name in known or (name not in self._defined and self.is_constant(name)) for name in _given(node)
            ):
                known.update(filter(None, node.output))
        return known


class FreshNames:
    """Names that nothing in a model has yet."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._taken = set(names_in(model.graph))

    def fresh(self, wish: str) -> str:
        name, number = wish, 1
        while name in self._taken:
            number += 1
            name = f"{wish}.{number}"
        self._taken.add(name)
        return name


def inferred_graph(model: onnx.ModelProto) -> onnx.GraphProto:
    """The main graph with every shape that onnx can infer; as it is where onnx cannot infer any."""
    try:
        return onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except (onnx.shape_inference.InferenceError, ValueError):  # ValueError: over 2 GB
        return model.graph


def _given(node: onnx.NodeProto) -> Iterator[str]:
    return (name for name in node.input if name)


def _shapes(graph: onnx.GraphProto) -> dict[str, Shape]:
    found: dict[str, Shape] = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        if value.type.tensor_type.HasField("shape"):
            found[value.name] = tuple(_size(dim) for dim in value.type.tensor_type.shape.dim)
    return found


def _size(dim: onnx.TensorShapeProto.Dimension) -> int | str | None:
    return int(dim.dim_value) if dim.HasField("dim_value") else dim.dim_param or None


def _dense(tensor: onnx.SparseTensorProto) -> Array:
    """A sparse initializer, its positions either flat or one a row."""
    values, positions = numpy_helper.to_array(tensor.values), numpy_helper.to_array(tensor.indices)
    shape = tuple(tensor.dims)
    dense = np.zeros(shape, values.dtype)
    flat = positions if positions.ndim == 1 else np.ravel_multi_index(tuple(positions.T), shape)
    dense.reshape(-1)[flat] = values
    return dense


def names_in(graph: onnx.GraphProto) -> Iterator[str]:
    """All names in a graph, those inside its branches and loops too."""
    yield from (value.name for value in (*graph.input, *graph.initializer))
    yield from (tensor.values.name for tensor in graph.sparse_initializer)
    for node in graph.node:
        yield node.name
        yield from node.output
        for body in bodies(node):
            yield from names_in(body)
