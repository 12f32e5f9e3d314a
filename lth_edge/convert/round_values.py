"""A model's numbers rounded as `lth_edge.sparse.quantize` says, still float32: the forms store them in fewer bits."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import numpy_helper

from lth_edge.convert.graph import Graph, attribute, check_masks, kind
from lth_edge.sparse.quantize import Values, quantised_bias, quantised_weight
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
    for tensor in rounded.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            before = numpy_helper.to_array(tensor)
            if before.size >= _LEAST_NUMBERS:
                after = _rounded(before, masks.get(tensor.name), values, tensor.name in turned)
                tensor.CopyFrom(numpy_helper.from_array(after, tensor.name))
    return rounded


def _with_units_last(graph: Graph) -> set[str]:
    """Weights that hold a unit in each column: an int8 scale belongs to a unit, as in our operators."""
    layers = (node for node in graph.nodes if kind(node) == "MatMul" or kind(node) == "Gemm")
    return {node.input[1] for node in layers if not attribute(node, "transB", 0)}


def _rounded(numbers: Array, mask: Array | None, values: Values, turned: bool) -> Array:
    if mask is None and max(numbers.shape) == numbers.size:  # a vector, whatever axes of length 1 it has
        return quantised_bias(numbers, values)
    kept = np.ones(numbers.shape, np.bool_) if mask is None else mask
    return quantised_weight(numbers.T, kept.T, values).T if turned else quantised_weight(numbers, kept, values)
