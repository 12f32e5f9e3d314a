"""A chain as a node of our domain and its constants; kernels/OPERATORS.md is the format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain as joined
from math import prod
from typing import Literal

import numpy as np
import onnx
from onnx import helper, numpy_helper

from lth_edge.convert.chain import Chain
from lth_edge.convert.chain_layer import ChainLayer
from lth_edge.convert.operands import Operand
from lth_edge.convert.scope import FreshNames, Shape
from lth_edge.sparse.csr import CsrMatrix
from lth_edge.sparse.gaps import indices_of
from lth_edge.ticket import Array

DOMAIN = "lth_edge"
VERSION = 1

Values = Literal["fp32", "fp16", "int8"]


@dataclass
class Constants:
    """Initializers of the nodes written so far; the same numbers under the same wish are written once."""

    names: FreshNames
    tensors: dict[str, onnx.TensorProto]
    _known: dict[tuple[str, bytes], str]

    @classmethod
    def none(cls, names: FreshNames) -> "Constants":
        return cls(names, {}, {})

    def add(self, wish: str, array: Array) -> str:
        key = wish, bytes(array.dtype.str, "ascii") + array.tobytes()
        if key not in self._known:
            self._known[key] = name = self.names.fresh(wish)
            self.tensors[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return self._known[key]


def write_node(
    chain: Chain, outputs: Sequence[str], shapes: Mapping[str, Shape], values: Values, constants: Constants
) -> onnx.NodeProto:
    """The node that runs a chain.

    Args:
        chain: its layers.
        outputs: what others read of what the layers make.
        shapes: for the sizes to prepare for.
        values: how numbers are stored where the model does not store them in fewer bits itself.
        constants: where its initializers go.
    """
    layers, activations = chain.layers, chain.activations
    number = {name: value for value, name in enumerate((*activations, *(layer.output for layer in layers)))}
    inputs = [*activations, *joined.from_iterable(_constants(layer, values, constants) for layer in layers)]
    spatial = layers[0].spatial
    attributes = {
        "activations": len(activations),
        "outputs": [number[name] for name in outputs],
        "source": [number[layer.source] for layer in layers],
        "residual": [number[layer.residual] if layer.residual else -1 for layer in layers],
        "bias": [int(layer.bias is not None) for layer in layers],
        "activation": [layer.activation.kind for layer in layers],
        "bounds": [float(bound) for layer in layers for bound in (layer.activation.low, layer.activation.high)],
        **(_conv_attributes(chain, shapes) if spatial else _linear_attributes(chain, shapes)),
    }
    name = constants.names.fresh(f"{DOMAIN}.{layers[0].name}")
    node = helper.make_node("SparseConv" if spatial else "SparseLinear", inputs, outputs, name=name, domain=DOMAIN)
    node.attribute.extend(helper.make_attribute(*item) for item in attributes.items())
    return node


def _linear_attributes(chain: Chain, shapes: Mapping[str, Shape]) -> dict[str, object]:
    # A device takes one example at a time: that is what a batch of free size is prepared for.
    leading = [
        1 if place == 0 and not isinstance(size, int) else size
        for place, size in enumerate(shapes.get(chain.activations[0], (None, None, None))[:-1])
    ]
    known = [size for size in leading if isinstance(size, int)]
    tokens = prod(known) if len(known) == len(leading) else 0
    return {"columns": [layer.channels for layer in chain.layers], "tokens": tokens}


def _conv_attributes(chain: Chain, shapes: Mapping[str, Shape]) -> dict[str, object]:
    layers, spatial = chain.layers, chain.layers[0].spatial
    windows = [layer.window for layer in layers]
    return {
        "spatial": spatial,
        "kind": [layer.kind for layer in layers],
        "channels": [layer.channels for layer in layers],
        "group": [layer.group for layer in layers],
        "kernel_shape": [size for window in windows for size in window.kernel],
        "strides": [size for window in windows for size in window.strides],
        "dilations": [size for window in windows for size in window.dilations],
        "pads": [size for window in windows for size in window.pads],
        "auto_pad": [window.auto_pad for window in windows],
        "input_size": [size for name in chain.activations for size in _size(shapes.get(name, ()), spatial)],
    }


def _size(shape: Shape, spatial: int) -> tuple[int, int]:
    """Height and width, 0 where not known."""
    sizes = [size if isinstance(size, int) else 0 for size in shape[2:]]
    if len(sizes) != spatial or 0 in sizes:
        return 0, 0
    return (sizes[0], sizes[1]) if spatial == 2 else (1, sizes[0])


def _constants(layer: ChainLayer, values: Values, constants: Constants) -> list[str]:
    if layer.weight is None:
        return []
    weight = layer.weight
    matrix = CsrMatrix.from_mask(weight.values, weight.kept)
    data, scale = _data(weight, matrix, values)
    parts = {"indptr": matrix.indptr.astype(np.int32), "indices": indices_of(matrix), "data": data}
    if scale is not None:
        parts["scale"] = scale
    if layer.bias is not None:
        parts["bias"] = layer.bias.astype(np.float32)
    return [constants.add(f"{layer.name}.{part}", array) for part, array in parts.items()]


def _data(weight: Operand, matrix: CsrMatrix, values: Values) -> tuple[Array, Array | None]:
    """The stored numbers, with a scale a row where they are int8; in fewer bits where the model has them so."""
    quantised = _as_quantised(weight)
    if quantised is not None:
        return quantised
    if values == "int8" and np.isfinite(matrix.data).all():
        return _quantise(matrix)
    with np.errstate(over="ignore"):
        half = matrix.data.astype(np.float16)
    fits = np.array_equal(np.isfinite(half), np.isfinite(matrix.data))
    return (half if weight.half or (values == "fp16" and fits) else matrix.data), None


def _as_quantised(weight: Operand) -> tuple[Array, Array] | None:
    """The model's own int8 numbers, where each row has one scale."""
    if weight.quants is None or weight.steps is None or weight.quants.dtype.kind != "i":
        return None
    rows = len(weight.quants)
    steps, quants = weight.steps.reshape(rows, -1), weight.quants.reshape(rows, -1)
    narrow = np.iinfo(np.int8)
    if np.any(steps != steps[:, :1]) or quants.min() < narrow.min or quants.max() > narrow.max:
        return None
    return quants[weight.kept.reshape(rows, -1)].astype(np.int8), steps[:, 0].astype(np.float32)


def _quantise(matrix: CsrMatrix) -> tuple[Array, Array]:
    """Symmetric int8, the largest number of a row at 127."""
    counts = np.diff(matrix.indptr)
    row_of = np.repeat(np.arange(len(counts)), counts)
    largest = np.zeros(len(counts), np.float64)
    np.maximum.at(largest, row_of, np.abs(matrix.data))
    scale = (largest / 127).astype(np.float32)
    scale[scale == 0] = 1
    return np.clip(np.rint(matrix.data / scale[row_of]), -127, 127).astype(np.int8), scale
