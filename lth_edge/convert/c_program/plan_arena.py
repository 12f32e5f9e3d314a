"""Where each tensor lies in the arena: tensors that are never alive together share its numbers.

Greedy by size: the largest first, each in the smallest hole that fits between those alive with it. Pisarchyk and
Lee, "Efficient Memory Management for Deep Neural Net Inference" (2020), section 5.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lth_edge.convert.c_program.layers import Add, Network, Pointwise


@dataclass(frozen=True)
class Arena:
    """Where tensors lie.

    Attributes:
        size: in numbers.
        offsets: tensor -> first number; the network's input and output are not in it.
    """

    size: int
    offsets: Mapping[str, int]


@dataclass
class _Buffer:
    """Tensors in one place, each computed from the one before in place; alive from layer `first` to layer `last`."""

    names: list[str]
    size: int
    first: int
    last: int


def plan_arena(network: Network) -> Arena:
    """Place every tensor between the layers."""
    placed: list[tuple[int, _Buffer]] = []
    for buffer in sorted(_buffers(network), key=lambda each: (-each.size, each.first)):
        beside = sorted(
            (offset, offset + other.size)
            for offset, other in placed
            if other.first <= buffer.last and buffer.first <= other.last
        )
        placed.append((_smallest_hole(beside, buffer.size), buffer))
    size = max((offset + buffer.size for offset, buffer in placed), default=0)
    return Arena(size, {name: offset for offset, buffer in placed for name in buffer.names})


def _smallest_hole(taken: list[tuple[int, int]], size: int) -> int:
    """The offset of the smallest hole between intervals, sorted by their start, or the end of all."""
    best, room, end = None, 0, 0
    for start, after in taken:
        if start - end >= size and (best is None or start - end < room):
            best, room = end, start - end
        end = max(end, after)
    return end if best is None else best


def _buffers(network: Network) -> list[_Buffer]:
    last = {name: place for place, layer in enumerate(network.layers) for name in layer.sources}
    buffers: dict[str, _Buffer] = {}
    for place, layer in enumerate(network.layers):
        if layer.output == network.output:
            continue
        dying = [name for name in layer.sources if name in buffers and last[name] == place]
        if isinstance(layer, Add | Pointwise) and dying:
            buffer = buffers[dying[0]]
            buffer.names.append(layer.output)
            buffer.last = last.get(layer.output, place)
            buffers[layer.output] = buffer
        else:
            buffers[layer.output] = _Buffer([layer.output], layer.makes.size, place, last.get(layer.output, place))
    return list({id(buffer): buffer for buffer in buffers.values()}.values())
