"""Pools of an ONNX graph; a mean over all positions is a pool with one window."""

from dataclasses import replace

import onnx

from lth_edge.convert import pool_layers
from lth_edge.convert.c_program.evaluate_float import coverage
from lth_edge.convert.c_program.layers import Pool, Shape
from lth_edge.convert.c_program.read_shapes import Shapes, settled
from lth_edge.convert.chain_layer import AVERAGE, ChainLayer, Window
from lth_edge.convert.graph import attribute, kind
from lth_edge.convert.layers import Refused
from lth_edge.convert.scope import FreshNames, Scope
from lth_edge.convert.weight_layers import read_window

POOLS = (*pool_layers.POOLS, "AveragePool")


def read_pool(
    scope: Scope, shapes: Shapes, node: onnx.NodeProto, names: FreshNames, name: str
) -> tuple[Pool, dict[str, str]]:
    """A pool.

    Returns:
        the layer; and tensor -> tensor of the same numbers, where the node drops the axes that it averages.

    Raises:
        Refused: no C kernel computes it.
    """
    source = shapes.of(node.input[0])
    before = ChainLayer("", "", len(shapes.raw(node.input[0])) - 1, "", node.input[0], (), source.channels)
    read = _mean(node, before) if kind(node) == "AveragePool" else pool_layers.read_pool(scope, node, before, names)
    if read is None:
        raise Refused("its window rounds its output up, is of a kind that is not known, or it averages other axes")
    everywhere = kind(node) != "AveragePool" and read.kind == AVERAGE
    makes = Shape(source.channels) if everywhere else shapes.of(node.output[0])
    window = Window(kernel=(source.height, source.width)) if everywhere else settled(read.window, source, makes)
    pool = Pool(
        name,
        f"{kind(node)} {read.name}",
        (node.input[0],),
        read.output,
        source,
        makes,
        read.kind == AVERAGE,
        window,
        bool(attribute(node, "count_include_pad", 0)),
    )
    if not coverage(pool, padding=False).all():
        raise Refused("a window of it covers padding alone")
    return pool, {flat.output[0]: read.output for flat in read.extra}


def _mean(node: onnx.NodeProto, before: ChainLayer) -> ChainLayer | None:
    kernel = tuple(attribute(node, "kernel_shape", ()))
    if len(kernel) != before.spatial or attribute(node, "ceil_mode", 0):
        return None
    name, window = node.name or node.output[0], read_window(node, kernel)
    return replace(before, name=name, source=node.input[0], output=node.output[0], kind=AVERAGE, window=window)
