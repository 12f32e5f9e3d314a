"""What follows a layer, taken into it: batch norm, bias, residual, activation."""

from dataclasses import replace

import numpy as np
import onnx

from lth_edge.convert.chain_layer import CLIP, NOTHING, Activation, ChainLayer
from lth_edge.convert.fold_batch_norm import absorb_batch_norm
from lth_edge.convert.graph import kind
from lth_edge.convert.operands import constant_values
from lth_edge.convert.recognise import clip_bounds, recognise_activation
from lth_edge.convert.scope import Scope


def fuse_epilogue(scope: Scope, layer: ChainLayer, taken: set[str]) -> ChainLayer:
    """Take in what only this layer feeds, as long as our operators can compute it.

    Args:
        scope: of the layer.
        layer: a weight layer that will be sparse.
        taken: first outputs of nodes that other layers took; those of this one are added.
    """
    while (grown := _absorb(scope, layer, taken)) is not None:
        layer = grown
        taken.update(node.output[0] for node in layer.nodes)
    return layer


def _absorb(scope: Scope, layer: ChainLayer, taken: set[str]) -> ChainLayer | None:
    """The layer with one more thing fused, or `None` where there is none."""
    if layer.output in scope.outputs or any(r.output[0] in taken for r in scope.readers(layer.output)):
        return None
    readers = scope.readers(layer.output)
    if len({reader.output[0] for reader in readers}) == 1 and (passed := _absorb_nothing(layer, readers[0])):
        return passed
    if layer.activation.kind != NOTHING:
        return _absorb_clip(scope, layer)
    if len(readers) == 1:
        for absorb in (absorb_batch_norm, _absorb_bias, _absorb_residual):
            if (grown := absorb(scope, layer, readers[0])) is not None:
                return grown
    return _absorb_activation(scope, layer)


def _absorb_nothing(layer: ChainLayer, reader: onnx.NodeProto) -> ChainLayer | None:
    """An operator that passes on what it reads."""
    passes = kind(reader) == "Identity" or (
        kind(reader) == "Dropout" and len(reader.input) < 3 and not any(reader.output[1:])
    )
    return replace(layer, output=reader.output[0], nodes=(*layer.nodes, reader)) if passes else None


def _absorb_bias(scope: Scope, layer: ChainLayer, reader: onnx.NodeProto) -> ChainLayer | None:
    other = _addend(layer, reader)
    constant = constant_values(scope, other) if other else None
    if constant is None or not _per_row(constant.shape, layer, least_rank(scope, layer)):
        return None
    added = np.broadcast_to(constant.reshape(-1), (layer.rows,))
    bias = added if layer.bias is None else layer.bias + added
    return replace(
        layer,
        bias=np.array(bias, np.float32),
        output=reader.output[0],
        nodes=(*layer.nodes, reader),
        fused=(*layer.fused, "bias"),
    )


def _per_row(shape: tuple[int, ...], layer: ChainLayer, rank: int) -> bool:
    """Whether a constant of this shape adds one number to each row and no axes to the output."""
    if len(shape) > rank:
        return False
    if set(shape) <= {1}:
        return True
    padded = (1,) * (rank - len(shape)) + shape
    rows_at = rank - 1 - layer.spatial
    return all(size == (layer.rows if axis == rows_at else 1) for axis, size in enumerate(padded))


def least_rank(scope: Scope, layer: ChainLayer) -> int:
    """The rank of what a layer computes, or the least that it may have."""
    return layer.spatial + 2 if layer.spatial else scope.rank(layer.output) or 1


def _addend(layer: ChainLayer, reader: onnx.NodeProto) -> str:
    """What an Add adds to the layer's output; "" for any other node, and where it adds the output to itself."""
    others = [name for name in reader.input if name != layer.output]
    return others[0] if kind(reader) == "Add" and len(others) == 1 else ""


def _absorb_residual(scope: Scope, layer: ChainLayer, reader: onnx.NodeProto) -> ChainLayer | None:
    other = _addend(layer, reader)
    if not other or layer.residual or scope.is_constant(other) or not scope.same_shape(other, layer.output):
        return None
    return replace(
        layer,
        residual=other,
        output=reader.output[0],
        nodes=(*layer.nodes, reader),
        fused=(*layer.fused, "residual"),
    )


def _absorb_activation(scope: Scope, layer: ChainLayer) -> ChainLayer | None:
    found = recognise_activation(scope, layer.output, least_rank(scope, layer))
    if found is None:
        return None
    return replace(
        layer,
        activation=found.activation,
        output=found.output,
        nodes=(*layer.nodes, *found.nodes),
        fused=(*layer.fused, found.word),
    )


def _absorb_clip(scope: Scope, layer: ChainLayer) -> ChainLayer | None:
    """A second clip after the first: together they are one, between the first one's bounds clipped by the second."""
    readers = scope.readers(layer.output)
    first = layer.activation
    bounds = clip_bounds(scope, readers[0], layer.output) if len(readers) == 1 and first.kind == CLIP else None
    if bounds is None:
        return None
    low, high = (min(max(bound, bounds[0]), bounds[1]) for bound in (first.low, first.high))
    return replace(
        layer,
        activation=Activation(CLIP, low, high),
        output=readers[0].output[0],
        nodes=(*layer.nodes, readers[0]),
        fused=(*layer.fused, kind(readers[0])),
    )
