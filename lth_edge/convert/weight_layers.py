"""Gemm, MatMul and Conv as layers of a chain: weight rows first, scales multiplied in, windows in one form."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from onnx import helper

from lth_edge.convert.chain_layer import ChainLayer, Window
from lth_edge.convert.graph import attribute, kind
from lth_edge.convert.layers import Refused
from lth_edge.convert.operands import NotConstant, Operand, read_operand
from lth_edge.convert.scope import FreshNames, Scope
from lth_edge.ticket import Array

Masks = Mapping[str, Array]

_AUTO_PADS = {b"NOTSET": 0, b"VALID": 0, b"SAME_UPPER": 1, b"SAME_LOWER": 2}
_LARGEST_WINDOW = 1 << 15
_MOST_WEIGHTS = 2**31


def read_weight_layer(scope: Scope, node: onnx.NodeProto, masks: Masks, names: FreshNames) -> ChainLayer:
    """Read a Gemm, MatMul or Conv as a layer that stands alone, nothing fused.

    Raises:
        NotConstant: both its operands are activations.
        Refused: our operators cannot compute it.
    """
    layer = _READERS[kind(node)](scope, node, masks, names)
    weight = layer.matrix
    if weight.values.dtype != np.float32:
        raise Refused(f"its activations are {weight.values.dtype.name}")
    if not 0 < weight.values.size < _MOST_WEIGHTS:
        raise Refused("it has no weights" if weight.values.size == 0 else "it has 2^31 weights or more")
    return layer


def weight_operand(scope: Scope, node: onnx.NodeProto, masks: Masks) -> Operand:
    """The constant operand of a Gemm, MatMul or Conv.

    Raises:
        NotConstant: it has none.
        Refused: it cannot be read.
    """
    if kind(node) == "MatMul" and not _given(scope, node.input[1]) and _given(scope, node.input[0]):
        return read_operand(scope, node.input[0], masks)
    return read_operand(scope, node.input[1], masks)


def _given(scope: Scope, name: str) -> bool:
    return scope.is_constant(name) or scope.is_overridable(name)


def _gemm(scope: Scope, node: onnx.NodeProto, masks: Masks, names: FreshNames) -> ChainLayer:
    weight = weight_operand(scope, node, masks)
    if not attribute(node, "transB", 0):
        weight = weight.turned(np.transpose)
    weight = weight.scaled(attribute(node, "alpha", 1.0))
    layer = _linear(node, weight, node.input[0])
    if attribute(node, "transA", 0):
        turned = names.fresh(f"{node.input[0]}.transposed")
        transpose = helper.make_node("Transpose", [node.input[0]], [turned], perm=[1, 0])
        layer = replace(layer, source=turned, extra=(transpose,))
    return _with_addend(scope, node, layer, names)


def _with_addend(scope: Scope, node: onnx.NodeProto, layer: ChainLayer, names: FreshNames) -> ChainLayer:
    """A Gemm with its third operand: a bias, a residual, or an Add after it."""
    addend = node.input[2] if len(node.input) > 2 else ""
    beta = attribute(node, "beta", 1.0)
    if not addend:
        return layer
    if scope.is_constant(addend):
        return replace(layer, bias=read_bias(scope, addend, layer.rows) * np.float32(beta))
    if beta != 1:
        raise Refused("its bias is scaled and not a constant")
    if scope.same_shape(addend, layer.output):
        return replace(layer, residual=addend, fused=("residual",))
    product = names.fresh(f"{layer.output}.product")
    add = helper.make_node("Add", [product, addend], [layer.output])
    return replace(layer, output=product, extra=(*layer.extra, add))


def _matmul(scope: Scope, node: onnx.NodeProto, masks: Masks, names: FreshNames) -> ChainLayer:
    left, right = node.input
    if _given(scope, left) and _given(scope, right):
        raise NotConstant("both its operands are constants")
    weight = weight_operand(scope, node, masks)
    on_right = _given(scope, right)
    activations = left if on_right else right
    rank = scope.rank(activations)
    weight = _as_matrix(weight, rank)
    if on_right:
        return _linear(node, weight.turned(np.transpose), activations)
    if rank != 3:
        raise Refused("its weight is the left operand, and its activations are not known to have three axes")
    # [rows, channels] x [N, channels, W] is a convolution over W with a window of 1.
    return replace(_linear(node, weight, activations), spatial=1)


def _as_matrix(weight: Operand, rank: int | None) -> Operand:
    """Without leading axes of length 1, which change nothing where the activations have as many axes."""
    shape = weight.values.shape
    if len(shape) < 2:
        raise Refused("its weight is a vector")
    if len(shape) > 2 and (set(shape[:-2]) != {1} or rank is None or rank < len(shape)):
        raise Refused("its weight is a batch of matrices")
    return weight if len(shape) == 2 else weight.turned(lambda array: array.reshape(shape[-2:]))


def _linear(node: onnx.NodeProto, weight: Operand, source: str) -> ChainLayer:
    if weight.values.ndim != 2:
        raise Refused("its weight is not a matrix")
    return ChainLayer(
        weight.name, kind(node), 0, source, node.output[0], (node,), channels=weight.values.shape[1], weight=weight
    )


def _conv(scope: Scope, node: onnx.NodeProto, masks: Masks, names: FreshNames) -> ChainLayer:
    weight = weight_operand(scope, node, masks)
    spatial = weight.values.ndim - 2
    if spatial not in {1, 2}:
        raise Refused(f"it is a convolution over {spatial} axes; 1 and 2 are known")
    group = attribute(node, "group", 1)
    bias = node.input[2] if len(node.input) > 2 else ""
    return ChainLayer(
        weight.name,
        "Conv",
        spatial,
        node.input[0],
        node.output[0],
        (node,),
        channels=weight.values.shape[1] * group,
        group=group,
        window=read_window(node, weight.values.shape[2:]),
        weight=weight,
        bias=read_bias(scope, bias, len(weight.values)) if bias else None,
    )


def read_window(node: onnx.NodeProto, kernel: tuple[int, ...]) -> Window:
    """The window of a Conv or MaxPool.

    Raises:
        Refused: our operators do not know such a window.
    """
    spatial = len(kernel)
    auto_pad = attribute(node, "auto_pad", b"NOTSET")
    counted = attribute(node, "pads", [0] * 2 * spatial) if auto_pad == b"NOTSET" else [0] * 2 * spatial
    strides, dilations = (attribute(node, name, [1] * spatial) for name in ("strides", "dilations"))
    if auto_pad not in _AUTO_PADS or min(counted) < 0:
        raise Refused("its padding is negative or of an unknown kind")
    if max(*kernel, *strides, *dilations, *counted) > _LARGEST_WINDOW:
        raise Refused(f"its window, stride, dilation or padding is over {_LARGEST_WINDOW}")
    return Window(
        _pair(kernel),
        _pair(strides),
        _pair(dilations),
        (counted[0], counted[1], counted[2], counted[3]) if spatial == 2 else (0, counted[0], 0, counted[1]),
        _AUTO_PADS[auto_pad],
    )


def _pair(sizes: Any) -> tuple[int, int]:
    return (int(sizes[0]), int(sizes[1])) if len(sizes) == 2 else (1, int(sizes[0]))


def read_bias(scope: Scope, name: str, rows: int) -> Array:
    """[rows], a constant of one number, or of one a row along its last axis.

    Raises:
        Refused: it is none.
    """
    try:
        bias = read_operand(scope, name, {}).values
    except Refused as refused:
        raise Refused("its bias is not a constant") from refused
    if bias.size != 1 and bias.shape[-1:] != (bias.size,):
        raise Refused("its bias is not one number per unit")
    if bias.size not in {1, rows}:
        raise Refused("its bias does not fit its weight")
    return np.array(np.broadcast_to(bias.reshape(-1), (rows,)), np.float32)


_READERS = {"Gemm": _gemm, "MatMul": _matmul, "Conv": _conv}
