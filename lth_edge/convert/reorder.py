"""Units in an order that is coded in fewer bytes: the network computes the same, within rounding.

Wherever a layer's units go to one layer alone, they are put in the order of `lth_edge.sparse.order`, and the inputs of
that layer with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from lth_edge.convert.compact import survey
from lth_edge.convert.graph import Graph, check_masks
from lth_edge.convert.parameters import Parameters, write_parameters
from lth_edge.sparse.order import order_by_likeness
from lth_edge.ticket import Array


@dataclass(frozen=True)
class Reordered:
    """Attributes:
    model: its initializers under their old names.
    masks: in the new order.
    layers: names of the weights whose units moved.
    """

    model: onnx.ModelProto
    masks: dict[str, Array]
    layers: list[str]


def reorder_units(model: onnx.ModelProto, masks: Mapping[str, Array]) -> Reordered:
    """Put units beside those like them.

    Args:
        model: zero where the masks prune; left as it is.
        masks: initializer name -> boolean array of its shape, true where kept.

    Raises:
        InputError: a mask does not fit the model.
    """
    reordered = onnx.ModelProto()
    reordered.CopyFrom(model)
    graph = Graph(reordered)
    check_masks(graph, masks)
    layers, flows, _ = survey(graph, reordered)
    parameters = {layer.weight: Parameters.read(graph, layer, masks) for layer in layers}
    moved = []
    for flow in flows:
        producer, consumer = parameters[flow.producer.weight], parameters[flow.consumer.weight]
        if producer.mask.all():
            continue
        order = order_by_likeness(producer.mask.reshape(producer.units, -1))
        producer.keep_units(order)
        consumer.keep_inputs((order[:, None] * flow.span + np.arange(flow.span)).ravel())
        moved.append(flow.producer.weight)
    if moved:
        write_parameters(reordered, flows, parameters)
    turned = {name: parameters[name].cut_mask if name in parameters else mask for name, mask in masks.items()}
    return Reordered(reordered, turned, moved)
