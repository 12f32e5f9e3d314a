"""The constant that a unit without incoming weights hands to the layer that reads it."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator

from lth_edge.convert.flow import POINTWISE, Flow
from lth_edge.convert.graph import Graph, attribute, kind
from lth_edge.convert.layers import has_padding
from lth_edge.ticket import Array

Flags = npt.NDArray[np.bool_]


def emitted(graph: Graph, flow: Flow, bias: Array, model: onnx.ModelProto) -> tuple[Array, Flags]:
    """Follow units that emit nothing but their bias.

    Args:
        graph: the model's graph.
        flow: from the units' layer to the one that reads them.
        bias: [units].
        model: for its opset.

    Returns:
        [units], what the consumer reads; and [units], where that is one finite number everywhere: zero
        padding on the way, or at the consumer, leaves only zeros as they are.
    """
    values, exact = {flow.producer.output: bias}, np.isfinite(bias)
    with np.errstate(all="ignore"):
        for step in flow.steps:
            if kind(step) in POINTWISE:
                values[step.output[0]] = _evaluate(graph, step, values, model)
            else:
                values[step.output[0]] = values[step.input[0]]
                if _averages_padding(step):
                    exact = exact & (values[step.input[0]] == 0)
    constants = values[flow.entry]
    exact = exact & np.isfinite(constants)
    return constants, exact & (constants == 0) if flow.consumer.pads else exact


def _evaluate(graph: Graph, step: onnx.NodeProto, values: Mapping[str, Array], model: onnx.ModelProto) -> Array:
    operands = {name: values.get(name, graph.constant(name)) for name in step.input if name}
    feeds = {name: array for name, array in operands.items() if array is not None}
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in feeds.items()
    ]
    outputs = [helper.make_empty_tensor_value_info(step.output[0])]
    single = helper.make_model(helper.make_graph([step], "step", inputs, outputs), opset_imports=model.opset_import)
    (result,) = ReferenceEvaluator(single).run(None, feeds)
    return np.asarray(result).reshape(-1)


def _averages_padding(step: onnx.NodeProto) -> bool:
    """Whether zeros beyond the edge count in an average; `ceil_mode` reaches there without padding."""
    counted = kind(step) == "AveragePool" and attribute(step, "count_include_pad", 0)
    return bool(counted and (has_padding(step) or attribute(step, "ceil_mode", 0)))
