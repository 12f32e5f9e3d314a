"""A layer's weight, mask and bias as its units go, and the way back into the model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from lth_edge.convert.flow import Flow
from lth_edge.convert.graph import Graph, kind, replace_all
from lth_edge.convert.layers import Layer
from lth_edge.ticket import Array

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]


@dataclass
class Parameters:
    """What a layer still holds.

    Attributes:
        layer: where it stands in the graph.
        weight: [units, inputs, ...], zero where pruned.
        mask: the weight's shape.
        bias: [units], or `None` where there is none yet.
        had: units at the start.
        folded: units removed with their constant folded into the next layer.
        unused: units removed since nothing reads them.
    """

    layer: Layer
    weight: Array
    mask: Array
    bias: Array | None
    had: int
    folded: int = 0
    unused: int = 0

    @classmethod
    def read(cls, graph: Graph, layer: Layer, masks: Mapping[str, Array]) -> "Parameters":
        weight = graph.constant(layer.weight)
        assert weight is not None, "a layer's weight is an initializer"
        mask = masks.get(layer.weight, np.ones(weight.shape, np.bool_))
        units = weight.shape[layer.units_axis]
        bias = graph.constant(layer.bias) if layer.bias else None
        bias = None if bias is None else np.broadcast_to(bias.reshape(-1), (units,))
        pruned = np.where(mask, weight, np.zeros((), weight.dtype))
        return cls(layer, _oriented(layer, pruned), _oriented(layer, mask), bias, units)

    @property
    def units(self) -> int:
        return len(self.weight)

    @property
    def bias_or_zero(self) -> Array:
        return np.zeros(self.units, self.weight.dtype) if self.bias is None else self.bias

    @property
    def cut_mask(self) -> Array:
        """The mask in the initializer's own orientation."""
        return _oriented(self.layer, self.mask)

    @property
    def without_inputs(self) -> Flags:
        """[units], those whose incoming weights are all pruned."""
        return np.logical_not(self.mask.reshape(self.units, -1).any(axis=1))

    def keep_units(self, keep: Flags | Places) -> None:
        """Keep those that flags mark, or those at places, in their order."""
        self.weight, self.mask = self.weight[keep], self.mask[keep]
        self.bias = None if self.bias is None else self.bias[keep]

    def keep_inputs(self, keep: Flags | Places) -> None:
        self.weight, self.mask = self.weight[:, keep], self.mask[:, keep]


def write_parameters(model: onnx.ModelProto, flows: Iterable[Flow], parameters: Mapping[str, Parameters]) -> None:
    """Put what is left into the model that the layers and flows were read from.

    Args:
        model: changed in place.
        flows: between the layers.
        parameters: of all layers, by the name of their weight.
    """
    graph = Graph(model)
    names = _Names(model)
    biased: dict[str, onnx.NodeProto] = {}
    for held in parameters.values():
        names.put(held.layer.weight, _oriented(held.layer, held.weight))
        if held.bias is not None:
            _write_bias(graph, names, held, biased)
    for flow in flows:
        _write_flattening(graph, names, flow, parameters[flow.producer.weight].units * flow.span)
    replace_all(model.graph.node, _with_biases(model, biased))
    _tidy(model, graph)


class _Names:
    """A model's initializers: put under their name, or under one that nothing else has."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._initializers = model.graph.initializer
        self._tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self._taken = {*self._tensors, *(value.name for value in model.graph.input)}
        self._taken.update(name for node in model.graph.node for name in node.output)

    def holds(self, name: str) -> bool:
        return name in self._tensors

    def put(self, name: str, array: Array) -> None:
        self._tensors[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), name))

    def add(self, wish: str, array: Array) -> str:
        name = self.fresh(wish)
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def fresh(self, wish: str) -> str:
        while wish in self._taken:
            wish += "_"
        self._taken.add(wish)
        return wish


def _write_bias(graph: Graph, names: _Names, held: Parameters, biased: dict[str, onnx.NodeProto]) -> None:
    layer = held.layer
    if len(graph.readers(layer.bias)) == 1 and names.holds(layer.bias):
        names.put(layer.bias, held.bias_or_zero)
        return
    name = names.add(f"{layer.weight}.compact_bias", held.bias_or_zero)
    if kind(layer.node) != "MatMul":
        del layer.node.input[2:]
        layer.node.input.append(name)
    elif layer.bias:
        add = graph.producer(layer.output)
        assert add is not None, "a MatMul's bias is added by a node"
        replace_all(add.input, [name if operand == layer.bias else operand for operand in add.input])
    else:
        product = names.fresh(f"{layer.output}.product")
        layer.node.output[0] = product
        biased[product] = helper.make_node("Add", [product, name], [layer.output])


def _with_biases(model: onnx.ModelProto, biased: Mapping[str, onnx.NodeProto]) -> list[onnx.NodeProto]:
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        if node.output[0] in biased:
            nodes.append(biased[node.output[0]])
    return nodes


def _write_flattening(graph: Graph, names: _Names, flow: Flow, inputs: int) -> None:
    for step in flow.steps:
        target = graph.constant(step.input[1]) if kind(step) == "Reshape" else None
        if target is not None and target[1] > 0:
            step.input[1] = names.add(f"{step.output[0]}.shape", np.array([target[0], inputs], np.int64))


def _tidy(model: onnx.ModelProto, before: Graph) -> None:
    """Drop initializers that lost their last reader, and shapes that no longer hold."""
    after = Graph(model)
    kept = [t for t in model.graph.initializer if after.readers(t.name) or not before.readers(t.name)]
    replace_all(model.graph.initializer, kept)
    del model.graph.value_info[:]
    model.CopyFrom(onnx.shape_inference.infer_shapes(model, data_prop=True))


def _oriented(layer: Layer, array: Array) -> Array:
    """From the initializer's own orientation to [units, inputs, ...], and back."""
    return array if layer.units_axis == 0 else array.T
