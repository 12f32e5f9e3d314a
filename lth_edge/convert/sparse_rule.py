"""Which layers become sparse: from their kind, their size and how many of their weights are zero, the same every time.

A sparse form pays from some share of zeros on, which depends on how well the dense kernel uses the processor. The
shares are where the time of both was equal on AVX2, with a margin; vectors twice as long pay earlier. Windows of
several weights share what they read among them. A window of one has fewer products for each input that it packs. A
matrix times a single vector looks up an input for each weight, which pays late where dense weights come from a cache,
and early where they come from memory. Depthwise convolutions have so few weights that what lies between them decides:
alone one is no reason to leave onnxruntime, inside a chain it saves writing out and reading in what lies around it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from lth_edge.convert.chain_layer import ChainLayer
from lth_edge.convert.scope import Shape

CONVOLUTION = 0.50
"""Least fraction of zeros in a convolution with a window of several weights."""
POINTWISE = 0.75
"""Least fraction of zeros in a convolution with a window of one."""
MANY_TOKENS = 0.50
"""Least fraction of zeros in a fully connected layer over several tokens."""
SINGLE_TOKEN = 0.75
"""Least fraction of zeros in a fully connected layer over one."""
FROM_MEMORY = 0.50
"""Least fraction of zeros in a fully connected layer over one token, too large for a cache."""
CACHED_WEIGHTS = 4_000_000
"""Weights (float32) that a last-level cache may hold."""
SEVERAL_TOKENS = 4
JOINING_SHARE = 0.05
"""A layer too dense to pay joins a chain that it touches up to this fraction of the chain's multiply-adds."""
JOINING_WORK = 4_000
"""Or up to so many multiply-adds: they take less time than a node of its own."""


@dataclass(frozen=True)
class SparseRule:
    """What decides for the layers of one graph.

    Attributes:
        min_sparsity: the least fraction of zeros, asked for; `None`: by the rule.
        shapes: of the graph's tensors, as far as they are known.
    """

    min_sparsity: float | None
    shapes: Mapping[str, Shape]

    def threshold(self, layer: ChainLayer) -> float:
        """Least sparsity at which a layer is made sparse; above 1 where it never is on its own."""
        if self.min_sparsity is not None:
            return self.min_sparsity
        if layer.depthwise:
            return 2.0
        if layer.spatial:
            return POINTWISE if layer.window.kernel == (1, 1) else CONVOLUTION
        if self._positions(layer) >= SEVERAL_TOKENS:
            return MANY_TOKENS
        return SINGLE_TOKEN if layer.matrix.values.size <= CACHED_WEIGHTS else FROM_MEMORY

    def pays(self, layer: ChainLayer) -> bool:
        """Whether a layer is made sparse for its own sake."""
        return layer.sparsity >= self.threshold(layer)

    def joins(self, layer: ChainLayer, chain: Sequence[ChainLayer], touches_sparse: bool) -> bool:
        """Whether a layer that does not pay on its own goes into a chain that it could be part of."""
        if not touches_sparse:
            return False
        most = max(JOINING_WORK, JOINING_SHARE * sum(map(self._work, chain)))
        return layer.depthwise or self._work(layer) <= most

    def _work(self, layer: ChainLayer) -> int:
        """Multiply-adds for one example."""
        return layer.stored * self._positions(layer)

    def _positions(self, layer: ChainLayer) -> int:
        """Of one example; those of free size count once."""
        shape = self.shapes.get(layer.nodes[0].output[0], ())
        positions = shape[2:] if layer.spatial else shape[1:-1]
        return prod(size for size in positions if isinstance(size, int))


def touches(layer: ChainLayer, others: Collection[ChainLayer]) -> bool:
    """Whether a layer reads what one of the others makes, or the other way round."""
    return any(layer.output in other.reads or other.output in layer.reads for other in others)
