"""Units that can no longer matter, removed exactly.

A unit is dead where the mask keeps none of its incoming weights: it emits a constant, activation(bias),
which goes into the bias of the layer that reads it. It is unused where the mask keeps none of its outgoing
weights: it just goes. Zero padding between the two puts zeros beside the constant, so there a unit goes
only if its constant is zero. The masks decide, never a weight's value. Removals can kill more units, so
this goes on until none does.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from lth_edge.convert.constants import emitted
from lth_edge.convert.flow import Flow, follow, shapes_of
from lth_edge.convert.graph import WEIGHT_LAYERS, Graph, check_masks, kind
from lth_edge.convert.layers import Layer, Refused, read_layer
from lth_edge.convert.parameters import Flags, Parameters, write_parameters
from lth_edge.ticket import Array


@dataclass(frozen=True)
class Removal:
    """Units removed from one layer.

    Attributes:
        layer: name of its weight.
        units: how many it had.
        folded: removed with their constant folded into the next layer's bias.
        unused: removed since nothing reads them.
    """

    layer: str
    units: int
    folded: int
    unused: int


@dataclass(frozen=True)
class Refusal:
    """Why a layer keeps units; `layer` is the name of its weight."""

    layer: str
    reason: str


@dataclass(frozen=True)
class Compacted:
    """A smaller model that computes the same, within rounding.

    Attributes:
        model: the model, its initializers under their old names.
        masks: the masks, cut to the new shapes.
        removals: one per layer that lost units.
        refusals: one per layer that could not lose any, or not all of its dead units.
    """

    model: onnx.ModelProto
    masks: dict[str, Array]
    removals: list[Removal]
    refusals: list[Refusal]


def remove_dead_units(model: onnx.ModelProto, masks: Mapping[str, Array]) -> Compacted:
    """Remove every unit that the masks make irrelevant; a layer always keeps one.

    Args:
        model: zero where the masks prune; left as it is.
        masks: initializer name -> boolean array of its shape, true where kept; a layer without one keeps all.

    Raises:
        InputError: a mask does not fit the model.
    """
    compacted = onnx.ModelProto()
    compacted.CopyFrom(model)
    graph = Graph(compacted)
    check_masks(graph, masks)
    layers, flows, refusals = survey(graph, compacted)
    parameters = {layer.weight: Parameters.read(graph, layer, masks) for layer in layers}
    while sum(_shrink(graph, flow, parameters, compacted) for flow in flows):
        continue
    refusals += [refusal for flow in flows for refusal in _stuck(graph, flow, parameters, compacted)]
    refusals += _strangers(masks, parameters, refusals)
    removals = _removals(parameters)
    if removals:
        write_parameters(compacted, flows, parameters)
    cut = {name: parameters[name].cut_mask if name in parameters else mask for name, mask in masks.items()}
    return Compacted(compacted, cut, removals, refusals)


def _strangers(
    masks: Mapping[str, Array], parameters: Mapping[str, Parameters], refusals: list[Refusal]
) -> list[Refusal]:
    known = {*parameters, *(refusal.layer for refusal in refusals)}
    return [Refusal(name, "no Gemm, MatMul or Conv reads it as its weight") for name in masks if name not in known]


def _removals(parameters: Mapping[str, Parameters]) -> list[Removal]:
    lost = {name: held for name, held in parameters.items() if held.units < held.had}
    return [Removal(name, held.had, held.folded, held.unused) for name, held in lost.items()]


def survey(graph: Graph, model: onnx.ModelProto) -> tuple[list[Layer], list[Flow], list[Refusal]]:
    """All layers, where the units of each go, and why those of some cannot be followed."""
    shapes = shapes_of(model)
    layers: dict[str, Layer] = {}
    flows, refusals = [], []
    for node in graph.nodes:
        if kind(node) in WEIGHT_LAYERS:
            try:
                layers[node.output[0]] = read_layer(graph, node)
            except Refused as refused:
                if graph.constant(node.input[1]) is not None:
                    refusals.append(Refusal(node.input[1], str(refused)))
    for layer in layers.values():
        try:
            flows.append(follow(graph, layer, layers, shapes))
        except Refused as refused:
            refusals.append(Refusal(layer.weight, str(refused)))
    return list(layers.values()), flows, refusals


def _shrink(graph: Graph, flow: Flow, parameters: Mapping[str, Parameters], model: onnx.ModelProto) -> int:
    """Remove the dead units of one layer; how many there were."""
    producer, consumer = parameters[flow.producer.weight], parameters[flow.consumer.weight]
    unused, folded, constants = _dead(graph, flow, parameters, model)
    gone = unused | folded
    if gone.all():
        gone[0] = False
    folded, unused = folded & gone, unused & gone
    if folded.any():
        outgoing = _by_unit(consumer.weight, gone.size).sum(axis=-1, dtype=np.float64)
        share = outgoing @ np.where(folded, constants, 0)
        consumer.bias = (consumer.bias_or_zero + share).astype(consumer.weight.dtype)
    producer.keep_units(~gone)
    consumer.keep_inputs(np.repeat(~gone, flow.span))
    producer.folded += int(folded.sum())
    producer.unused += int(unused.sum())
    return int(gone.sum())


def _dead(
    graph: Graph, flow: Flow, parameters: Mapping[str, Parameters], model: onnx.ModelProto
) -> tuple[Flags, Flags, Array]:
    """Which units are unused, which others can be folded, and the constant that each of those emits."""
    producer, consumer = parameters[flow.producer.weight], parameters[flow.consumer.weight]
    unused = np.logical_not(_by_unit(consumer.mask, producer.units).any(axis=(0, 2)))
    constants, exact = emitted(graph, flow, producer.bias_or_zero, model)
    return unused, producer.without_inputs & exact & ~unused, constants


def _stuck(graph: Graph, flow: Flow, parameters: Mapping[str, Parameters], model: onnx.ModelProto) -> list[Refusal]:
    unused, folded, _ = _dead(graph, flow, parameters, model)
    stuck = int((parameters[flow.producer.weight].without_inputs & ~unused & ~folded).sum())
    reason = f"{stuck} dead units emit a constant that zero padding would stand beside, or that is not finite"
    return [Refusal(flow.producer.weight, reason)] if stuck else []


def _by_unit(array: Array, units: int) -> Array:
    """A consumer's [outputs, units, weights per unit], whatever its kernel, flattened or not."""
    return array.reshape(len(array), units, -1)
