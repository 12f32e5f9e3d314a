"""Nodes of the domain lth_edge, written by the letter of OPERATORS.md and independently of the converter."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

INFINITY = float("inf")
NONE = (0, (0.0, 0.0))
RELU = (1, (0.0, INFINITY))

Array = np.ndarray
Shape = Sequence[int | str] | None


@dataclass(frozen=True)
class Csr:
    """The constants of a layer in the order of its inputs; a test may replace any by what a file must not hold."""

    indptr: Array
    indices: Array
    data: Array
    scale: Array | None = None

    def tensors(self) -> list[Array]:
        return [self.indptr, self.indices, self.data] + ([] if self.scale is None else [self.scale])


def csr(weight: Array, mask: Array | None = None, indices: str = "uint16", data: str = "float32") -> Csr:
    """Encode a weight of shape [rows, ...]; `mask` says what is stored, by default what is not zero."""
    matrix = weight.reshape(len(weight), -1)
    kept = matrix != 0 if mask is None else mask.reshape(matrix.shape)
    rows, columns = np.nonzero(kept)
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int32)
    stored = columns.astype(np.uint16) if indices == "uint16" else gaps(kept)
    values = matrix[kept]
    if data != "int8":
        return Csr(indptr, stored, values.astype(data))
    scale = (np.abs(np.where(kept, matrix, 0)).max(axis=1, initial=0) / 127).astype(np.float32)
    scale[scale == 0] = 1
    return Csr(indptr, stored, np.round(values / scale[rows]).astype(np.int8), scale)


def gaps(kept: Array) -> Array:
    """Steps over the columns between a row's nonzeros: 255 is a step that holds nothing."""
    steps: list[int] = []
    for row in kept:
        cursor = 0
        for column in np.flatnonzero(row):
            skipped, last = divmod(int(column) - cursor, 255)
            steps += [255] * skipped + [last]
            cursor = int(column) + 1
    return np.array(steps, np.uint8)


@dataclass(frozen=True)
class Layer:
    """One layer of a chain; the fields from `kind` on are those of a convolution or a pool."""

    weights: Csr | None = None
    reads: int = 1  # columns or channels
    source: int = 0
    residual: int = -1
    bias: Array | None = None
    activation: tuple[int, tuple[float, float]] = NONE
    kind: int = 0
    group: int = 1
    kernel_shape: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    auto_pad: int = 0

    def constants(self) -> list[Array]:
        weights = [] if self.weights is None else self.weights.tensors()
        return weights + ([] if self.bias is None else [self.bias])


@dataclass(frozen=True)
class Chain:
    """A node; `override` replaces attributes or, where the new one is None, leaves them out."""

    operator: str
    layers: Sequence[Layer]
    activations: int = 1
    outputs: Sequence[int] | None = None  # by default the last value
    spatial: int = 2
    tokens: int = 0
    input_size: Sequence[int] | None = None
    override: Mapping[str, Any] = field(default_factory=dict)

    def attributes(self) -> dict[str, Any]:
        found = self._shared() | (self._linear() if self.operator == "SparseLinear" else self._convolution())
        return {name: value for name, value in (found | dict(self.override)).items() if value is not None}

    def given(self) -> list[int]:
        return [self.activations + len(self.layers) - 1] if self.outputs is None else list(self.outputs)

    def _shared(self) -> dict[str, Any]:
        return {
            "activations": self.activations,
            "outputs": self.given(),
            "source": [layer.source for layer in self.layers],
            "residual": [layer.residual for layer in self.layers],
            "bias": [int(layer.bias is not None) for layer in self.layers],
            "activation": [layer.activation[0] for layer in self.layers],
            "bounds": _flat(layer.activation[1] for layer in self.layers),
        }

    def _linear(self) -> dict[str, Any]:
        return {"columns": [layer.reads for layer in self.layers], "tokens": self.tokens}

    def _convolution(self) -> dict[str, Any]:
        sizes = [0, 0] * self.activations if self.input_size is None else list(self.input_size)
        return {
            "spatial": self.spatial,
            "input_size": sizes,
            "kind": [layer.kind for layer in self.layers],
            "channels": [layer.reads for layer in self.layers],
            "group": [layer.group for layer in self.layers],
            "kernel_shape": _flat(layer.kernel_shape for layer in self.layers),
            "strides": _flat(layer.strides for layer in self.layers),
            "dilations": _flat(layer.dilations for layer in self.layers),
            "pads": _flat(layer.pads for layer in self.layers),
            "auto_pad": [layer.auto_pad for layer in self.layers],
        }


def model(chain: Chain, *inputs: Shape, fed: Iterable[int] = (), element: int = TensorProto.FLOAT) -> onnx.ModelProto:
    """A graph of this node alone, from x0, x1, ... of these shapes to y0, y1, ...

    Args:
        chain: the node.
        inputs: shapes of the activations; a name stands for an axis of any length, None for any number of axes.
        fed: numbers of constants that are inputs of the graph instead of initializers.
        element: element type of the activations.
    """
    constants = constants_of(chain)
    given = [helper.make_tensor_value_info(f"x{i}", element, shape) for i, shape in enumerate(inputs)]
    given += [helper.make_tensor_value_info(constants[i].name, constants[i].data_type, constants[i].dims) for i in fed]
    made = [helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, None) for i in range(len(chain.given()))]
    kept = [tensor for i, tensor in enumerate(constants) if i not in set(fed)]
    return whole(helper.make_graph([node(chain)], "chain", given, made, kept))


def node(chain: Chain) -> onnx.NodeProto:
    """Reads x0, x1, ... and the constants c0, c1, ..., writes y0, y1, ..."""
    inputs = [f"x{i}" for i in range(chain.activations)] + [tensor.name for tensor in constants_of(chain)]
    made = helper.make_node(chain.operator, inputs, [f"y{i}" for i in range(len(chain.given()))], name="node")
    made.domain = "lth_edge"
    made.attribute.extend(helper.make_attribute(name, value) for name, value in chain.attributes().items())
    return made


def constants_of(chain: Chain) -> list[TensorProto]:
    arrays = [array for layer in chain.layers for array in layer.constants()]
    return [numpy_helper.from_array(array, f"c{i}") for i, array in enumerate(arrays)]


def whole(graph: onnx.GraphProto) -> onnx.ModelProto:
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("lth_edge", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def linear(weight: Array, **changes: Any) -> Chain:
    """A chain of one fully connected layer."""
    return Chain("SparseLinear", [replace(Layer(csr(weight), reads=weight.shape[1]), **changes)])


def convolution(weight: Array, channels: int | None = None, **changes: Any) -> Chain:
    """A chain of one convolution of two dimensions; `channels` are those it reads where it has groups."""
    layer = Layer(csr(weight), channels or weight.shape[1], kernel_shape=weight.shape[2:])
    return Chain("SparseConv", [replace(layer, **changes)])


def _flat(entries: Iterable[Sequence[Any]]) -> list[Any]:
    return [entry for group in entries for entry in group]
