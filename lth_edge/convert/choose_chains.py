"""From the layers of a graph to the chains that will run: what pays, what may join, what stands between."""

from collections.abc import Iterable, Sequence

import onnx

from lth_edge.convert.chain import Chain, gather
from lth_edge.convert.chain_layer import ChainLayer
from lth_edge.convert.fuse_epilogue import fuse_epilogue
from lth_edge.convert.graph import kind
from lth_edge.convert.pool_layers import POOLS, read_pool
from lth_edge.convert.scope import FreshNames, Scope
from lth_edge.convert.sparse_rule import SparseRule, touches


def choose_chains(scope: Scope, layers: Sequence[ChainLayer], names: FreshNames, rule: SparseRule) -> list[Chain]:
    """Chains of the layers that pay, and of what joins them.

    Args:
        scope: the graph that the layers are from.
        layers: weight layers, nothing fused yet.
        names: of the model.
        rule: which layers pay, and which join them.
    """
    taken: set[str] = set()
    paying = [fuse_epilogue(scope, layer, taken) for layer in layers if rule.pays(layer)]
    if not paying:
        return []
    others = [fuse_epilogue(scope, layer, taken) for layer in layers if not rule.pays(layer)]
    pools = _pools(scope, [*paying, *others], names)
    largest = gather([*paying, *others, *pools], nodes_beside(scope, [*paying, *others, *pools]), scope.outputs)
    joining = [layer for chain in largest for layer in _joining(rule, chain, paying)]
    weighty = [*paying, *joining]
    chosen = [*weighty, *_behind(weighty, pools)]
    chains = gather(chosen, nodes_beside(scope, chosen), scope.outputs)
    return [chain for chain in chains if any(layer in paying for layer in chain.layers)]


def nodes_beside(scope: Scope, layers: Iterable[ChainLayer]) -> list[onnx.NodeProto]:
    """The nodes of a graph that these layers do not replace, and those that come with them."""
    chosen = list(layers)
    replaced = {node.output[0] for layer in chosen for node in layer.nodes}
    extra = [node for layer in chosen for node in layer.extra]
    return [node for node in scope.nodes if not node.output or node.output[0] not in replaced] + extra


def _pools(scope: Scope, layers: Iterable[ChainLayer], names: FreshNames) -> list[ChainLayer]:
    """Every pool that reads a convolution, or another such pool."""
    makers = {layer.output: layer for layer in layers if layer.spatial}
    found = []
    for node in scope.nodes:
        before = makers.get(node.input[0]) if kind(node) in POOLS else None
        pool = None if before is None else read_pool(scope, node, before, names)
        if pool is not None:
            found.append(pool)
            makers[pool.output] = pool
    return found


def _joining(rule: SparseRule, chain: Chain, paying: Sequence[ChainLayer]) -> list[ChainLayer]:
    """The layers of the longest possible chain that go into it though they do not pay on their own."""
    sparse = [layer for layer in chain.layers if layer in paying]
    candidates = [layer for layer in chain.layers if layer.weight is not None and layer not in sparse]
    return [layer for layer in candidates if rule.joins(layer, chain.layers, touches(layer, sparse))]


def _behind(layers: Iterable[ChainLayer], pools: Iterable[ChainLayer]) -> list[ChainLayer]:
    """The pools that read these layers, or another such pool."""
    made = {layer.output for layer in layers}
    found = []
    for pool in pools:
        if pool.source in made:
            found.append(pool)
            made.add(pool.output)
    return found
