"""A tiny network, its sparse form and what it computes: whether kernels work on a machine is tried with it."""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from lth_edge.convert.sparse import to_sparse
from lth_edge.ticket import Array

_SPARSITY = 0.8
_OPSET, _IR_VERSION = 17, 8  # onnxruntime 1.14 and later read them
_SHAPES = {"conv1": (16, 3, 3, 3), "conv2": (32, 16, 3, 3), "fc": (10, 32 * 16)}


@dataclass(frozen=True)
class TrialModel:
    """Two convolutions, a pool and a fully connected layer.

    Attributes:
        dense: of standard operators, zeros among its weights.
        sparse: the same in our operators.
        inputs: input name -> array.
        outputs: output name -> what onnx's reference implementation computes of them, in numpy.
    """

    dense: onnx.ModelProto
    sparse: onnx.ModelProto
    inputs: dict[str, Array]
    outputs: dict[str, Array]


def trial_model() -> TrialModel:
    """The same model and numbers every time."""
    rng = np.random.default_rng(0)
    dense = _dense(rng)
    inputs = {"input": rng.standard_normal((1, 3, 8, 8), np.float32)}
    (output,) = ReferenceEvaluator(dense).run(None, inputs)
    return TrialModel(dense, to_sparse(dense).model, inputs, {"output": np.asarray(output)})


def _dense(rng: np.random.Generator) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Conv", ["input", "conv1"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["c", "conv2"], ["d"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["d"], ["e"]),
        helper.make_node("Flatten", ["e"], ["f"]),
        helper.make_node("Gemm", ["f", "fc"], ["output"], transB=1),
    ]
    weights = [numpy_helper.from_array(_weight(rng, shape), name) for name, shape in _SHAPES.items()]
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 8, 8])
    made = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 10])
    graph = helper.make_graph(nodes, "trial", [given], [made], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)


def _weight(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return (rng.standard_normal(shape) * (rng.random(shape) >= _SPARSITY)).astype(np.float32)
