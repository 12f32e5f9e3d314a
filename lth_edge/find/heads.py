"""Attention heads that a ticket has lost, taken out of the network before it is exported, exactly.

Channels and neurons leave the exported graph (`lth_edge.convert.compact`); heads are reshaped there, by sizes that the
exporter writes down, and so leave before.
"""

import copy

import numpy as np
from torch import nn

from lth_edge.find.self_attention import SelfAttention
from lth_edge.find.units import UnitGroup, heads_of
from lth_edge.tasks.vit import Attention
from lth_edge.ticket import Array, Mask


def without_lost_heads(network: nn.Module, mask: Mask) -> tuple[nn.Module, Mask]:
    """The network and the mask without heads that the mask takes out whole; as they are where there are none.

    PyTorch's attention, which holds as many heads as fill its width, becomes one of our own with fewer.
    """
    lost = [group for group in heads_of(network) if {*group.rows, group.column} <= mask.keys()]
    lost = [group for group in lost if not group.kept(mask).all()]
    if not lost:
        return network, mask
    smaller, kept = copy.deepcopy(network), dict(mask)
    for told in lost:
        stay = [int(head) for head in told.kept(mask).nonzero()[0]]
        group = _apart(smaller, told, kept) if told.stacked > 1 else told
        attention = smaller.get_submodule(group.name.removesuffix(".value.weight"))
        assert isinstance(attention, Attention)  # heads_of names no other
        attention.keep_heads(stay)
        kept |= {name: _rows(group, kept[name], stay) for name in group.rows}
        kept[group.column] = _rows(group, kept[group.column].T, stay).T
    return smaller, Mask(kept)


def _apart(network: nn.Module, group: UnitGroup, kept: dict[str, Array]) -> UnitGroup:
    """Put our own attention in the place of PyTorch's, in the network and in the mask; its group of heads."""
    name = group.name.removesuffix(".in_proj_weight")
    layer = network.get_submodule(name)
    assert isinstance(layer, nn.MultiheadAttention)  # what stacks queries, keys and values
    network.set_submodule(name, SelfAttention(layer))
    parts = dict(zip(("query", "key", "value"), np.split(kept.pop(group.name), group.stacked), strict=True))
    [found] = [other for other in heads_of(network) if other.name == f"{name}.attention.value.weight"]
    kept |= {f"{name}.attention.{part}.weight": array for part, array in parts.items()}
    kept[found.column] = kept.pop(group.column)
    return found


def _rows(group: UnitGroup, array: Array, heads: list[int]) -> Array:
    return array.reshape(group.count, -1, array.shape[1])[heads].reshape(-1, array.shape[1])
