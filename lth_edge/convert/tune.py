"""`lth-edge convert --tune`: how each convolution is cut into tiles, chosen by timing on this machine.

Without it the choice follows from shape, density and instruction set by rule, and is the same every time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import onnx
from onnx import helper

from lth_edge.convert.graph import bodies, kind, replace_all
from lth_edge.convert.race import Course, race
from lth_edge.convert.single_layer import ConvNode, Size
from lth_edge.convert.tune_candidates import BY_RULE, Way, candidates, smaller_blocks

GAIN = 1.05
"""A way is kept from this speed-up over the rule's on."""

_ROUNDS = 5
_OPENINGS = 4  # of the final's sessions
_FINALISTS = 2


@dataclass(frozen=True)
class TunedLayer:
    """What became of one convolution.

    Attributes:
        name: of the weight that it was.
        way: the entries of its attribute `tuning`; zeros are the rule's.
        speedup: over the rule's way, of this layer alone; 1 where that stays.
        reason: why it was not timed; empty where it was.
    """

    name: str
    way: Way = BY_RULE
    speedup: float = 1.0
    reason: str = ""


def tune(model: onnx.ModelProto) -> list[TunedLayer]:
    """Time candidates for each convolution in our nodes and store in each node what was clearly faster.

    It takes about a second a layer, on one thread. Depthwise convolutions, and linear layers, have no choice to make.

    Args:
        model: changed in place: nodes with a gain get the attribute `tuning`.

    Returns:
        one entry a convolution, in the model's order.
    """
    return [layer for node, tensors in _nodes(model.graph, {}) for layer in _tune_node(node, ConvNode(node, tensors))]


def _nodes(
    graph: onnx.GraphProto, outer: Mapping[str, onnx.TensorProto]
) -> Iterator[tuple[onnx.NodeProto, Mapping[str, onnx.TensorProto]]]:
    """The SparseConv nodes of a graph and of the graphs inside it, each with the initializers that it sees."""
    tensors = {**outer, **{tensor.name: tensor for tensor in graph.initializer}}
    for node in graph.node:
        for body in bodies(node):
            yield from _nodes(body, tensors)
        if kind(node) == "lth_edge.SparseConv":
            yield node, tensors


def _tune_node(node: onnx.NodeProto, taken: ConvNode) -> list[TunedLayer]:
    places = [place for place in range(taken.layers) if taken.tunable(place)]
    if not taken.sized:
        return [TunedLayer(taken.name(place), reason="the size of its input is not known") for place in places]
    sizes = taken.sizes()
    found = {place: _tune_layer(taken, place, sizes) for place in places}
    ways = [found[place].way if place in found else BY_RULE for place in range(taken.layers)]
    replace_all(node.attribute, [item for item in node.attribute if item.name != "tuning"])
    if any(way != BY_RULE for way in ways):
        node.attribute.append(helper.make_attribute("tuning", [number for way in ways for number in way]))
    return list(found.values())


def _tune_layer(taken: ConvNode, place: int, sizes: Sequence[Size]) -> TunedLayer:
    """Heats among all candidates; a final, with smaller blocks too, that none of the heats' luck goes into."""
    of, out = taken.of(place), (1, *taken.output(place, sizes)[2:])[-2:]
    ways = candidates(of["channels"][0] // of["group"][0], of["kernel_shape"], of["strides"], out)
    heats = _shares(taken, place, sizes, ways, openings=1)
    best = sorted(ways, key=lambda way: heats[way])[:_FINALISTS]
    final = _shares(taken, place, sizes, [*best, *smaller_blocks(best[0])], _OPENINGS)
    winner = min(final, key=lambda way: final[way])
    if final[winner] * GAIN > 1:
        return TunedLayer(taken.name(place))
    return TunedLayer(taken.name(place), winner, 1 / final[winner])


def _shares(taken: ConvNode, place: int, sizes: Sequence[Size], ways: Sequence[Way], openings: int) -> dict[Way, float]:
    """Time of each way as a share of the rule's."""
    models = [taken.alone(place, sizes, way) for way in (BY_RULE, *ways)]
    course = Course(taken.inputs(place, sizes), taken.output(place, sizes))
    return dict(zip(ways, race(models, course, _ROUNDS, openings)[1:], strict=True))
