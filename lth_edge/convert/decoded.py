"""A compact model with its weights and vectors decoded again: what every pass that looks at weights reads.

A decoder is known by what it is: writing the stream that its tensors hold again must give the same nodes.
"""

from collections.abc import Callable, Mapping

import numpy as np
import onnx
from onnx import numpy_helper

from lth_edge.convert.graph import replace_all
from lth_edge.convert.short_vectors import is_a_short_vector_s, read_vectors
from lth_edge.convert.stream_decoder import DOMAIN, insert_stream
from lth_edge.errors import DamagedError
from lth_edge.sparse.stream_parts import from_parts, is_the_decoders
from lth_edge.sparse.weight_stream import WeightStream
from lth_edge.ticket import Array

_MEND = "copy it again or export it anew"
_CONTRADICTIONS = (ValueError, IndexError, TypeError, OverflowError)
"""What numbers of the wrong kind, shape or size come to in numpy."""


def decoded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with dense initializers where `lth_edge.convert.standard` put a stream and short vectors.

    Returns:
        The model itself where it has neither, as gaps are read where they stand (`lth_edge.convert.gap_decoder`).

    Raises:
        DamagedError: a stream contradicts itself, or vectors do.
    """
    vectors = _read_vectors(model)
    plain = _replaced(model, vectors, is_a_short_vector_s) if vectors else model
    if not any(function.domain == DOMAIN and function.name == "F" for function in model.functions):
        return plain
    weights = _read_weights(plain)
    if not weights:
        return model
    plain = _replaced(plain, weights, is_the_decoders)
    replace_all(plain.functions, [function for function in plain.functions if function.domain != DOMAIN])
    replace_all(plain.opset_import, [entry for entry in plain.opset_import if entry.domain != DOMAIN])
    return plain


def _replaced(model: onnx.ModelProto, arrays: Mapping[str, Array], gone: Callable[[str], bool]) -> onnx.ModelProto:
    """A copy with arrays in the place of the nodes and initializers whose tensors have certain names."""
    plain = onnx.ModelProto()
    plain.CopyFrom(model)
    graph = plain.graph
    kept = [tensor for tensor in graph.initializer if not gone(tensor.name)]
    replace_all(graph.node, [node for node in graph.node if not any(map(gone, (*node.input, *node.output)))])
    replace_all(graph.initializer, [*kept, *(numpy_helper.from_array(array, name) for name, array in arrays.items())])
    return plain


def _read_vectors(model: onnx.ModelProto) -> dict[str, Array]:
    try:
        return read_vectors(model)
    except _CONTRADICTIONS as error:
        raise DamagedError(f"its vectors cannot be decoded: {error}", _MEND) from error


def _read_weights(model: onnx.ModelProto) -> dict[str, Array]:
    """The weights of a stream by their names; none where other nodes than ours read it."""
    parts = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    try:
        stream = from_parts(parts)
        weights, _ = stream.weights()
    except KeyError:
        return {}
    except _CONTRADICTIONS as error:
        raise DamagedError(f"its weights cannot be decoded: {error}", _MEND) from error
    names = _weight_names(model)
    if len(names) != len(weights) or not _is_its_decoder(model, stream, names):
        return {}
    return dict(zip(names, map(np.ascontiguousarray, weights), strict=True))


def _weight_names(model: onnx.ModelProto) -> list[str]:
    """What the decoder makes for others: not under names of its own."""
    made = (node.output[0] for node in model.graph.node if any(map(is_the_decoders, node.input)))
    return [name for name in made if not is_the_decoders(name)]


def _is_its_decoder(model: onnx.ModelProto, stream: WeightStream, names: list[str]) -> bool:
    again = onnx.ModelProto(opset_import=[entry for entry in model.opset_import if entry.domain != DOMAIN])
    insert_stream(again, stream, names)
    return all(
        message in list(there)
        for here, there in (
            (again.graph.node, model.graph.node),
            (again.graph.initializer, model.graph.initializer),
            (again.functions, model.functions),
        )
        for message in here
    )
