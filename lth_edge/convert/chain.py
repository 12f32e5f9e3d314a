"""Layers gathered into chains: as many in one as can run together without waiting for a node outside.

A chain is convex: no way through the network leaves it and comes back. So the network stays free of cycles when one
node stands for the chain.
"""

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import onnx

from lth_edge.convert.chain_layer import ChainLayer
from lth_edge.convert.graph import reads

_MOST_LAYERS = 1024
_MOST_ACTIVATIONS = 64
_MOST_OUTPUTS = 64


@dataclass(frozen=True, eq=False)
class Chain:
    """Layers that one node runs, each after those that it reads."""

    layers: tuple[ChainLayer, ...]

    @property
    def activations(self) -> tuple[str, ...]:
        """The tensors that the chain reads from outside, in the order of first use."""
        made = {layer.output for layer in self.layers}
        return tuple(dict.fromkeys(name for layer in self.layers for name in layer.reads if name not in made))


@dataclass(frozen=True, eq=False)
class Item:
    """Something in a network that needs tensors and makes tensors."""

    needs: tuple[str, ...]
    makes: tuple[str, ...]
    content: "onnx.NodeProto | ChainLayer | Chain"


def item_of(content: "onnx.NodeProto | ChainLayer | Chain") -> Item:
    """A node, a layer or a chain by what it needs and makes."""
    if isinstance(content, Chain):
        return Item(content.activations, tuple(layer.output for layer in content.layers), content)
    if isinstance(content, ChainLayer):
        return Item(content.reads, (content.output,), content)
    return Item(tuple(reads(content)), tuple(filter(None, content.output)), content)


def gather(layers: Sequence[ChainLayer], nodes: Iterable[onnx.NodeProto], outputs: Collection[str]) -> list[Chain]:
    """Put layers of one kind into chains, each as long as can be.

    Args:
        layers: all that will run in a chain.
        nodes: everything else in the network.
        outputs: of the network.
    """
    network = _Network([item_of(content) for content in (*layers, *nodes)], outputs)
    for place in network.order:
        if isinstance(network.items[place].content, ChainLayer):
            for neighbour in network.neighbours(place):
                network.join(neighbour, place)
    return network.chains()


def in_order(items: Sequence[Item]) -> list[Item]:
    """Each item after those that make what it needs, else as they were."""
    makers = {name: place for place, item in enumerate(items) for name in item.makes}
    needed = [{makers[name] for name in item.needs if name in makers} for item in items]
    waiting = [len(places) for places in needed]
    readers: list[list[int]] = [[] for _ in items]
    for place, places in enumerate(needed):
        for maker in places:
            readers[maker].append(place)
    ready = [place for place, count in enumerate(waiting) if count == 0]
    done = []
    while ready:
        place = heapq.heappop(ready)
        done.append(items[place])
        for reader in readers[place]:
            waiting[reader] -= 1
            if waiting[reader] == 0:
                heapq.heappush(ready, reader)
    assert len(done) == len(items), "a network has no cycle"
    return done


class _Network:
    """Items and the chains that they are in so far; every item starts as a chain of its own."""

    def __init__(self, items: list[Item], outputs: Collection[str]) -> None:
        self.items = in_order(items)
        self._outputs = outputs
        self.order = range(len(items))
        self._makers = {name: place for place, item in enumerate(self.items) for name in item.makes}
        self._readers: dict[str, list[int]] = {}
        for place, item in enumerate(self.items):
            for name in item.needs:
                self._readers.setdefault(name, []).append(place)
        self._members = {place: {place} for place in self.order}
        self._chain = list(self.order)

    def neighbours(self, place: int) -> Iterator[int]:
        """Earlier layers of the same kind that make what a layer reads, or read the same."""
        for name in self.items[place].needs:
            maker = self._makers.get(name)
            for other in ([] if maker is None else [maker], self._readers[name]):
                yield from (at for at in other if at < place and self._alike(at, place))

    def _alike(self, a: int, b: int) -> bool:
        one, other = self.items[a].content, self.items[b].content
        return isinstance(one, ChainLayer) and isinstance(other, ChainLayer) and one.spatial == other.spatial

    def join(self, a: int, b: int) -> None:
        """Make one chain of two, unless it would be too large or not convex."""
        first, second = self._chain[a], self._chain[b]
        together = self._members[first] | self._members[second]
        if first == second or self._too_large(together) or self._returns(together):
            return
        self._members[first] = together
        for place in self._members.pop(second):
            self._chain[place] = first

    def _too_large(self, places: set[int]) -> bool:
        made = {name for place in places for name in self.items[place].makes}
        read = {name for place in places for name in self.items[place].needs}
        given = sum(name in self._outputs or not places.issuperset(self._readers.get(name, ())) for name in made)
        return len(places) > _MOST_LAYERS or len(read - made) > _MOST_ACTIVATIONS or given > _MOST_OUTPUTS

    def _returns(self, places: set[int]) -> bool:
        """Whether a way leaves these items and comes back to them."""
        seen: set[int] = set()
        ahead = self._after(places) - places
        while ahead:
            place = ahead.pop()
            chain = self._members[self._chain[place]]
            seen |= chain
            following = self._after(chain)
            if following & places:
                return True
            ahead |= following - seen
        return False

    def _after(self, places: Iterable[int]) -> set[int]:
        made = (name for place in places for name in self.items[place].makes)
        return {reader for name in made for reader in self._readers.get(name, ())}

    def chains(self) -> list[Chain]:
        """Those of layers, in the network's order."""
        found = []
        for members in self._members.values():
            contents = [self.items[place].content for place in sorted(members)]
            layers = tuple(content for content in contents if isinstance(content, ChainLayer))
            if layers:
                found.append(Chain(layers))
        return found
