"""ONNX models on disk, and how sparse each of their layers is."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from lth_edge.convert.coded_weights import is_coded, with_plain_weights
from lth_edge.convert.decoded import decoded
from lth_edge.convert.gap_decoder import read_gaps
from lth_edge.convert.graph import WEIGHT_LAYERS, Graph, attribute, kind
from lth_edge.convert.sparse_layers import sparse_layers
from lth_edge.errors import DamagedError, InputError
from lth_edge.files import whole_file
from lth_edge.packed import refuse_packed
from lth_edge.ticket import Array


@dataclass(frozen=True)
class LayerSparsity:
    """One weight of a Gemm, MatMul or Conv, as the file holds it.

    Attributes:
        name: the initializer's name, or the weight's own where the file stores gaps.
        shape: in the initializer's own orientation.
        weights: how many there are.
        nonzero: how many of them are not zero; for quantised weights, not at their zero point.
    """

    name: str
    shape: tuple[int, ...]
    weights: int
    nonzero: int

    @property
    def density(self) -> float:
        """Non-zero over all weights."""
        return self.nonzero / self.weights if self.weights else 0.0


def save_model(model: onnx.ModelProto, path: Path) -> None:
    """Check a model and write it, whole or not at all, without the exporter's stack traces and notes.

    Raises:
        InputError: the model does not pass the full ONNX checker.
    """
    stripped = onnx.ModelProto()
    stripped.CopyFrom(model)
    stripped.ClearField("doc_string")
    _strip(stripped.graph)
    stripped.ir_version = min(stripped.ir_version, _oldest_ir_version(stripped))
    try:
        onnx.checker.check_model(stripped, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise InputError(f"{path.name} would not be valid ONNX: {error}", "export it with another opset") from error
    with whole_file(path) as temporary:
        temporary.write_bytes(stripped.SerializeToString(deterministic=True))


def read_model(path: Path) -> onnx.ModelProto:
    """Read a model with its weights, from external data files too; packed, decoded or coded ones become arrays.

    Raises:
        InputError: there is no such file, or it is packed.
        DamagedError: it is not a valid ONNX model, or its external data is missing or cut short.
    """
    if not path.is_file():
        raise InputError(f"there is no ONNX file {path}", "check the path")
    refuse_packed(path)
    try:
        model = onnx.load(path, format="protobuf")
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError, OSError, ValueError) as error:
        raise DamagedError(
            f"{path} is not a readable ONNX model: {error}", "copy it again or export it anew"
        ) from error
    return decoded(with_plain_weights(model) if is_coded(model) else model)


def file_bytes(path: Path) -> int:
    """Of a readable model, weights in files of their own included."""
    tensors = onnx.load(path, format="protobuf", load_external_data=False).graph.initializer
    entries = (entry for tensor in tensors for entry in tensor.external_data if entry.key == "location")
    files = {path, *(path.parent / entry.value for entry in entries)}
    return sum(file.stat().st_size for file in files)


def versions(path: Path) -> tuple[int, int]:
    """The opset of the standard operators and the version of the file format."""
    model = read_model(path)
    return next(int(entry.version) for entry in model.opset_import if entry.domain in {"", "ai.onnx"}), model.ir_version


def layer_sparsity(model: onnx.ModelProto) -> list[LayerSparsity]:
    """How sparse each constant weight of a Gemm, MatMul, Conv or of our own operators is, in the order of first use.

    Looks through transpositions, gaps (`lth_edge.convert.gap_decoder`) and dequantisation.
    """
    graph = Graph(model)
    found = (layer for node in graph.nodes for layer in _layers(graph, node))
    return list({layer.name: layer for layer in found if layer is not None}.values())


def _layers(graph: Graph, node: onnx.NodeProto) -> Iterator[LayerSparsity | None]:
    for layer in sparse_layers(graph, node):
        yield LayerSparsity(layer.name, layer.shape, layer.weights, layer.stored)
    for name in _operands(node):
        yield _sparsity(graph, name, 0)


def _operands(node: onnx.NodeProto) -> Iterator[str]:
    if kind(node) in WEIGHT_LAYERS:
        yield from list(node.input)[1 if node.op_type == "Conv" else 0 : 2]


def _sparsity(graph: Graph, name: str, zero: Array | int) -> LayerSparsity | None:
    """Trace a tensor back to the constant it stands for; `zero` is the value that means zero there."""
    constant = graph.constant(name)
    if constant is not None:
        return LayerSparsity(name, constant.shape, constant.size, int(np.count_nonzero(constant != zero)))
    node = graph.producer(name)
    if node is None:
        return None
    if node.op_type in {"Transpose", "Identity"}:
        return _sparsity(graph, node.input[0], zero)
    if node.op_type == "DequantizeLinear":
        return _quantised_sparsity(graph, node)
    if node.op_type == "Reshape":
        return _gaps_sparsity(graph, node)
    return None


def _gaps_sparsity(graph: Graph, reshape: onnx.NodeProto) -> LayerSparsity | None:
    found = read_gaps(graph, reshape)
    if found is None:
        return None
    gaps, shape = found
    return LayerSparsity(reshape.output[0], shape, math.prod(shape), int(np.count_nonzero(gaps.values)))


def _quantised_sparsity(graph: Graph, node: onnx.NodeProto) -> LayerSparsity | None:
    weight = graph.constant(node.input[0])
    zero = graph.constant(node.input[2]) if len(node.input) > 2 else np.zeros((), np.int64)
    if weight is None or zero is None:
        return None
    if zero.size > 1:
        along = attribute(node, "axis", 1) % weight.ndim
        zero = zero.reshape([-1 if axis == along else 1 for axis in range(weight.ndim)])
    return _sparsity(graph, node.input[0], zero)


def _oldest_ir_version(model: onnx.ModelProto) -> int:
    """The first file format that knows the model's opset, so that old runtimes can load it.

    Before 4, initializers are inputs as well.
    """
    given = {value.name for value in model.graph.input}
    oldest = 3 if all(tensor.name in given for tensor in model.graph.initializer) else 4
    return max(oldest, int(onnx.helper.find_min_ir_version_for(list(model.opset_import), ignore_unknown=True)))


def _strip(graph: onnx.GraphProto) -> None:
    for noted in (graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        noted.ClearField("doc_string")
        noted.ClearField("metadata_props")
    for node in graph.node:
        for item in node.attribute:
            item.ClearField("doc_string")
            for inner in _subgraphs(item):
                _strip(inner)


def _subgraphs(item: Any) -> Iterator[onnx.GraphProto]:
    yield from item.graphs
    if item.HasField("g"):
        yield item.g
