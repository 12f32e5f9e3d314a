"""How much a model with sparse weights has to compute: its nonzeros, each as often as it is used."""

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference

_LAYERS = ("Conv", "Gemm", "MatMul")


def gflop(path: Path) -> float:
    """10^9 multiplications and additions of one run that involve a nonzero weight.

    Activation functions, pools and biases are not counted.

    Args:
        path: a masked dense model of fixed shapes. A layer that keeps all its weights counts in full.
    """
    model = shape_inference.infer_shapes(onnx.load(str(path)), data_prop=True)
    nonzeros = {tensor.name: np.count_nonzero(numpy_helper.to_array(tensor)) for tensor in model.graph.initializer}
    shapes = {value.name: _shape(value) for value in (*model.graph.value_info, *model.graph.output)}
    layers = (node for node in model.graph.node if node.op_type in _LAYERS and node.input[1] in nonzeros)
    return sum(2e-9 * nonzeros[layer.input[1]] * _positions(layer, shapes[layer.output[0]]) for layer in layers)


def sparsity(path: Path) -> float:
    """Share of zeros among all weights of convolutions and linear layers."""
    model = onnx.load(str(path))
    used = {node.input[1] for node in model.graph.node if node.op_type in _LAYERS}
    weights = [numpy_helper.to_array(tensor) for tensor in model.graph.initializer if tensor.name in used]
    return 1 - sum(np.count_nonzero(weight) for weight in weights) / sum(weight.size for weight in weights)


def _positions(layer: onnx.NodeProto, output: tuple[int, ...]) -> int:
    """How often each weight is used: at every position of a convolution's output, for every row of a linear layer's."""
    return int(np.prod((output[0], *output[2:]) if layer.op_type == "Conv" else output[:-1]))


def _shape(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    return tuple(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)
