"""Our nodes put into a graph in the place of what they run, and what nothing reads any more taken out."""

from collections.abc import Sequence

import onnx
from onnx import helper

from lth_edge.convert.chain import Chain, in_order, item_of
from lth_edge.convert.choose_chains import nodes_beside
from lth_edge.convert.graph import reads, replace_all
from lth_edge.convert.scope import Scope
from lth_edge.convert.sparse_node import Constants, Values, write_node


def replace_chains(
    graph: onnx.GraphProto, scope: Scope, chains: Sequence[Chain], values: Values, constants: Constants
) -> None:
    """Write the chains into the graph that they are from.

    Args:
        graph: changed in place; its inputs and outputs stay.
        scope: the graph as it was.
        chains: what to run in one node each.
        values: how weights are stored.
        constants: of the model; those of these chains go into the graph.
    """
    if not chains:
        return
    beside = nodes_beside(scope, (layer for chain in chains for layer in chain.layers))
    items = in_order([item_of(content) for content in (*chains, *beside)])
    needed = scope.outputs | {name for item in items for name in item.needs}
    nodes = []
    for item in items:
        if isinstance(item.content, Chain):
            # One at least, though nothing may read even that.
            outputs = [name for name in item.makes if name in needed] or [item.makes[-1]]
            nodes.append(write_node(item.content, outputs, scope.shapes, values, constants))
        else:
            nodes.append(item.content)
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    _add_types(
        graph, scope, [node for item, node in zip(items, copies, strict=True) if isinstance(item.content, Chain)]
    )
    replace_all(graph.node, copies)
    graph.initializer.extend(constants.tensors.values())


def drop_orphans(graph: onnx.GraphProto, before: Scope) -> None:
    """Take out nodes and initializers whose last reader went, and what is said of tensors that are gone."""
    nodes = list(graph.node)
    while True:
        read = _read(nodes, before)
        kept = [node for node in nodes if read.intersection(node.output) or _unread(node, before)]
        if len(kept) == len(nodes):
            break
        nodes = kept
    if len(nodes) < len(graph.node):
        replace_all(graph.node, [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes])
    given = {value.name for value in graph.input}
    for field, name_of in (
        (graph.initializer, lambda tensor: tensor.name),
        (graph.sparse_initializer, lambda tensor: tensor.values.name),
    ):
        kept_tensors = [t for t in field if name_of(t) in read | given or not before.readers(name_of(t))]
        if len(kept_tensors) < len(field):
            replace_all(field, kept_tensors)
    made = {name for node in graph.node for name in node.output}
    replace_all(graph.value_info, [value for value in graph.value_info if value.name in made])


def _read(nodes: Sequence[onnx.NodeProto], before: Scope) -> set[str]:
    return before.outputs | {name for node in nodes for name in reads(node)}


def _unread(node: onnx.NodeProto, before: Scope) -> bool:
    """Whether nothing read what a node makes in the network as it was given."""
    return not any(name in before.outputs or before.readers(name) for name in node.output)


def _add_types(graph: onnx.GraphProto, scope: Scope, nodes: Sequence[onnx.NodeProto]) -> None:
    """Say what our nodes make, for readers that do not know our operators."""
    said = {value.name for value in (*graph.value_info, *graph.output)}
    for name in (name for node in nodes for name in node.output if name not in said):
        shape = scope.shapes.get(name)
        graph.value_info.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
