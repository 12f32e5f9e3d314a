"""An ONNX model -> the layers of a C program; what has no C kernel is refused by name."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import onnx

from lth_edge.convert.c_program.layers import NO_CLIP, Add, Layer, Network, Pointwise, Weighted
from lth_edge.convert.c_program.read_input import read_input
from lth_edge.convert.c_program.read_pool import POOLS, read_pool
from lth_edge.convert.c_program.read_shapes import Shapes, settled
from lth_edge.convert.chain_layer import CLIP, NOTHING, Activation, ChainLayer
from lth_edge.convert.fuse_epilogue import fuse_epilogue
from lth_edge.convert.graph import WEIGHT_LAYERS, kind
from lth_edge.convert.layers import Refused
from lth_edge.convert.recognise import clip_bounds, recognise_activation
from lth_edge.convert.scope import FreshNames, Scope, inferred_graph
from lth_edge.convert.weight_layers import read_weight_layer
from lth_edge.errors import InputError

_SAME_ORDER = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"})
_KNOWN = (
    "C programs know Gemm, MatMul, 1-D and 2-D Conv, batch norm, Relu, Clip, HardSwish, Gelu, max and average pools, "
    "the Add of a residual, Flatten and Reshape"
)
_MENDS = {
    "Softmax": "end the network at its logits: the largest is the prediction",
    "QuantizeLinear": "give the run, or its ticket.onnx: a C program quantises by itself",
}


def read_network(model: onnx.ModelProto) -> Network:
    """Read a model of standard operators, its batch norm folded on the way.

    Raises:
        InputError: a node has no C kernel, a size is not known, or there is not one input and one output.
    """
    alone = onnx.ModelProto()
    alone.CopyFrom(model)
    for value in (*alone.graph.input, *alone.graph.output):
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_value = 1
    del alone.graph.value_info[:]
    opsets = {"" if entry.domain == "ai.onnx" else entry.domain: entry.version for entry in alone.opset_import}
    return _Reader(Scope(alone.graph, inferred_graph(alone), opsets), alone).network()


class _Reader:
    """One pass over the nodes.

    Attributes:
        layers: read so far.
        taken: first outputs of the nodes that a layer stands for.
        same: tensor -> the tensor whose numbers it holds, in the same order.
    """

    def __init__(self, scope: Scope, model: onnx.ModelProto) -> None:
        self.scope = scope
        self.shapes = Shapes(scope)
        self.names = FreshNames(model)
        self.layers: list[Layer] = []
        self.taken: set[str] = set()
        self.same: dict[str, str] = {}
        self.graph = model.graph

    def network(self) -> Network:
        given = [value for value in self.graph.input if not self.scope.is_overridable(value.name)]
        if len(given) != 1 or len(self.graph.output) != 1:
            raise InputError(
                f"the model has {len(given)} inputs and {len(self.graph.output)} outputs; a C program has one of each",
                "split it",
            )
        read = read_input(self.scope, self.shapes, given[0])
        self.layers += read.layers
        self.taken.update(read.taken)
        self.same |= read.same
        for node in self.scope.nodes:
            if node.output[0] not in self.taken and not self.scope.is_constant(node.output[0]):
                self._read(node)
        output = self._origin(self.graph.output[0].name)
        ordered = enumerate(_in_order(self.layers, given[0].name), start=1)
        layers = tuple(replace(layer, name=f"{layer.name}{place}") for place, layer in ordered)
        if not layers or layers[-1].output != output:
            raise InputError("the model's output is not what its last layer makes", "leave away what follows no layer")
        if not any(isinstance(layer, Weighted) for layer in layers):
            raise InputError("the model has no layer with weights", "a C program needs no lth-edge for that")
        return Network(given[0].name, read.type, read.shape, output, layers)

    def _read(self, node: onnx.NodeProto) -> None:
        try:
            self._dispatch(node)
        except Refused as refused:
            raise _refusal(node, str(refused)) from refused

    def _dispatch(self, node: onnx.NodeProto) -> None:
        if kind(node) in WEIGHT_LAYERS:
            self._weighted(node)
        elif kind(node) in POOLS:
            pool, flat = read_pool(self.scope, self.shapes, node, self.names, "pool")
            self._append(pool)
            self.same |= flat
        elif kind(node) in _SAME_ORDER and not any(node.output[1:]):
            self.shapes.of(node.output[0])
            self.same[node.output[0]] = self._origin(node.input[0])
        elif kind(node) == "Add" and not any(map(self.scope.is_constant, node.input)):
            self._add(node)
        else:
            self._pointwise(node)

    def _weighted(self, node: onnx.NodeProto) -> None:
        alone = read_weight_layer(self.scope, node, {}, self.names)
        if alone.extra:
            raise Refused("it needs a Transpose or an Add that has no C kernel")
        layer = fuse_epilogue(self.scope, alone, self.taken)
        makes = self.shapes.of(layer.output)
        reads = self.shapes.of(layer.source)
        if layer.spatial == 0 and (reads.plane, makes.plane) != (1, 1):
            raise Refused("it is applied to several positions; only convolutions are")
        weighted = Weighted(
            "conv" if layer.spatial else "linear",
            f"{layer.op} {layer.name}",
            (layer.source,),
            layer.output,
            reads,
            makes,
            layer.matrix.values.reshape(layer.rows, -1, *layer.window.kernel),
            np.zeros(layer.rows, np.float32) if layer.bias is None else layer.bias,
            settled(layer.window, reads, makes),
            layer.group,
        )
        self._append(*self._with_epilogue(weighted, layer))

    def _with_epilogue(self, weighted: Weighted, layer: ChainLayer) -> Iterator[Layer]:
        """The layer, and what was fused into it that is a step of its own in C."""
        if not layer.residual:
            yield from self._activated(weighted, layer.activation)
            return
        product = self.names.fresh(f"{layer.output}.product")
        yield replace(weighted, output=product)
        add = self._sum((product, layer.residual), layer.output, "add", "residual")
        yield from self._activated(add, layer.activation)

    def _add(self, node: onnx.NodeProto) -> None:
        output, activation = node.output[0], Activation()
        if not self.scope.same_shape(*node.input):
            raise Refused("its operands differ in shape")
        found = recognise_activation(self.scope, output, len(self.scope.shapes[output]))
        if found is not None:
            output, activation = found.output, found.activation
            self.taken.update(each.output[0] for each in found.nodes)
        add = self._sum(tuple(node.input), output, "add", f"Add {node.name}")
        self._append(*self._activated(add, activation))

    def _sum(self, sources: tuple[str, ...], output: str, name: str, origin: str) -> Add:
        shape = self.shapes.of(output)
        return Add(name, origin, sources, output, shape, shape)

    def _activated(self, layer: Weighted | Add, activation: Activation) -> Iterator[Layer]:
        """A clip is part of a layer; any other function is a step of its own."""
        if activation.kind in {NOTHING, CLIP}:
            bounds = (activation.low, activation.high) if activation.kind == CLIP else NO_CLIP
            yield replace(layer, clip=bounds)
            return
        linear = self.names.fresh(f"{layer.output}.linear")
        yield replace(layer, output=linear)
        yield self._function(linear, layer.output, activation, layer.origin)

    def _pointwise(self, node: onnx.NodeProto) -> None:
        source = node.input[0]
        bounds = clip_bounds(self.scope, node, source)
        if bounds is not None:
            self._append(self._function(source, node.output[0], Activation(CLIP, *bounds), kind(node)))
            return
        found = recognise_activation(self.scope, source, len(self.scope.shapes.get(source, ())))
        if found is None or node.output[0] not in {each.output[0] for each in found.nodes}:
            raise Refused("it has no C kernel")
        self.taken.update(each.output[0] for each in found.nodes)
        self._append(self._function(source, found.output, found.activation, found.word))

    def _function(self, source: str, output: str, activation: Activation, origin: str) -> Pointwise:
        shape = self.shapes.of(output)
        return Pointwise("function", origin, (source,), output, shape, shape, activation)

    def _append(self, *layers: Layer) -> None:
        self.layers += [replace(layer, sources=tuple(map(self._origin, layer.sources))) for layer in layers]

    def _origin(self, name: str) -> str:
        return self.same.get(name, name)


def _refusal(node: onnx.NodeProto, why: str) -> InputError:
    name = node.name or node.output[0]
    return InputError(f"{kind(node)} {name!r} cannot be written in C: {why}", _MENDS.get(kind(node), _KNOWN))


def _in_order(layers: list[Layer], given: str) -> Iterator[Layer]:
    """Each layer after those that it reads, else as they were: a residual may be made after what it is added to."""
    made, waiting = {given}, list(layers)
    while waiting:
        ready = next((layer for layer in waiting if made.issuperset(layer.sources)), None)
        if ready is None:
            raise InputError(f"nothing makes what {waiting[0].origin!r} reads", "export the network anew")
        waiting.remove(ready)
        made.add(ready.output)
        yield ready
