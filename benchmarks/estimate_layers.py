"""Single layers as ONNX models: what the shares of `lth_edge.devices.roofline` are calibrated with."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SPARSITY = 0.9
_OPSET, _IR_VERSION = 17, 8


@dataclass(frozen=True)
class Layer:
    """A model of one layer.

    Attributes:
        name: for people.
        dense: the model, all its weights there.
        masked: the same with zeros, `None` for a layer without weights.
        shape: of its input.
    """

    name: str
    dense: onnx.ModelProto
    masked: onnx.ModelProto | None
    shape: tuple[int, ...]


def layers() -> Iterator[Layer]:
    """Layers as the reference networks have them."""
    for channels, rows, kernel, stride, size in (
        (64, 64, 3, 1, 32), (128, 128, 3, 1, 16), (256, 256, 3, 1, 8), (512, 512, 3, 1, 4), (128, 256, 3, 2, 28),
        (16, 16, 3, 1, 32), (64, 64, 3, 1, 56), (32, 64, 1, 1, 112), (128, 128, 1, 1, 56), (512, 512, 1, 1, 14),
        (96, 24, 1, 1, 56), (160, 960, 1, 1, 7),
    ):  # fmt: skip
        yield _conv(channels, rows, kernel, stride, size, 1)
    for channels, stride, size in ((32, 1, 112), (96, 2, 112), (144, 1, 56), (256, 1, 28), (512, 1, 14), (960, 1, 7)):
        yield _conv(channels, channels, 3, stride, size, channels)
    for tokens, columns, rows in ((197, 192, 768), (197, 768, 192), (64, 512, 512)):
        yield _linear(tokens, columns, rows)
    for columns, rows in ((784, 300), (4096, 256), (2048, 4096), (4096, 4096), (4096, 1024), (1280, 1000)):
        yield _linear(1, columns, rows)
    for channels, size in ((64, 32), (64, 112), (256, 8)):
        yield _plain("MaxPool", channels, size, kernel_shape=[2, 2], strides=[2, 2])
    yield _plain("GlobalAveragePool", 1280, 7)
    for channels, size in ((64, 56), (256, 14), (24, 56)):
        yield _plain("HardSwish", channels, size)


def _conv(channels: int, rows: int, kernel: int, stride: int, size: int, group: int) -> Layer:
    name = f"{'depthwise' if group > 1 else 'conv'} {kernel}x{kernel}/{stride} {channels}-{rows} at {size}"
    settings = {"pads": [kernel // 2] * 4, "strides": [stride] * 2, "group": group}
    node = helper.make_node("Conv", ["x", "weight", "bias"], ["y"], **settings)
    return _weighted(name, node, (rows, channels // group, kernel, kernel), (1, channels, size, size))


def _linear(tokens: int, columns: int, rows: int) -> Layer:
    node = helper.make_node("MatMul", ["x", "weight"], ["y"])
    return _weighted(f"linear {columns}-{rows} x {tokens}", node, (columns, rows), (1, tokens, columns))


def _weighted(name: str, node: onnx.NodeProto, weight: tuple[int, ...], shape: tuple[int, ...]) -> Layer:
    rng = np.random.default_rng(0)
    values = rng.standard_normal(weight, np.float32)
    bias = rng.standard_normal(weight[0], np.float32)
    constants = {"weight": values, "bias": bias}
    kept = rng.random(weight) >= SPARSITY
    used = {key: constants[key] for key in node.input[1:]}
    if "depthwise" in name:  # such layers keep their weights
        kept[...] = True
    masked = _model(node, shape, used | {"weight": np.where(kept, values, np.float32(0))})
    return Layer(name, _model(node, shape, used), masked, shape)


def _plain(op: str, channels: int, size: int, **settings: Any) -> Layer:
    node = helper.make_node(op, ["x"], ["y"], **settings)
    shape = (1, channels, size, size)
    return Layer(f"{op} {channels} at {size}", _model(node, shape, {}), None, shape)


def _model(node: onnx.NodeProto, shape: tuple[int, ...], constants: dict[str, Any]) -> onnx.ModelProto:
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * len(shape))
    graph = helper.make_graph([node], "layer", [given], [made], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
