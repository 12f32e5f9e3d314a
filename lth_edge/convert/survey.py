"""Every layer with a constant weight in a graph: one of a chain to be, or why not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from lth_edge.convert.chain_layer import ChainLayer
from lth_edge.convert.graph import WEIGHT_LAYERS, kind
from lth_edge.convert.layers import Refused
from lth_edge.convert.operands import NotConstant, Operand, read_operand
from lth_edge.convert.scope import FreshNames, Scope
from lth_edge.convert.weight_layers import read_weight_layer, weight_operand
from lth_edge.ticket import Array

_OTHERS = {
    "ConvTranspose": 1,
    "ConvInteger": 1,
    "DeformConv": 1,
    "Einsum": 1,
    "GRU": 1,
    "LSTM": 1,
    "MatMulInteger": 1,
    "QLinearConv": 3,
    "QLinearMatMul": 3,
    "RNN": 1,
    "com.microsoft.FusedConv": 1,
    "com.microsoft.FusedGemm": 1,
    "com.microsoft.FusedMatMul": 1,
    "com.microsoft.MatMulIntegerToFloat": 1,
    "com.microsoft.MatMulNBits": 1,
    "com.microsoft.QGemm": 3,
}
"""Operators with weights that have no sparse form here, and which input the weight is."""


@dataclass(frozen=True)
class Left:
    """A layer that stays as it was.

    Attributes:
        name: of its weight.
        op: kind of its node.
        shape: of its weight.
        sparsity: of its weight; 0 where it cannot be read.
        reason: why.
    """

    name: str
    op: str
    shape: tuple[int, ...]
    sparsity: float
    reason: str


def survey(scope: Scope, masks: Mapping[str, Array], names: FreshNames) -> Iterator[ChainLayer | Left]:
    """The layers of a graph, in its order; those inside its branches and loops are not among them."""
    for node in scope.nodes:
        if kind(node) in WEIGHT_LAYERS:
            try:
                yield read_weight_layer(scope, node, masks, names)
            except NotConstant:
                continue
            except Refused as refused:
                yield _left(scope, node, node.input[1], str(refused), masks)
        elif kind(node) in _OTHERS and len(node.input) > _OTHERS[kind(node)]:
            weight = node.input[_OTHERS[kind(node)]]
            if scope.is_constant(weight):
                yield _left(scope, node, weight, f"there is no sparse {kind(node)}", masks)


def _left(scope: Scope, node: onnx.NodeProto, weight: str, reason: str, masks: Mapping[str, Array]) -> Left:
    try:
        operand = weight_operand(scope, node, masks) if kind(node) == "MatMul" else read_operand(scope, weight, masks)
    except Refused:
        return Left(
            weight, kind(node), tuple(s for s in scope.shapes.get(weight, ()) if isinstance(s, int)), 0.0, reason
        )
    return Left(operand.name, kind(node), operand.values.shape, _sparsity(operand), reason)


def _sparsity(operand: Operand) -> float:
    return 1 - int(np.count_nonzero(operand.kept)) / operand.kept.size if operand.kept.size else 0.0
