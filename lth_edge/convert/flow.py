"""The way a layer's units take to the one layer that reads them.

A unit is an entry of a Gemm's or MatMul's output, or a channel of a Conv's. It can be removed where it
stays apart from the others all the way: through pointwise operators, pooling, means over space and
flattening, to one layer.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import onnx

from lth_edge.convert.graph import WEIGHT_LAYERS, Graph, attribute, kind, reads
from lth_edge.convert.layers import Layer, Refused, read_layer

POINTWISE = frozenset(
    {"Relu", "LeakyRelu", "Elu", "Selu", "Celu", "ThresholdedRelu", "Sigmoid", "HardSigmoid", "HardSwish"}
    | {"Softplus", "Softsign", "Tanh", "Gelu", "Mish", "Erf", "Clip", "Abs", "Neg", "Exp", "Sqrt", "Identity"}
    | {"Add", "Sub", "Mul", "Div", "Pow", "Min", "Max"}
)
_POOLS = frozenset({"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"})
_MEANS = frozenset({"ReduceMean", "ReduceMax", "ReduceMin"})

Shapes = Mapping[str, tuple[int | None, ...]]


@dataclass(frozen=True)
class Flow:
    """Everything between a layer and the layer that reads its units.

    Attributes:
        producer: the layer whose units are followed.
        consumer: the layer that reads them.
        entry: the tensor it reads.
        steps: the nodes between, in order.
        span: neighbouring inputs of the consumer that one unit feeds; above 1 after flattening.
    """

    producer: Layer
    consumer: Layer
    entry: str
    steps: tuple[onnx.NodeProto, ...]
    span: int


@dataclass(frozen=True)
class _Units:
    """Where a tensor holds the units: `axis` of `rank`, `span` neighbours per unit once flattened."""

    axis: int
    rank: int
    span: int = 1


def shapes_of(model: onnx.ModelProto) -> Shapes:
    """Tensor name -> sizes, `None` where onnx cannot infer one."""
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    return {
        value.name: tuple(
            dim.dim_value if dim.HasField("dim_value") else None for dim in value.type.tensor_type.shape.dim
        )
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.type.tensor_type.HasField("shape")
    }


def follow(graph: Graph, layer: Layer, layers: Mapping[str, Layer], shapes: Shapes) -> Flow:
    """Follow a layer's units to the layer that reads them.

    Args:
        graph: the model's graph.
        layer: where the units come from.
        layers: the layers of the graph, by the first output of their node.
        shapes: of the graph's tensors.

    Raises:
        Refused: they are read by no layer or several, mix with others, or leave the network.
    """
    rank = len(_sizes(shapes, layer.output))
    region = {layer.output: _Units(1 if kind(layer.node) == "Conv" else rank - 1, rank)}
    steps: list[onnx.NodeProto] = []
    entries: list[tuple[Layer, str]] = []
    for node in graph.nodes:
        if node.output[0] in layers and node.input[0] in region:
            entries.append((layers[node.output[0]], node.input[0]))
        elif any(name in region for name in reads(node)):
            region[node.output[0]] = _step(graph, node, region, shapes)
            steps.append(node)
    if graph.outputs & region.keys():
        raise Refused("its units are an output of the network")
    if len(entries) != 1:
        raise Refused("several layers read its units" if entries else "no layer reads its units")
    consumer, entry = entries[0]
    _check_entry(graph, layer, consumer, region[entry])
    return Flow(layer, consumer, entry, tuple(steps), region[entry].span)


def _step(graph: Graph, node: onnx.NodeProto, region: Mapping[str, _Units], shapes: Shapes) -> _Units:
    """Where the units are after a node that keeps them apart."""
    units = next(region[name] for name in reads(node) if name in region)
    if kind(node) in POINTWISE:
        _check_pointwise(graph, node, region, units)
        return units
    if len(node.output) > 1 or node.input[0] not in region:
        raise Refused(f"read by {kind(node)} in a way that is not followed")
    if kind(node) in _POOLS and units.axis == 1 and units.rank > 2:
        return units
    if kind(node) in _MEANS:
        return _after_mean(graph, node, units)
    if kind(node) in {"Flatten", "Reshape"}:
        return _after_flattening(graph, node, units, shapes)
    raise Refused(f"read by {_why(graph, node)}")


def _check_pointwise(graph: Graph, node: onnx.NodeProto, region: Mapping[str, _Units], units: _Units) -> None:
    for name in filter(None, node.input):
        constant = graph.constant(name)
        if name in region:
            alone = region[name] == units
        else:
            alone = constant is not None and constant.size == 1 and constant.ndim <= units.rank
        if not alone:
            raise Refused(f"combined with another tensor by {kind(node)}")


def _after_mean(graph: Graph, node: onnx.NodeProto, units: _Units) -> _Units:
    axes = graph.constant(node.input[1]) if len(node.input) > 1 else attribute(node, "axes", None)
    if axes is None or len(axes) == 0:
        raise Refused(f"{kind(node)} over axes that are not constant")
    reduced = {int(axis) % units.rank for axis in axes}
    if units.axis in reduced:
        raise Refused(f"mixed by {kind(node)}")
    if attribute(node, "keepdims", 1):
        return units
    return replace(units, axis=units.axis - sum(a < units.axis for a in reduced), rank=units.rank - len(reduced))


def _after_flattening(graph: Graph, node: onnx.NodeProto, units: _Units, shapes: Shapes) -> _Units:
    space = _sizes(shapes, node.input[0])[2:]
    if kind(node) == "Flatten":
        target_rank = 2 if attribute(node, "axis", 1) == 1 else 0
    else:
        target = graph.constant(node.input[1])
        target_rank = 0 if target is None else target.size
    if target_rank != 2 or units.axis != 1:
        raise Refused(f"reshaped by {kind(node)} to more than a row of units per example")
    sizes = [size for size in space if size is not None]
    if len(sizes) < len(space):
        raise Refused("flattened from a size that is not constant")
    return _Units(1, 2, units.span * math.prod(sizes))


def _check_entry(graph: Graph, producer: Layer, consumer: Layer, units: _Units) -> None:
    made, read = graph.constant(producer.weight), graph.constant(consumer.weight)
    at_axis = units.axis == (1 if kind(consumer.node) == "Conv" else units.rank - 1)
    if (
        made is None
        or read is None
        or not at_axis
        or (read.shape[consumer.inputs_axis] != made.shape[producer.units_axis] * units.span)
    ):
        raise Refused(f"{consumer.weight!r} does not read one input per unit")


def _why(graph: Graph, node: onnx.NodeProto) -> str:
    """What reads the units, and for a weight layer why it cannot be cut."""
    if kind(node) in WEIGHT_LAYERS:
        try:
            read_layer(graph, node)
        except Refused as refused:
            return f"a {kind(node)} that cannot be cut: {refused}"
    return kind(node)


def _sizes(shapes: Shapes, name: str) -> tuple[int | None, ...]:
    if name not in shapes:
        raise Refused(f"the shape of {name!r} is not known")
    return shapes[name]
