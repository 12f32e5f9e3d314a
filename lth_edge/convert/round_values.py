"""A model's numbers rounded as `lth_edge.sparse.quantize` says, still float32: the forms store them in fewer bits."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import numpy_helper

from lth_edge.convert.graph import Graph, attribute, check_masks, kind
from lth_edge.sparse.quantize import Values, quantised_bias, quantised_weight, values_by_layer
from lth_edge.ticket import Array

_LEAST_NUMBERS = 16  # fewer are scales and sizes, and gain nothing


def round_values(model: onnx.ModelProto, masks: Mapping[str, Array], values: Values) -> onnx.ModelProto:
    """A copy whose float32 initializers are rounded; what a mask prunes stays zero.

    Args:
        model: zero where the masks prune; left as it is.
        masks: initializer name -> boolean array of its shape; a weight without one keeps all.
        values: how finely.

    Raises:
        InputError: a mask does not fit the model.
    """
    graph = Graph(model)
    check_masks(graph, masks)
    turned = _with_units_last(graph)
    rounded = onnx.ModelProto()
    rounded.CopyFrom(model)
    floats = (tensor for tensor in rounded.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT)
    tensors = {tensor.name: tensor for tensor in floats}
    arrays = {name: numpy_helper.to_array(tensor) for name, tensor in tensors.items()}
    arrays = {name: numbers for name, numbers in arrays.items() if numbers.size >= _LEAST_NUMBERS}
    kept = {name: masks.get(name, np.ones(numbers.shape, np.bool_)) for name, numbers in arrays.items()}
    weights = {name: int(mask.sum()) for name, mask in kept.items() if name in masks or not _is_vector(mask)}
    stored = values_by_layer(values, weights)
    for name, before in arrays.items():
        if name in stored:
            after = _rounded(before, kept[name], stored[name], name in turned)
        else:
            after = quantised_bias(before, values)
        tensors[name].CopyFrom(numpy_helper.from_array(after, name))
    return rounded


def _with_units_last(graph: Graph) -> set[str]:
    """Weights that hold a unit in each column: an int8 scale belongs to a unit, as in our operators."""
    layers = (node for node in graph.nodes if kind(node) == "MatMul" or kind(node) == "Gemm")
    return {node.input[1] for node in layers if not attribute(node, "transB", 0)}


def _rounded(weight: Array, kept: Array, values: Values, turned: bool) -> Array:
    return quantised_weight(weight.T, kept.T, values).T if turned else quantised_weight(weight, kept, values)


def _is_vector(array: Array) -> bool:
    """Whether it is one, whatever axes of length 1 it has."""
    return max(array.shape) == array.size
