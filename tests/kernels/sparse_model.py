"""A small model of both operators, written straight from OPERATORS.md, to be run on one machine and another."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SHAPE = (2, 3, 17, 19)
CLASSES = 10

IMAGES = {
    "activations": 1,
    "outputs": [3],
    "spatial": 2,
    "kind": [0, 0, 2],
    "source": [0, 1, 2],
    "residual": [-1, 1, -1],
    "bias": [1, 1, 0],
    "activation": [1, 2, 0],
    "bounds": [0.0, np.inf] * 3,
    "channels": [3, 16, 16],
    "group": [1, 1, 1],
    "kernel_shape": [3, 3, 3, 3, 1, 1],
    "strides": [2, 2, 1, 1, 1, 1],
    "dilations": [1] * 6,
    "pads": [1] * 8 + [0] * 4,
    "auto_pad": [0, 0, 0],
    "input_size": [SHAPE[2], SHAPE[3]],
}
FEATURES = {
    "activations": 1,
    "outputs": [1],
    "source": [0],
    "residual": [-1],
    "bias": [1],
    "activation": [3],
    "bounds": [0.0, 0.0],
    "columns": [16],
    "tokens": SHAPE[0],
}


def inputs(path: Path) -> None:
    """Saves the model's input."""
    np.savez(path, image=np.random.default_rng(1).standard_normal(SHAPE, dtype=np.float32))


def write_model(path: Path) -> None:
    """Two convolutions with a residual and a global average in one SparseConv, then a SparseLinear with int8 values."""
    rng = np.random.default_rng(0)
    constants: list[onnx.TensorProto] = []
    first = _weights("first", rng, 16, 3 * 9, constants)
    second = _weights("second", rng, 16, 16 * 9, constants)
    linear = _weights("linear", rng, CLASSES, 16, constants, int8=True)
    images = _node("SparseConv", ["image", *first, *second], "average", IMAGES)
    classes = _node("SparseLinear", ["features", *linear], "classes", FEATURES)
    graph = helper.make_graph(
        [images, helper.make_node("Flatten", ["average"], ["features"]), classes],
        "both_operators",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("classes", TensorProto.FLOAT, [SHAPE[0], CLASSES])],
        constants,
    )
    domains = [helper.make_opsetid("", 17), helper.make_opsetid("lth_edge", 1)]
    onnx.save(helper.make_model(graph, opset_imports=domains, ir_version=8), str(path))


def _node(operator: str, read: list[str], written: str, attributes: dict[str, Any]) -> onnx.NodeProto:
    node = helper.make_node(operator, read, [written], domain="lth_edge")
    node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
    return node


def _weights(
    name: str,
    rng: np.random.Generator,
    rows: int,
    columns: int,
    constants: list[onnx.TensorProto],
    int8: bool = False,
) -> list[str]:
    """A random matrix of which three quarters are zero, as the constants of a layer; their names."""
    kept = rng.random((rows, columns)) < 0.25
    values = rng.standard_normal(int(kept.sum()))
    arrays: dict[str, NDArray[np.generic]] = {
        "indptr": np.concatenate([[0], kept.sum(axis=1).cumsum()]).astype(np.int32),
        "indices": np.nonzero(kept)[1].astype(np.uint16),
        "data": (values * 40).clip(-128, 127).astype(np.int8) if int8 else values.astype(np.float32),
    }
    if int8:
        arrays["scale"] = rng.uniform(0.01, 0.02, rows).astype(np.float32)
    arrays["bias"] = rng.standard_normal(rows).astype(np.float32)
    constants += [numpy_helper.from_array(array, f"{name}.{part}") for part, array in arrays.items()]
    return [f"{name}.{part}" for part in arrays]
