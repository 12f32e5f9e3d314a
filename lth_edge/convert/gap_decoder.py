"""Pruned weights as gaps, decoded by standard operators at load.

Each kept weight is stored as its value and, in one byte, its distance from the kept weight before it:

    gaps (uint8) -> Cast -> CumSum -> positions
    size -> ConstantOfShape -> zeros
    ScatterElements(zeros, positions, values) -> Reshape -> the weight, under its own name

Values that float16 holds exactly are stored in it, and few different ones as a codebook, +0.0 first:

    half (float16) -> Cast -> values
    codes (uint8) -> Cast -> Gather(codebook, .) -> values

ONNX Runtime folds these nodes to a constant when it loads the file. A distance over 255 is bridged by
fillers: value +0.0 at a position that the mask prunes, so no position is written twice.
After Han et al., "Deep Compression" (2016), section 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from lth_edge.convert.graph import Graph, replace_all
from lth_edge.sparse.csr import CsrMatrix
from lth_edge.sparse.gaps import Gaps, codebook_of
from lth_edge.ticket import Array

_AXIS = "lth_edge.axis"


def insert_gaps(model: onnx.ModelProto, masks: Mapping[str, Array]) -> None:
    """Put gaps and the nodes that decode them in the place of initializers, wherever that saves bytes.

    Args:
        model: zero where the masks prune.
        masks: initializer name -> boolean array of its shape, true where kept.
    """
    decoders = [
        decoder
        for dense in model.graph.initializer
        if dense.name in masks and (decoder := _Decoder.smallest(dense, masks[dense.name])).size < _size(dense)
    ]
    if decoders:
        _insert(model.graph, decoders)


def read_gaps(graph: Graph, reshape: onnx.NodeProto) -> tuple[Gaps, tuple[int, ...]] | None:
    """The gaps and the weight's shape behind a Reshape that `insert_gaps` wrote; `None` for any other."""
    scatter = graph.producer(reshape.input[0])
    shape = graph.constant(reshape.input[1])
    if scatter is None or scatter.op_type != "ScatterElements" or shape is None:
        return None
    steps = _source(graph, scatter.input[1], ("CumSum", "Cast"))
    values = _read_values(graph, scatter.input[2])
    if steps is None or values is None or steps.dtype != np.uint8:
        return None
    return Gaps(steps, values), tuple(int(size) for size in shape)


@dataclass(frozen=True)
class _Decoder:
    """What stands in a file for one dense initializer."""

    name: str
    initializers: list[onnx.TensorProto]
    nodes: list[onnx.NodeProto]

    @classmethod
    def smallest(cls, dense: onnx.TensorProto, mask: Array) -> "_Decoder":
        """The one that takes the fewest bytes; all decode to the same bits."""
        weight = numpy_helper.to_array(dense)
        gaps = Gaps.encode(CsrMatrix.from_mask(weight, mask))
        values = f"{dense.name}.values"
        stored = [_StoredValues({values: gaps.values}, []), _as_half(gaps.values, values)]
        stored.append(_as_codebook(gaps.values, values))
        return min((cls.of(dense, weight, gaps.steps, each) for each in stored if each), key=lambda each: each.size)

    @classmethod
    def of(cls, dense: onnx.TensorProto, weight: Array, steps: Array, values: "_StoredValues") -> "_Decoder":
        name = dense.name
        parts = {
            f"{name}.gaps": steps,
            **values.arrays,
            f"{name}.size": np.array([weight.size], np.int64),
            f"{name}.shape": np.array(weight.shape, np.int64),
        }
        nodes = [*values.nodes, *_decoding_nodes(name, dense.data_type, weight)]
        return cls(name, [numpy_helper.from_array(array, part) for part, array in parts.items()], nodes)

    @property
    def size(self) -> int:
        """Bytes in the file, the axis that all decoders share among them."""
        return int(onnx.GraphProto(node=self.nodes, initializer=[_axis(), *self.initializers]).ByteSize())


@dataclass(frozen=True)
class _StoredValues:
    """How the values of the steps are stored: initializers, and the nodes that make the values of them."""

    arrays: Mapping[str, Array]
    nodes: list[onnx.NodeProto]


def _as_half(values: Array, name: str) -> _StoredValues | None:
    """Float16, where that is exact."""
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    if values.dtype != np.float32 or half.astype(np.float32).tobytes() != values.tobytes():
        return None
    stored = f"{name}.half"
    return _StoredValues({stored: half}, [helper.make_node("Cast", [stored], [name], to=onnx.TensorProto.FLOAT)])


def _as_codebook(values: Array, name: str) -> _StoredValues | None:
    """Codes of one byte, where no more different values are in use than these can tell apart."""
    coded = codebook_of(values)
    if coded is None:
        return None
    codebook, codes = coded
    stored = {f"{name}.codes": codes, f"{name}.codebook": codebook}
    nodes = [
        helper.make_node("Cast", [f"{name}.codes"], [f"{name}.places"], to=onnx.TensorProto.INT32),
        helper.make_node("Gather", [f"{name}.codebook", f"{name}.places"], [name]),
    ]
    return _StoredValues(stored, nodes)


def _read_values(graph: Graph, name: str) -> Array | None:
    """Values as they are, or behind the nodes of `_as_half` or `_as_codebook`."""
    node = graph.producer(name)
    if node is None or node.op_type == "Constant":
        return graph.constant(name)
    if node.op_type == "Cast":
        half = graph.constant(node.input[0])
        return None if half is None or half.dtype != np.float16 else half.astype(np.float32)
    codebook = graph.constant(node.input[0]) if node.op_type == "Gather" else None
    codes = None if codebook is None else _source(graph, node.input[1], ("Cast",))
    if codebook is None or codes is None or codes.dtype != np.uint8 or codes.max(initial=0) >= codebook.size:
        return None
    return codebook[codes]


def _decoding_nodes(name: str, data_type: int, weight: Array) -> list[onnx.NodeProto]:
    index = onnx.TensorProto.INT32 if weight.size < 2**31 else onnx.TensorProto.INT64
    zero = helper.make_tensor("zero", data_type, [1], [0])
    return [
        helper.make_node("Cast", [f"{name}.gaps"], [f"{name}.distances"], to=index),
        helper.make_node("CumSum", [f"{name}.distances", _AXIS], [f"{name}.positions"]),
        helper.make_node("ConstantOfShape", [f"{name}.size"], [f"{name}.zeros"], value=zero),
        helper.make_node(
            "ScatterElements",
            [f"{name}.zeros", f"{name}.positions", f"{name}.values"],
            [f"{name}.flat"],
            axis=0,
        ),
        helper.make_node("Reshape", [f"{name}.flat", f"{name}.shape"], [name]),
    ]


def _insert(graph: onnx.GraphProto, decoders: list[_Decoder]) -> None:
    replaced = {decoder.name for decoder in decoders}
    initializers = [tensor for tensor in graph.initializer if tensor.name not in replaced]
    decoding = [tensor for decoder in decoders for tensor in decoder.initializers]
    replace_all(graph.initializer, [*initializers, _axis(), *decoding])
    replace_all(graph.node, [*(node for decoder in decoders for node in decoder.nodes), *graph.node])


def _size(dense: onnx.TensorProto) -> int:
    return int(onnx.GraphProto(initializer=[dense]).ByteSize())


def _axis() -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(0, np.int32), _AXIS)


def _source(graph: Graph, name: str, op_types: tuple[str, ...]) -> Array | None:
    """The constant behind a chain of nodes of the given kinds, read backwards."""
    for op_type in op_types:
        node = graph.producer(name)
        if node is None or node.op_type != op_type:
            return None
        name = node.input[0]
    return graph.constant(name)
