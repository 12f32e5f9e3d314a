"""The convolutions of a SparseConv node, each as a model of its own; kernels/OPERATORS.md is the format."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from lth_edge.convert.chain_layer import CONVOLUTION
from lth_edge.convert.sparse_node import DOMAIN, VERSION
from lth_edge.runtime.session import session

_OF_A_LAYER = {
    "bias": 1,
    "activation": 1,
    "bounds": 2,
    "kind": 1,
    "channels": 1,
    "group": 1,
    "kernel_shape": 2,
    "strides": 2,
    "dilations": 2,
    "pads": 4,
    "auto_pad": 1,
}
_MOST_OUTPUTS = 64

Size = tuple[int, ...]


class ConvNode:
    """A SparseConv node taken apart.

    Args:
        node: of a model that keeps the format.
        tensors: the initializers that it may read.
    """

    def __init__(self, node: onnx.NodeProto, tensors: Mapping[str, onnx.TensorProto]) -> None:
        self._node = node
        self._given = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        self._activations = int(self._given["activations"])
        self._constants = self._by_layer([tensors[name] for name in node.input[self._activations :]])

    @property
    def layers(self) -> int:
        """How many there are, pools among them."""
        return len(self._given["source"])

    @property
    def sized(self) -> bool:
        """Whether the height and width of all that it reads are known."""
        return all(self._given["input_size"])

    def name(self, place: int) -> str:
        """Of the weight that the layer was made from."""
        first = self._constants[place][0].name
        return first.rpartition(".indptr")[0] or first

    def tunable(self, place: int) -> bool:
        """Whether a layer is a convolution whose outputs read several channels."""
        of = self.of(place)
        return of["kind"][0] == CONVOLUTION and not of["group"][0] == of["channels"][0] > 1

    def of(self, place: int) -> dict[str, Any]:
        """The attributes of one layer."""
        return {name: self._given[name][n * place : n * (place + 1)] for name, n in _OF_A_LAYER.items()}

    def sizes(self) -> list[Size]:
        """Shapes of all values, for one example: the node is run with all of them as outputs."""
        given = [self._activation_size(value) for value in range(self._activations)]
        names = [f"x{value}" for value in range(self._activations)]
        feed = dict(zip(names, (np.zeros(size, np.float32) for size in given), strict=True))
        made = range(self._activations, self._activations + self.layers)
        found = []
        for begin in range(0, self.layers, _MOST_OUTPUTS):
            values = list(made[begin : begin + _MOST_OUTPUTS])
            constants = [tensor for layer in self._constants for tensor in layer]
            attributes = {k: v for k, v in self._given.items() if k != "tuning"} | {"outputs": values}
            model = _model(attributes, names, given, [f"y{value}" for value in values], constants)
            with TemporaryDirectory(prefix="lth-edge-tune-") as folder:
                path = Path(folder) / "sizes.onnx"
                path.write_bytes(model.SerializeToString())
                found += [output.shape for output in session(path, optimise=False).run(None, feed)]
        return [*given, *found]

    def inputs(self, place: int, sizes: Sequence[Size]) -> list[Size]:
        """Shapes of what a layer reads: its source and, where it has one, its residual."""
        source, residual = self._given["source"][place], self._given["residual"][place]
        return [sizes[source]] + ([sizes[residual]] if residual >= 0 else [])

    def output(self, place: int, sizes: Sequence[Size]) -> Size:
        """Shape of what a layer makes."""
        return sizes[self._activations + place]

    def alone(self, place: int, sizes: Sequence[Size], tuning: Sequence[int]) -> onnx.ModelProto:
        """A model of one layer, from x0 and perhaps its residual x1 to y."""
        inputs = self.inputs(place, sizes)
        attributes = self.of(place) | {
            "activations": len(inputs),
            "outputs": [len(inputs)],
            "source": [0],
            "residual": [1 if len(inputs) > 1 else -1],
            "spatial": self._given["spatial"],
            "input_size": [size for shape in inputs for size in (1, *shape[2:])[-2:]],
            "tuning": list(tuning),
        }
        return _model(attributes, [f"x{i}" for i in range(len(inputs))], inputs, ["y"], self._constants[place])

    def _by_layer(self, tensors: Sequence[onnx.TensorProto]) -> list[list[onnx.TensorProto]]:
        counts, at = [], 0
        for kind, bias in zip(self._given["kind"], self._given["bias"], strict=True):
            stored = kind == CONVOLUTION
            scaled = stored and tensors[at + 2].data_type == TensorProto.INT8
            counts.append(3 + int(scaled) + int(bias) if stored else 0)
            at += counts[-1]
        ends = list(accumulate(counts))
        return [list(tensors[end - count : end]) for count, end in zip(counts, ends, strict=True)]

    def _activation_size(self, value: int) -> Size:
        height, width = self._given["input_size"][2 * value : 2 * value + 2]
        places = range(self.layers)
        channels = [self._given["channels"][place] for place in places if self._given["source"][place] == value]
        channels += [self._rows(place) for place in places if self._given["residual"][place] == value]
        return (1, channels[0], height, width) if self._given["spatial"] == 2 else (1, channels[0], width)

    def _rows(self, place: int) -> int:
        return int(self._constants[place][0].dims[0]) - 1


def _model(
    attributes: Mapping[str, Any],
    inputs: Sequence[str],
    sizes: Sequence[Size],
    outputs: Sequence[str],
    constants: Sequence[onnx.TensorProto],
) -> onnx.ModelProto:
    unique = {tensor.name: tensor for tensor in constants}
    node = helper.make_node("SparseConv", [*inputs, *(tensor.name for tensor in constants)], outputs, domain=DOMAIN)
    node.attribute.extend(helper.make_attribute(*item) for item in attributes.items())
    given = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in zip(inputs, sizes, strict=True)
    ]
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph([node], "layer", given, made, list(unique.values()))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, VERSION)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)
