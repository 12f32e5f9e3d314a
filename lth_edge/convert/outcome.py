"""What became of each layer of a model that was converted, in words."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lth_edge.convert.chain import Chain
from lth_edge.convert.chain_layer import ChainLayer
from lth_edge.convert.scope import Scope
from lth_edge.convert.sparse_layers import sparse_layers
from lth_edge.convert.sparse_rule import SparseRule
from lth_edge.convert.survey import Left

ALREADY_SPARSE = "already sparse"


@dataclass(frozen=True)
class LayerOutcome:
    """What became of one layer with a constant weight.

    Attributes:
        name: of its weight's initializer.
        op: the operator that it was.
        shape: of its weight, rows (output channels) first where it was understood.
        sparsity: fraction of the weight that is zero, or that the mask prunes.
        converted: whether it became part of one of our operators.
        reason: what it became, or why it was left as it was.
        could_gain: more zeros alone would have it converted.
    """

    name: str
    op: str
    shape: tuple[int, ...]
    sparsity: float
    converted: bool
    reason: str
    could_gain: bool = False


def outcomes_of(
    found: Iterable[ChainLayer | Left], chains: Sequence[Chain], rule: SparseRule
) -> Iterator[LayerOutcome]:
    """One outcome a layer, in the order in which they were found."""
    places = {layer.nodes[0].output[0]: (chain, place) for chain in chains for place, layer in enumerate(chain.layers)}
    for each in found:
        if isinstance(each, Left):
            yield LayerOutcome(each.name, each.op, each.shape, each.sparsity, False, f"left dense: {each.reason}")
            continue
        chain, place = places.get(each.nodes[0].output[0], (None, 0))
        reason = _why_dense(each, rule) if chain is None else _what(chain, place, rule)
        shape = tuple(each.matrix.values.shape)
        could_gain = chain is None and rule.threshold(each) <= 1
        yield LayerOutcome(each.name, each.op, shape, each.sparsity, chain is not None, reason, could_gain)


def already_sparse(scope: Scope) -> Iterator[LayerOutcome]:
    """The layers that run in our operators before any conversion."""
    for node in scope.nodes:
        for layer in sparse_layers(scope, node):
            sparsity = 1 - layer.stored / layer.weights if layer.weights else 0.0
            yield LayerOutcome(layer.name, node.op_type, layer.shape, sparsity, False, ALREADY_SPARSE)


def _what(chain: Chain, place: int, rule: SparseRule) -> str:
    layer = chain.layers[place]
    op = "SparseConv" if layer.spatial else "SparseLinear"
    fused = f", with {', '.join(layer.fused)}" if layer.fused else ""
    dense = "" if rule.pays(layer) else ", for its neighbours' sake"
    return f"{op}, layer {place + 1} of {len(chain.layers)}{fused}{dense}"


def _why_dense(layer: ChainLayer, rule: SparseRule) -> str:
    zeros = f"{layer.sparsity:.0%} of its weights are zero" if layer.stored < layer.matrix.values.size else "no zeros"
    least = rule.threshold(layer)
    return f"left dense: {zeros}, " + (f"it gains from {least:.0%} on" if least <= 1 else "and it is depthwise")
