"""The work inside a node of our domain: shapes of its values, what each layer computes; kernels/OPERATORS.md."""

from collections.abc import Mapping, Sequence
from math import prod

import onnx

from lth_edge.convert.chain_layer import AVERAGE, CONVOLUTION
from lth_edge.convert.graph import Graph, attribute
from lth_edge.convert.sparse_layers import SparseLayer, damage_told, sparse_layers
from lth_edge.convert.work import FEW_POSITIONS, FLOAT_BYTES, Shape, Work


def chain_outputs(graph: Graph, node: onnx.NodeProto, inputs: Sequence[Shape]) -> dict[str, Shape]:
    """The shapes of a node's outputs, by their names.

    Args:
        inputs: shapes of its activations.

    Raises:
        DamagedError: the node breaks the format.
    """
    with damage_told(node):
        values = _values(node, _layers(graph, node), inputs)
        return {name: values[number] for name, number in zip(node.output, _numbers(node, "outputs"), strict=True)}


def chain_work(graph: Graph, node: onnx.NodeProto, inputs: Sequence[Shape]) -> list[Work]:
    """The work of each layer, pools included.

    Args, Raises: as `chain_outputs`.
    """
    with damage_told(node):
        layers = _layers(graph, node)
        values = _values(node, layers, inputs)
        return [_work(node, place, layers, values) for place in range(len(_numbers(node, "source")))]


def _work(node: onnx.NodeProto, place: int, layers: Mapping[int, SparseLayer], values: Sequence[Shape]) -> Work:
    source, residual = _numbers(node, "source")[place], _numbers(node, "residual")[place]
    read, made = values[source], values[attribute(node, "activations", 1) + place]
    moved = FLOAT_BYTES * (prod(read) + prod(made) * (2 if residual >= 0 else 1))
    if place in layers:
        return _weighted(node, layers[place], made, moved)
    looked_at = prod(read) if _kind(node, place) == AVERAGE else prod(made) * prod(_pair(node, place))
    return Work(f"{node.name}.{place}", "pool", made, looked_at, 0, moved, starts=place == 0)


def _weighted(node: onnx.NodeProto, layer: SparseLayer, made: Shape, moved: int) -> Work:
    positions, computed = prod(made) // layer.shape[0], layer.stored
    if node.op_type == "SparseLinear":
        kernel = "sparse vector" if positions < FEW_POSITIONS else "sparse gemm"
    elif _numbers(node, "group")[layer.place] == _numbers(node, "channels")[layer.place] > 1:
        kernel, computed = "sparse depthwise", layer.weights  # whole windows, zeros and all
    else:
        kernel = "sparse conv"
    return Work(layer.name, kernel, layer.shape, computed * positions, layer.bytes, moved, positions, layer.place == 0)


def _layers(graph: Graph, node: onnx.NodeProto) -> Mapping[int, SparseLayer]:
    """The layers with weights, by their place in the chain."""
    return {layer.place: layer for layer in sparse_layers(graph, node)}


def _values(node: onnx.NodeProto, layers: Mapping[int, SparseLayer], inputs: Sequence[Shape]) -> list[Shape]:
    """The shapes of all values of a chain."""
    values = list(inputs)
    for place, source in enumerate(_numbers(node, "source")):
        read = values[source]
        rows = layers[place].shape[0] if place in layers else read[1]
        if node.op_type == "SparseLinear":
            values.append((*read[:-1], rows))
        else:
            values.append((read[0], rows, *_plane(node, place, read[2:])))
    return values


def _plane(node: onnx.NodeProto, place: int, sizes: Shape) -> Shape:
    """Height and width, or width alone, of what a layer makes."""
    if _kind(node, place) == AVERAGE:
        return (1,) * len(sizes)
    spatial = len(sizes)
    windows = (_pair(node, place, name)[-spatial:] for name in ("kernel_shape", "strides", "dilations"))
    pads = _numbers(node, "pads")[4 * place : 4 * place + 4]
    padded = [pads[axis] + pads[axis + 2] for axis in range(2)][-spatial:]
    if _numbers(node, "auto_pad")[place]:
        strides = _pair(node, place, "strides")[-spatial:]
        return tuple(-(-size // stride) for size, stride in zip(sizes, strides, strict=True))
    return tuple(
        (size + pad - dilation * (window - 1) - 1) // stride + 1
        for size, pad, window, stride, dilation in zip(sizes, padded, *windows, strict=True)
    )


def _kind(node: onnx.NodeProto, place: int) -> int:
    return _numbers(node, "kind")[place] if node.op_type == "SparseConv" else CONVOLUTION


def _pair(node: onnx.NodeProto, place: int, name: str = "kernel_shape") -> list[int]:
    return _numbers(node, name)[2 * place : 2 * place + 2]


def _numbers(node: onnx.NodeProto, name: str) -> list[int]:
    return list(attribute(node, name, []))
