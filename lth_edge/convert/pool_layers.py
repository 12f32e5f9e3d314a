"""Pools that can stand between the convolutions of a chain."""

from dataclasses import replace

import numpy as np
import onnx
from onnx import helper

from lth_edge.convert.chain_layer import AVERAGE, MAX_POOL, ChainLayer
from lth_edge.convert.graph import attribute, kind
from lth_edge.convert.layers import Refused
from lth_edge.convert.operands import constant_values
from lth_edge.convert.scope import FreshNames, Scope
from lth_edge.convert.weight_layers import read_window

POOLS = ("MaxPool", "GlobalAveragePool", "ReduceMean")


def read_pool(scope: Scope, node: onnx.NodeProto, before: ChainLayer, names: FreshNames) -> ChainLayer | None:
    """The pool that reads a convolution or another pool; `None` where our operators do not know it."""
    pool = ChainLayer(
        node.name or node.output[0], kind(node), before.spatial, node.input[0], node.output[0], (node,), before.rows
    )
    if kind(node) == "MaxPool":
        return _maximum(node, pool)
    if kind(node) == "GlobalAveragePool":
        return replace(pool, kind=AVERAGE)
    return _mean(scope, node, pool, names)


def _maximum(node: onnx.NodeProto, pool: ChainLayer) -> ChainLayer | None:
    kernel = tuple(attribute(node, "kernel_shape", ()))
    rounds_up = attribute(node, "ceil_mode", 0) and set(attribute(node, "strides", [1])) != {1}
    if len(kernel) != pool.spatial or rounds_up or any(node.output[1:]):
        return None
    try:
        return replace(pool, kind=MAX_POOL, window=read_window(node, kernel))
    except Refused:
        return None


def _mean(scope: Scope, node: onnx.NodeProto, pool: ChainLayer, names: FreshNames) -> ChainLayer | None:
    """A ReduceMean over all positions; where it drops their axes, a Flatten follows the chain."""
    given = node.input[1] if len(node.input) > 1 else ""
    axes = constant_values(scope, given) if given else attribute(node, "axes", None)
    rank = pool.spatial + 2
    if axes is None or {int(axis) % rank for axis in np.ravel(axes)} != set(range(2, rank)):
        return None
    if attribute(node, "keepdims", 1):
        return replace(pool, kind=AVERAGE)
    mean = names.fresh(f"{pool.output}.mean")
    flatten = helper.make_node("Flatten", [mean], [pool.output], axis=1)
    return replace(pool, kind=AVERAGE, output=mean, extra=(flatten,))
