"""Batch normalisation in inference mode after a Conv or Gemm, folded into its weight and bias."""

from dataclasses import replace

import numpy as np
import onnx

from lth_edge.convert.chain_layer import ChainLayer
from lth_edge.convert.graph import attribute, kind
from lth_edge.convert.operands import constant_values
from lth_edge.convert.scope import Scope


def absorb_batch_norm(scope: Scope, layer: ChainLayer, reader: onnx.NodeProto) -> ChainLayer | None:
    """The layer with the normalisation that reads it; `None` where the reader is none that can be folded.

    y = (x - mean) / sqrt(variance + epsilon) x scale + shift, one number a channel each.
    """
    if kind(reader) != "BatchNormalization" or not _infers(reader) or not _over_rows(scope, layer):
        return None
    parts = [constant_values(scope, name) for name in reader.input[1:5]]
    if reader.input[0] != layer.output or any(part is None or part.shape != (layer.rows,) for part in parts):
        return None
    scale, shift, mean, variance = (np.asarray(part, np.float64) for part in parts)
    factor = scale / np.sqrt(variance + attribute(reader, "epsilon", 1e-5))
    before = np.zeros(layer.rows) if layer.bias is None else layer.bias
    return replace(
        layer,
        weight=layer.matrix.scaled(factor),
        bias=((before - mean) * factor + shift).astype(np.float32),
        output=reader.output[0],
        nodes=(*layer.nodes, reader),
        fused=(*layer.fused, "batch norm"),
    )


def _infers(node: onnx.NodeProto) -> bool:
    """Not in training mode, whose further outputs are the running statistics."""
    training = attribute(node, "training_mode", 0) or not attribute(node, "spatial", 1)
    return not training and not any(node.output[1:])


def _over_rows(scope: Scope, layer: ChainLayer) -> bool:
    """Whether axis 1, which is normalised, is that of the rows; and nothing was added that is not a bias."""
    at_axis_1 = layer.spatial > 0 or layer.op == "Gemm" or scope.rank(layer.output) == 2
    return at_axis_1 and not layer.residual
