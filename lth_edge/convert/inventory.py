"""The work of a model, layer by layer: multiply-adds, bytes, and the kind of kernel that does it.

Standard operators and ours are read; what a runtime folds away while loading, and activations that it fuses into the
layer before them, are no work.
"""

from collections.abc import Iterator
from math import prod

import onnx

from lth_edge.convert.chain_work import chain_outputs, chain_work
from lth_edge.convert.graph import WEIGHT_LAYERS, attribute, kind
from lth_edge.convert.scope import Scope, inferred_graph
from lth_edge.convert.sparse_layers import OPERATORS
from lth_edge.convert.work import FEW_POSITIONS, FLOAT_BYTES, Shape, Work
from lth_edge.errors import InputError

_FREE = frozenset(
    "Reshape Flatten Identity Squeeze Unsqueeze Dropout Shape QuantizeLinear DequantizeLinear Constant".split()
)
"""No work: views, and in quantised models what the kernels around them do."""
_FUSED = frozenset("Relu Clip LeakyRelu Sigmoid Tanh HardSigmoid BatchNormalization".split())
"""What onnxruntime computes along with the layer before it."""
_POOLS = frozenset("MaxPool AveragePool GlobalAveragePool GlobalMaxPool ReduceMean ReduceMax ReduceSum LpPool".split())
_UNKNOWN = frozenset(
    "LSTM GRU RNN Einsum ConvTranspose DeformConv ConvInteger MatMulInteger QLinearConv QLinearMatMul If Loop "
    "Scan".split()
)


def inventory(model: onnx.ModelProto) -> list[Work]:
    """The work of one example, in the order of computing.

    Args:
        model: its free sizes are those of batches; a batch of one is counted.

    Raises:
        InputError: sizes cannot be told, or a layer is of a kind that is not known.
        DamagedError: one of our operators breaks its format.
    """
    graph = _with_shapes(model)
    return [work for node in graph.nodes for work in _work(graph, node)]


def _with_shapes(model: onnx.ModelProto) -> Scope:
    """The graph for a batch of one. Shapes behind our operators follow once those before them are known."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    fixed.graph.ClearField("value_info")
    for value in fixed.graph.input:
        _fix(value)
    for value in fixed.graph.output:
        value.type.tensor_type.ClearField("shape")
    opsets = {entry.domain: int(entry.version) for entry in fixed.opset_import}
    while True:
        graph = Scope(fixed.graph, inferred_graph(fixed), opsets)
        added = [value for node in graph.nodes for value in _outputs(graph, node)]
        if not added:
            return graph
        fixed.graph.value_info.extend(added)


def _fix(value: onnx.ValueInfoProto) -> None:
    dims = value.type.tensor_type.shape.dim
    for axis, dim in enumerate(dims):
        if dim.HasField("dim_value"):
            continue
        if axis:
            raise InputError(
                f"the size of axis {axis} of the input {value.name!r} is free",
                "give a model whose input sizes are fixed",
            )
        dim.dim_value = 1


def _outputs(graph: Scope, node: onnx.NodeProto) -> Iterator[onnx.ValueInfoProto]:
    """The shapes of one of our nodes' outputs, where they are new and its inputs' are known."""
    if kind(node) not in OPERATORS or node.output[0] in graph.shapes:
        return
    inputs = [shape for name in _activations(node) if (shape := _known(graph, name)) is not None]
    if len(inputs) == len(_activations(node)):
        for name, shape in chain_outputs(graph, node, inputs).items():
            yield onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


def _activations(node: onnx.NodeProto) -> list[str]:
    return list(node.input[: attribute(node, "activations", 1)])


def _known(graph: Scope, name: str) -> Shape | None:
    shape = graph.shapes.get(name)
    if shape is None or not all(isinstance(size, int) for size in shape):
        return None
    return tuple(int(size) for size in shape if isinstance(size, int))


def _shape(graph: Scope, name: str) -> Shape:
    shape = _known(graph, name)
    if shape is None:
        raise InputError(f"the shape of {name!r} cannot be told", "give a model whose input sizes are fixed")
    return shape


def _work(graph: Scope, node: onnx.NodeProto) -> Iterator[Work]:
    if kind(node) in OPERATORS:
        yield from chain_work(graph, node, [_shape(graph, name) for name in _activations(node)])
    elif kind(node) in _UNKNOWN:
        raise InputError(f"the work of {kind(node)} ({node.name!r}) is not known", "estimate a model without it")
    elif not _is_folded(graph, node) and kind(node) not in _FREE and not _is_fused(graph, node):
        yield _standard(graph, node)


def _is_folded(graph: Scope, node: onnx.NodeProto) -> bool:
    return all(graph.is_constant(name) for name in node.output if name)


def _is_fused(graph: Scope, node: onnx.NodeProto) -> bool:
    before = graph.producer(node.input[0]) if node.input and kind(node) in _FUSED else None
    return before is not None and kind(before) in WEIGHT_LAYERS and len(graph.readers(node.input[0])) == 1


def _standard(graph: Scope, node: onnx.NodeProto) -> Work:
    if kind(node) in WEIGHT_LAYERS and any(graph.is_constant(name) for name in node.input[:2]):
        return _weighted(graph, node)
    if kind(node) in WEIGHT_LAYERS:
        return _product(graph, node)
    output = _shape(graph, node.output[0])
    moved = _activation_bytes(graph, node)
    name = node.name or node.output[0]
    if kind(node) in _POOLS:
        kernel = attribute(node, "kernel_shape", ())
        looked_at = prod(output) * prod(kernel) if kernel else prod(_shape(graph, node.input[0]))
        return Work(name, "pool", output, looked_at, 0, moved)
    return Work(name, "elementwise", output, prod(output), 0, moved)


def _weighted(graph: Scope, node: onnx.NodeProto) -> Work:
    """A Conv, Gemm or MatMul with a constant weight, dense whatever its zeros."""
    place = 0 if kind(node) == "MatMul" and graph.is_constant(node.input[0]) else 1
    weight = _shape(graph, node.input[place])
    quantised = _is_quantised(graph, node.input[place])
    output = _shape(graph, node.output[0])
    if kind(node) == "Conv":
        positions = prod(output[2:])
        depthwise = attribute(node, "group", 1) == output[1] > 1
        layer = "depthwise" if depthwise else "conv"
    else:
        positions = prod(output) // weight[_rows_axis(node, place)]
        layer = "gemm" if positions >= FEW_POSITIONS else "vector"
    kernel = f"int8 {layer}" if quantised else layer
    stored = prod(weight) * (1 if quantised else FLOAT_BYTES)
    moved = _activation_bytes(graph, node) // (FLOAT_BYTES if quantised else 1)
    return Work(
        _stored_name(graph, node.input[place]),
        kernel,
        weight,
        prod(weight) * positions,
        stored,
        moved,
        positions=positions,
    )


def _rows_axis(node: onnx.NodeProto, place: int) -> int:
    """Of a weight: the axis of outputs."""
    if kind(node) == "Gemm":
        return 0 if attribute(node, "transB", 0) else 1
    return -1 if place else -2


def _product(graph: Scope, node: onnx.NodeProto) -> Work:
    """Two activations multiplied, as attention does."""
    output, inner = _shape(graph, node.output[0]), _shape(graph, node.input[0])[-1]
    positions = prod(output) // output[-1]
    return Work(
        node.name or node.output[0], "gemm", output, prod(output) * inner, 0, _activation_bytes(graph, node),
        positions=positions,
    )  # fmt: skip


def _is_quantised(graph: Scope, name: str) -> bool:
    node = graph.producer(name)
    return node is not None and kind(node) == "DequantizeLinear"


def _stored_name(graph: Scope, name: str) -> str:
    """Of a quantised weight, the name that its integers have."""
    return str(graph.producer(name).input[0]) if _is_quantised(graph, name) else name  # type: ignore[union-attr]


def _activation_bytes(graph: Scope, node: onnx.NodeProto) -> int:
    """What is read and written besides constants, in float32."""
    names = [name for name in (*node.input, *node.output) if name and not graph.is_constant(name)]
    return FLOAT_BYTES * sum(prod(_shape(graph, name)) for name in names)
