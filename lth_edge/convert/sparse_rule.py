"""Which layers become sparse: from their kind and how many of their weights are zero, the same every time.

A sparse form pays from some share of zeros on, which depends on how well the dense kernel uses the processor.
onnxruntime's dense convolutions pack what they read, as ours do, and are overtaken early; its matrix product reads
every weight once and in order, which is overtaken later. Depthwise convolutions have so few weights that what lies
between them decides: alone one is no reason to leave onnxruntime, inside a chain it saves writing out and reading in
what its neighbours make.
"""

from collections.abc import Collection, Mapping, Sequence
from math import prod

from lth_edge.convert.chain_layer import ChainLayer
from lth_edge.convert.scope import Shape

CONVOLUTION = 0.30
"""Least fraction of zeros in a convolution."""
FULLY_CONNECTED = 0.45
"""Least fraction of zeros in a fully connected layer."""
JOINING_SHARE = 0.05
"""A layer too dense to pay joins a chain that it touches up to this fraction of the chain's multiply-adds."""


def threshold(layer: ChainLayer, min_sparsity: float | None) -> float:
    """Least sparsity at which a layer is made sparse; above 1 where it never is on its own."""
    if min_sparsity is not None:
        return min_sparsity
    if layer.depthwise:
        return 2.0
    return CONVOLUTION if layer.spatial else FULLY_CONNECTED


def pays(layer: ChainLayer, min_sparsity: float | None) -> bool:
    """Whether a layer is made sparse for its own sake."""
    return layer.sparsity >= threshold(layer, min_sparsity)


def joins(layer: ChainLayer, chain: Sequence[ChainLayer], touches_sparse: bool, shapes: Mapping[str, Shape]) -> bool:
    """Whether a layer that does not pay on its own goes into a chain that it could be part of."""
    if not touches_sparse:
        return False
    return layer.depthwise or _work(layer, shapes) <= JOINING_SHARE * sum(_work(each, shapes) for each in chain)


def touches(layer: ChainLayer, others: Collection[ChainLayer]) -> bool:
    """Whether a layer reads what one of the others makes, or the other way round."""
    return any(layer.output in other.reads or other.output in layer.reads for other in others)


def _work(layer: ChainLayer, shapes: Mapping[str, Shape]) -> int:
    """Multiply-adds for one example; positions of free size count once."""
    shape = shapes.get(layer.nodes[0].output[0], ())
    positions = shape[2:] if layer.spatial else shape[1:-1]
    return layer.stored * prod(size for size in positions if isinstance(size, int))
