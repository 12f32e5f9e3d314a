"""Random zeros in any model: it stands for the ticket that may come, since speed hardly depends on which weights go."""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

from lth_edge.convert.graph import WEIGHT_LAYERS, Graph, attribute, kind
from lth_edge.convert.sparse_layers import OPERATORS
from lth_edge.errors import InputError
from lth_edge.ticket import Array


@dataclass(frozen=True)
class Masked:
    """A model with zeros, and the masks that made them: initializer name -> true where kept."""

    model: onnx.ModelProto
    masks: dict[str, Array]


def mask_at_random(model: onnx.ModelProto, sparsity: float, seed: int = 0) -> Masked:
    """Zero this fraction of every Conv, Gemm and MatMul weight, depthwise convolutions excepted.

    Args:
        model: float32, its weights initializers; left as it is.

    Raises:
        InputError: it has no such weight, or is sparse already.
    """
    graph = Graph(model)
    if any(kind(node) in OPERATORS for node in graph.nodes):
        raise InputError("the model is sparse already", "give the dense file that it was made from")
    names = dict.fromkeys(name for node in graph.nodes for name in _prunable(graph, node))
    if not names:
        raise InputError(
            "the model holds no constant float32 weight of a Gemm, MatMul or Conv", "give a float32 export of it"
        )
    rng = np.random.default_rng(seed)
    masked = onnx.ModelProto()
    masked.CopyFrom(model)
    masks = {}
    for tensor in masked.graph.initializer:
        if tensor.name in names:
            weight = numpy_helper.to_array(tensor)
            masks[tensor.name] = _mask(rng, weight.shape, sparsity)
            tensor.CopyFrom(numpy_helper.from_array(np.where(masks[tensor.name], weight, 0), tensor.name))
    return Masked(masked, masks)


def _prunable(graph: Graph, node: onnx.NodeProto) -> list[str]:
    """The names of a node's weights; a MatMul may have its weight on either side."""
    if kind(node) not in WEIGHT_LAYERS:
        return []
    names = list(node.input)[0 if kind(node) == "MatMul" else 1 : 2]
    return [name for name in names if _is_weight(graph, node, name)]


def _is_weight(graph: Graph, node: onnx.NodeProto, name: str) -> bool:
    weight = graph.constant(name)
    if weight is None or graph.producer(name) is not None or weight.dtype != np.float32 or weight.ndim < 2:
        return False
    depthwise = kind(node) == "Conv" and attribute(node, "group", 1) > 1 and weight.shape[1] == 1
    return not depthwise


def _mask(rng: np.random.Generator, shape: tuple[int, ...], sparsity: float) -> Array:
    """Exactly round(sparsity * n) weights are pruned."""
    kept = np.ones(int(np.prod(shape)), np.bool_)
    kept[rng.permutation(kept.size)[: round(sparsity * kept.size)]] = False
    return kept.reshape(shape)
