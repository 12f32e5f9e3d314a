"""The compact file for stock onnxruntime: pruned weights decoded by standard operators when it is loaded.

Two forms of the weights are tried, and the file of fewer bytes is taken: gaps of one byte beside values
(`lth_edge.convert.gap_decoder`), weight by weight, and one stream of prefix codes (`lth_edge.convert.stream_decoder`),
whose decoder is paid for once. Both decode to the same bits.
"""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import numpy_helper

from lth_edge.convert.gap_decoder import insert_gaps
from lth_edge.convert.graph import Graph, check_masks
from lth_edge.convert.lean import lean
from lth_edge.convert.scope import names_in
from lth_edge.convert.short_vectors import shorten_vectors
from lth_edge.convert.stream_decoder import OLDEST_OPSET, insert_stream
from lth_edge.sparse.stream_parts import is_the_decoders
from lth_edge.sparse.weight_stream import MOST_SYMBOLS, MOST_WEIGHTS, WeightStream, can_be_coded
from lth_edge.ticket import Array

_LEAST_BYTES = 256  # of a dense weight that is worth a place in the stream


def to_standard(exported_model: onnx.ModelProto, masks: Mapping[str, Array]) -> onnx.ModelProto:
    """Replace pruned initializers by what decodes them in fewer bytes, and say the rest of the graph in fewer.

    Args:
        exported_model: dense, zero where the masks prune; left as it is.
        masks: initializer name -> boolean array of its shape, true where kept.

    Returns:
        A model of the same opset that computes the same, bit for bit; inputs, outputs and masked weights keep their
        names.

    Raises:
        InputError: a mask does not fit the model.
    """
    check_masks(Graph(exported_model), masks)
    short = lean(exported_model, masks)
    if any(map(is_the_decoders, names_in(short.graph))):
        return _with_gaps(short, masks)
    shorten_vectors(short)
    forms = [_with_gaps(short, masks), _with_stream(short, masks)]
    return min((form for form in forms if form is not None), key=lambda form: form.ByteSize())


def _with_gaps(model: onnx.ModelProto, masks: Mapping[str, Array]) -> onnx.ModelProto:
    decoded = _copy(model)
    insert_gaps(decoded, masks)
    return decoded


def _with_stream(model: onnx.ModelProto, masks: Mapping[str, Array]) -> onnx.ModelProto | None:
    """With as many weights in a stream as can be and have room, the others as gaps; `None` where none can."""
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer if tensor.name in masks}
    coded = _coded(held, masks)
    opset = next((entry.version for entry in model.opset_import if entry.domain == ""), 0)
    if not coded or opset < OLDEST_OPSET:
        return None
    stream = WeightStream.smallest([held[name] for name in coded], [masks[name] for name in coded])
    if stream.counts.sum() > MOST_SYMBOLS:
        return None
    decoded = _with_gaps(model, {name: mask for name, mask in masks.items() if name not in coded})
    insert_stream(decoded, stream, coded)
    return decoded


def _coded(held: Mapping[str, Array], masks: Mapping[str, Array]) -> list[str]:
    """The weights that go into the stream: those that keep most, as long as there is room."""
    counts = {name: int(np.count_nonzero(masks[name])) for name in held}
    taken, kept, size = set(), 0, 0
    for name in sorted(held, key=lambda name: -counts[name]):
        weight = held[name]
        has_room = kept + counts[name] <= MOST_SYMBOLS and size + weight.size <= MOST_WEIGHTS
        if has_room and weight.nbytes >= _LEAST_BYTES and can_be_coded(weight, masks[name]):
            taken.add(name)
            kept, size = kept + counts[name], size + weight.size
    return [name for name in held if name in taken]


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy
