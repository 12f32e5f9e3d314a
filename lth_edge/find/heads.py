"""Attention heads that a ticket has lost, taken out of the network before it is exported, exactly.

Channels and neurons leave the exported graph (`lth_edge.convert.compact`); heads are reshaped there, by sizes that the
exporter writes down, and so leave before.
"""

import copy

from torch import nn

from lth_edge.find.units import UnitGroup, heads_of
from lth_edge.tasks.vit import Attention
from lth_edge.ticket import Array, Mask


def without_lost_heads(network: nn.Module, mask: Mask) -> tuple[nn.Module, Mask]:
    """The network and the mask without heads that the mask takes out whole; as they are where there are none."""
    lost = [group for group in heads_of(network) if {*group.rows, group.column} <= mask.keys()]
    lost = [group for group in lost if not group.kept(mask).all()]
    if not lost:
        return network, mask
    smaller, kept = copy.deepcopy(network), dict(mask)
    for group in lost:
        stay = [int(head) for head in group.kept(mask).nonzero()[0]]
        attention = smaller.get_submodule(group.name.removesuffix(".value.weight"))
        assert isinstance(attention, Attention)  # heads_of names no other
        attention.keep_heads(stay)
        kept |= {name: _rows(group, kept[name], stay) for name in group.rows}
        kept[group.column] = _rows(group, kept[group.column].T, stay).T
    return smaller, Mask(kept)


def _rows(group: UnitGroup, array: Array, heads: list[int]) -> Array:
    return array.reshape(group.count, -1, array.shape[1])[heads].reshape(-1, array.shape[1])
