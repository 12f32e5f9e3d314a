"""Any ONNX model whose weights hold zeros -> one whose sparse layers run in chains of our operators.

The model stays what it was but for the layers that it pays to convert: inputs, outputs, their names, order and types,
and every tensor that is read elsewhere. What is left dense is left with a reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import onnx
from onnx import inliner

from lth_edge.convert.chain_layer import ChainLayer
from lth_edge.convert.choose_chains import choose_chains
from lth_edge.convert.graph import Graph, bodies, check_masks, replace_all
from lth_edge.convert.outcome import ALREADY_SPARSE, LayerOutcome, already_sparse, outcomes_of
from lth_edge.convert.replace_chains import drop_orphans, replace_chains
from lth_edge.convert.scope import FreshNames, Scope, inferred_graph
from lth_edge.convert.sparse_node import DOMAIN, VERSION, Constants, Values
from lth_edge.convert.sparse_rule import SparseRule
from lth_edge.convert.survey import survey
from lth_edge.ticket import Array

_CONSTANTS_BY_DEFAULT = 4
"""The first file format in which an initializer need not be an input as well."""


@dataclass(frozen=True)
class Converted:
    """A model with our operators, and what became of each layer, in the model's order."""

    model: onnx.ModelProto
    layers: list[LayerOutcome]

    @property
    def any(self) -> bool:
        """Whether any layer was converted."""
        return any(layer.converted for layer in self.layers)

    @property
    def sparse_before(self) -> bool:
        """Whether any layer was sparse before."""
        return any(layer.reason == ALREADY_SPARSE for layer in self.layers)


def to_sparse(
    model: onnx.ModelProto,
    masks: Mapping[str, Array] | None = None,
    min_sparsity: float | None = None,
    values: Values = "fp32",
) -> Converted:
    """Put the layers that gain by it into chains of our operators.

    Args:
        model: left as it is; one that holds our operators already keeps them.
        masks: initializer name -> boolean array of its shape, true where kept; a weight without one keeps what is not
            zero. A kept weight that is zero is stored.
        min_sparsity: convert from this fraction of zeros on, rather than by the rule of `sparse_rule`.
        values: how weights are stored; float16 and int8 round them. What the model itself stores so stays as it is.

    Raises:
        InputError: a mask does not fit the model.
    """
    masks = masks or {}
    converted = _prepared(model)
    check_masks(Graph(converted), masks)
    pass_ = _Pass(masks, min_sparsity, values, FreshNames(converted), _opsets(converted))
    outcomes = pass_.convert(converted.graph, inferred_graph(converted), None)
    if any(outcome.converted for outcome in outcomes) and DOMAIN not in pass_.opsets:
        converted.opset_import.append(onnx.helper.make_opsetid(DOMAIN, VERSION))
    return Converted(converted, outcomes)


@dataclass(frozen=True)
class _Pass:
    """One conversion on its way through a model's graphs."""

    masks: Mapping[str, Array]
    min_sparsity: float | None
    values: Values
    names: FreshNames
    opsets: dict[str, int]

    def convert(self, graph: onnx.GraphProto, inferred: onnx.GraphProto, outer: Scope | None) -> list[LayerOutcome]:
        """Convert a graph in place, the branches and loops inside it first."""
        scope = Scope(graph, inferred, self.opsets, outer)
        outcomes = [*self._inner(graph, inferred, scope), *already_sparse(scope)]
        found = list(survey(scope, self.masks, self.names))
        layers = [layer for layer in found if isinstance(layer, ChainLayer)]
        rule = SparseRule(self.min_sparsity, scope.shapes)
        chains = choose_chains(scope, layers, self.names, rule)
        constants = Constants.none(self.names)
        replace_chains(graph, scope, chains, self.values, constants)
        drop_orphans(graph, scope)
        return [*outcomes, *outcomes_of(found, chains, rule)]

    def _inner(self, graph: onnx.GraphProto, inferred: onnx.GraphProto, scope: Scope) -> list[LayerOutcome]:
        pairs = zip(graph.node, inferred.node, strict=True)
        return [
            outcome
            for node, twin in pairs
            for body, body_inferred in zip(bodies(node), bodies(twin), strict=True)
            for outcome in self.convert(body, body_inferred, scope)
        ]


def _prepared(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy without functions of its own, and with initializers that are constants."""
    prepared = onnx.ModelProto()
    prepared.CopyFrom(inliner.inline_local_functions(model) if model.functions else model)
    if prepared.ir_version < _CONSTANTS_BY_DEFAULT:
        initialized = {tensor.name for tensor in prepared.graph.initializer}
        replace_all(prepared.graph.input, [v for v in prepared.graph.input if v.name not in initialized])
        prepared.ir_version = _CONSTANTS_BY_DEFAULT
    return prepared


def _opsets(model: onnx.ModelProto) -> dict[str, int]:
    return {"" if entry.domain == "ai.onnx" else entry.domain: entry.version for entry in model.opset_import}
