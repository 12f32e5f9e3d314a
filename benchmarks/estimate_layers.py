"""Blocks of layers as ONNX models: what the shares of `lth_edge.devices.roofline` are calibrated with.

A block gives what has the shape of what it reads, so that it can follow itself. What three copies take beyond one is
what two cost inside a network: without what is paid once, such as bringing an image into a runtime's own layout.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SPARSITY = 0.9
_OPSET, _IR_VERSION = 17, 8
_POINTWISE = ((32, 64, 56), (128, 128, 56), (512, 512, 14), (24, 96, 56), (160, 960, 7), (64, 384, 14))

Step = tuple[str, tuple[int, ...], dict[str, Any]]
"""Operator, shape of its weight (empty: it has none), attributes."""


@dataclass(frozen=True)
class Block:
    """Layers that can follow themselves.

    Attributes:
        name: for people.
        steps: one after the other.
        shape: of what they read and give.
    """

    name: str
    steps: Sequence[Step]
    shape: tuple[int, ...]

    @property
    def has_weights(self) -> bool:
        return any(weight for _, weight, _ in self.steps)

    def model(self, copies: int, sparsity: float = 0.0) -> onnx.ModelProto:
        """So many copies in a row, each with weights of its own; depthwise convolutions keep all of theirs."""
        rng = np.random.default_rng(0)
        nodes, tensors, read = [], [], "x"
        steps = [step for _ in range(copies) for step in self.steps]
        for place, (op, shape, settings) in enumerate(steps):
            made = "y" if place == len(steps) - 1 else f"t{place}"
            inputs = [read]
            if shape:
                kept = rng.random(shape) >= (0 if settings.get("group", 1) > 1 else sparsity)
                weight = np.where(kept, rng.standard_normal(shape, np.float32), np.float32(0))
                tensors.append(numpy_helper.from_array(weight, f"w{place}"))
                inputs.append(f"w{place}")
            elif op == "Add":
                inputs.append(read)
            nodes.append(helper.make_node(op, inputs, [made], **settings))
            read = made
        given = helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)
        output = helper.make_tensor_value_info("y", TensorProto.FLOAT, self.shape)
        graph = helper.make_graph(nodes, "block", [given], [output], tensors)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)


def blocks() -> Iterator[Block]:
    """Layers as the reference networks have them."""
    for channels, size in ((64, 32), (128, 16), (256, 8), (512, 4), (16, 32), (64, 56), (128, 28)):
        yield Block(f"conv 3x3 {channels} at {size}", [_conv(channels, channels, 3)], (1, channels, size, size))
    for narrow, wide, size in _POINTWISE:
        steps = [_conv(narrow, wide, 1), _conv(wide, narrow, 1)]
        yield Block(f"conv 1x1 {narrow}-{wide} at {size}", steps, (1, narrow, size, size))
    for channels, size in ((32, 112), (144, 56), (256, 28), (512, 14), (960, 7)):
        step = _conv(channels, channels, 3, channels)
        yield Block(f"depthwise 3x3 {channels} at {size}", [step], (1, channels, size, size))
    for tokens, narrow, wide in ((197, 192, 768), (64, 512, 512), (49, 96, 384)):
        yield Block(
            f"linear {narrow}-{wide} x {tokens}", [_linear(narrow, wide), _linear(wide, narrow)], (1, tokens, narrow)
        )
    for narrow, wide in ((100, 300), (256, 256), (64, 784), (300, 784), (256, 4096), (1000, 1280), (1024, 2048)):
        yield Block(f"linear {narrow}-{wide} x 1", [_gemm(narrow, wide), _gemm(wide, narrow)], (1, narrow))
    for channels, size in ((64, 32), (64, 112), (256, 8)):
        step: Step = ("MaxPool", (), {"kernel_shape": [3, 3], "pads": [1] * 4})
        yield Block(f"MaxPool 3x3 {channels} at {size}", [step], (1, channels, size, size))
    for op in ("Add", "HardSwish"):
        for channels, size in ((64, 56), (256, 14)):
            yield Block(f"{op} {channels} at {size}", [(op, (), {})], (1, channels, size, size))


def _conv(channels: int, rows: int, kernel: int, group: int = 1) -> Step:
    return "Conv", (rows, channels // group, kernel, kernel), {"pads": [kernel // 2] * 4, "group": group}


def _linear(columns: int, rows: int) -> Step:
    return "MatMul", (columns, rows), {}


def _gemm(columns: int, rows: int) -> Step:
    """As PyTorch exports a layer on a single vector."""
    return "Gemm", (rows, columns), {"transB": 1}
