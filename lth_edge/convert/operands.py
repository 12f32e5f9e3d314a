"""A weight's constant wherever it comes from: what it holds, which of it is kept, how few bits say it.

A weight may stand behind Transpose, Reshape, Cast, DequantizeLinear, the gaps of `lth_edge.convert.gap_decoder`, or any
standard operators on constants, such as the product of a weight and a mask.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator

from lth_edge.convert.gap_decoder import read_gaps
from lth_edge.convert.graph import attribute, kind
from lth_edge.convert.layers import Refused
from lth_edge.convert.scope import Scope
from lth_edge.ticket import Array

_SAME_ORDER = frozenset({"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"})


class NotConstant(Refused):
    """A tensor that depends on what the network is given: an activation, no weight."""


@dataclass(frozen=True, eq=False)
class Operand:
    """A constant tensor.

    Attributes:
        name: of the initializer or Constant that holds it, or of itself where operators compute it.
        values: what the operator reads.
        kept: which of them a sparse form stores: what the mask keeps, or all that are not zero (-0.0 is).
        half: the file holds them in 16 bits.
        quants: where they are quantised, integers of the same shape: values = quants x steps.
        steps: of the same shape.
    """

    name: str
    values: Array
    kept: Array
    half: bool = False
    quants: Array | None = None
    steps: Array | None = None

    def turned(self, change: Callable[[Array], Array]) -> "Operand":
        """The same numbers in another shape or order."""
        quants, steps = (None if part is None else change(part) for part in (self.quants, self.steps))
        return replace(self, values=change(self.values), kept=change(self.kept), quants=quants, steps=steps)

    def scaled(self, factor: Array | float) -> "Operand":
        """Times a factor, one number or one a row; float16 has no room for the product."""
        if np.all(np.asarray(factor) == 1):
            return self
        column = np.reshape(np.asarray(factor, np.float64), (-1, *[1] * (self.values.ndim - 1)))
        steps = None if self.steps is None else self.steps * column
        with np.errstate(over="ignore", invalid="ignore"):
            return replace(self, values=(self.values * column).astype(self.values.dtype), half=False, steps=steps)


def read_operand(scope: Scope, name: str, masks: Mapping[str, Array]) -> Operand:
    """Read a constant.

    Args:
        scope: where it is read.
        masks: initializer name -> boolean array of its shape, true where kept.

    Raises:
        NotConstant: it is an activation.
        Refused: it is an initializer that a caller may override.
    """
    if scope.is_overridable(name):
        raise Refused("its weight is a graph input that a caller may override")
    if not scope.is_constant(name):
        raise NotConstant("its weight is not a constant")
    constant = scope.constant(name)
    if constant is not None:
        return _stored(name, constant, masks.get(name))
    node = scope.producer(name)
    assert node is not None, "what is constant is an initializer or made by a node"
    try:
        return _READERS.get(kind(node), _computed)(scope, node, name, masks)
    except (IndexError, ValueError) as error:
        raise Refused(f"its weight comes from a {kind(node)} that contradicts itself") from error


def constant_values(scope: Scope, name: str) -> Array | None:
    """What a tensor holds where it is constant, whatever computes it; else `None`."""
    try:
        return read_operand(scope, name, {}).values
    except Refused:
        return None


def _stored(name: str, constant: Array, mask: Array | None) -> Operand:
    kept = np.asarray(constant != 0) if mask is None else mask
    return Operand(name, constant, kept.astype(np.bool_))


def _transposed(scope: Scope, node: onnx.NodeProto, name: str, masks: Mapping[str, Array]) -> Operand:
    order = attribute(node, "perm", None)
    return read_operand(scope, node.input[0], masks).turned(lambda array: np.transpose(array, order))


def _reshaped(scope: Scope, node: onnx.NodeProto, name: str, masks: Mapping[str, Array]) -> Operand:
    gaps = read_gaps(scope, node) if kind(node) == "Reshape" else None
    if gaps is not None:
        return _stored(name, gaps[0].decode(gaps[1]), masks.get(name))
    given = read_operand(scope, node.input[0], masks)
    shape = _evaluate(scope, node, name, {node.input[0]: given.values}, masks).shape
    return given.turned(lambda array: np.reshape(array, shape))


def _cast(scope: Scope, node: onnx.NodeProto, name: str, masks: Mapping[str, Array]) -> Operand:
    given = read_operand(scope, node.input[0], masks)
    values = _evaluate(scope, node, name, {node.input[0]: given.values}, masks)
    half = given.values.dtype == np.float16 and values.dtype == np.float32
    return Operand(given.name, values, given.kept, half=half)


def _dequantised(scope: Scope, node: onnx.NodeProto, name: str, masks: Mapping[str, Array]) -> Operand:
    given = read_operand(scope, node.input[0], masks)
    scale = read_operand(scope, node.input[1], masks).values
    zero = read_operand(scope, node.input[2], masks).values if len(node.input) > 2 and node.input[2] else np.zeros(())
    wide = np.float32 if "float" in given.values.dtype.name else np.int32
    axis, block = attribute(node, "axis", 1), attribute(node, "block_size", 0)
    quants = given.values.astype(wide) - _along(zero.astype(wide), given.values.shape, axis, block)
    steps = _along(scale, quants.shape, axis, block)
    kept = given.kept if given.name in masks else np.asarray(quants != 0)
    return Operand(given.name, (quants * steps).astype(scale.dtype), kept, quants=quants, steps=steps)


def _quantised(scope: Scope, node: onnx.NodeProto, name: str, masks: Mapping[str, Array]) -> Operand:
    given = read_operand(scope, node.input[0], masks)
    scale = read_operand(scope, node.input[1], masks).values
    zero = read_operand(scope, node.input[2], masks).values if len(node.input) > 2 else np.zeros((), np.uint8)
    if zero.dtype not in {np.dtype(np.int8), np.dtype(np.uint8)} or attribute(node, "block_size", 0):
        return _computed(scope, node, name, masks)
    steps, zeros = (_along(part, given.values.shape, attribute(node, "axis", 1), 0) for part in (scale, zero))
    whole = np.rint(given.values / steps) + zeros
    bounds = np.iinfo(zero.dtype)
    return _stored(name, np.clip(whole, bounds.min, bounds.max).astype(zero.dtype), masks.get(name))


def _computed(scope: Scope, node: onnx.NodeProto, name: str, masks: Mapping[str, Array]) -> Operand:
    values = _evaluate(scope, node, name, {}, masks)
    return _stored(name, values, masks.get(name))


_READERS: dict[str, Callable[[Scope, onnx.NodeProto, str, Mapping[str, Array]], Operand]] = {
    "Transpose": _transposed,
    "Cast": _cast,
    "DequantizeLinear": _dequantised,
    "QuantizeLinear": _quantised,
    **dict.fromkeys(_SAME_ORDER, _reshaped),
}


def _evaluate(
    scope: Scope, node: onnx.NodeProto, name: str, known: Mapping[str, Array], masks: Mapping[str, Array]
) -> Array:
    """What a node on constants computes."""
    feeds = {
        given: known[given] if given in known else read_operand(scope, given, masks).values
        for given in node.input
        if given
    }
    return evaluate([node], feeds, name, scope.opset)


def evaluate(nodes: list[onnx.NodeProto], feeds: Mapping[str, Array], output: str, opset: int) -> Array:
    """What standard operators compute, by onnx's own reference.

    Raises:
        Refused: the reference does not know one of them.
    """
    inputs = [helper.make_empty_tensor_value_info(name) for name in feeds]
    graph = helper.make_graph(nodes, "constants", inputs, [helper.make_empty_tensor_value_info(output)])
    try:
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        with np.errstate(all="ignore"):
            (result,) = ReferenceEvaluator(model).run(None, dict(feeds))
    # The reference raises whatever its implementation of an operator happens to raise.
    except Exception as error:
        raise Refused(f"its weight is computed by {', '.join(map(kind, nodes))}, which is not understood") from error
    return np.asarray(result)


def _along(array: Array, shape: tuple[int, ...], axis: int, block: int) -> Any:
    """Scales or zero points in the shape of the tensor that they belong to."""
    if array.size == 1:
        return np.broadcast_to(array.reshape(()), shape)
    axis %= len(shape)
    if block:
        return np.repeat(array, block, axis)[tuple(slice(size) for size in shape)]
    return np.broadcast_to(array.reshape([-1 if at == axis else 1 for at in range(len(shape))]), shape)
