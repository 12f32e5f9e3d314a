"""Units that can leave a network whole: channels, neurons, attention heads, each with the weights that go with it.

A unit is rows of the layers that make it and columns of the one layer that reads it. Where both are zero it no longer
matters, whatever its bias, and the exported graph is built without it. Which layer reads which is found by tracing the
network (torch.fx); a layer whose outputs meet others, in a residual sum or a norm over tokens, keeps all its units.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import fx, nn

from lth_edge.errors import InputError, reason
from lth_edge.find.self_attention import is_plain
from lth_edge.tasks.vit import Attention
from lth_edge.ticket import Array, Mask

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d)
UNITWISE = (
    nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Flatten, nn.modules.batchnorm._BatchNorm,
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SiLU, nn.GELU, nn.Hardswish, nn.Sigmoid, nn.Tanh,
    nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d,
)  # fmt: skip
"""Modules that keep units apart on their way from one layer to the next."""
UNITWISE_FUNCTIONS = {
    torch.relu, torch.sigmoid, torch.tanh, torch.flatten, nn.functional.relu, nn.functional.gelu, nn.functional.silu,
    nn.functional.dropout, nn.functional.max_pool2d, nn.functional.avg_pool2d, "relu", "flatten", "sigmoid", "tanh",
}  # fmt: skip


@dataclass(frozen=True)
class UnitGroup:
    """The units of one layer, or the heads of one attention.

    Attributes:
        kind: "channels", "neurons" or "heads".
        count: how many units.
        rows: names of the weights whose first axis holds the units, one after the other.
        column: name of the weight whose second axis does.
        stacked: how many times over the rows hold all units: 3 where one weight makes queries, keys and values.
    """

    kind: str
    count: int
    rows: tuple[str, ...]
    column: str
    stacked: int = 1

    @property
    def name(self) -> str:
        """The weight that the group is named after."""
        return self.rows[0]

    def parts(self, arrays: Mapping[str, Array]) -> list[Array]:
        """The group's weights as (units, weights of a unit), rows first."""
        column = np.moveaxis(arrays[self.column], 1, 0)
        rows = (np.moveaxis(self._stacks(arrays[name]), 0, 1) for name in self.rows)
        return [array.reshape(self.count, -1) for array in (*rows, column)]

    def kept(self, mask: Mask) -> Array:
        """Which units a mask keeps, (units,)."""
        return np.logical_and.reduce([part.any(axis=1) for part in self.parts(mask)])

    def without(self, kept: dict[str, Array], gone: Array) -> None:
        """Clear the units at the indices `gone` in the arrays of a mask."""
        for name in self.rows:
            self._stacks(kept[name])[:, gone] = False
        column = kept[self.column]
        span = column.shape[1] // self.count
        for unit in gone:
            column[:, unit * span : (unit + 1) * span] = False

    def _stacks(self, rows: Array) -> Array:
        """A view of (stacks, units, weights of a unit in one of them)."""
        return rows.reshape(self.stacked, self.count, -1)


def unit_groups(network: nn.Module, prunable: set[str], model: str) -> list[UnitGroup]:
    """Every group of units that can leave the network, in the order in which layers run.

    Args:
        prunable: names of the weights that may be pruned.
        model: the network's name, for messages.

    Raises:
        InputError: the network cannot be traced, or no layer has units that one other layer reads.
    """
    try:
        graph = _Tracer().trace(network)
    except Exception as error:
        raise InputError(
            f"the units of {model} cannot be followed: {reason(error)}",
            "keep control flow that depends on values out of forward(), or use --granularity weight",
        ) from error
    modules = dict(network.named_modules())
    found = [group for node in graph.nodes for group in _groups_at(node, modules)]
    found = [group for group in found if {*group.rows, group.column} <= prunable]
    if not found:
        raise InputError(
            f"no layer of {model} has units that exactly one other layer reads", "use --granularity weight"
        )
    return found


def heads_of(network: nn.Module) -> list[UnitGroup]:
    """The heads of every attention that can lose some."""
    modules = dict(network.named_modules())
    own = [_heads(name, module) for name, module in modules.items() if isinstance(module, Attention)]
    return own + [_heads_of_torch(str(node.target), module) for node, module in _plain_attentions(network, modules)]


def _plain_attentions(
    network: nn.Module, modules: Mapping[str, nn.Module]
) -> Iterator[tuple[fx.Node, nn.MultiheadAttention]]:
    """PyTorch's attentions that are plain self-attention, in a network that can be traced."""
    if not any(isinstance(module, nn.MultiheadAttention) for module in modules.values()):
        return
    try:
        graph = _Tracer().trace(network)
    except Exception:  # a network that cannot be followed keeps all its heads
        return
    for node in graph.nodes:
        module = _called(node, modules)
        if isinstance(module, nn.MultiheadAttention) and is_plain(node, module) and _runs_once(node):
            yield node, module


def _heads(name: str, attention: Attention) -> UnitGroup:
    rows = tuple(f"{name}.{part}.weight" for part in ("value", "query", "key"))
    return UnitGroup("heads", attention.heads, rows, f"{name}.out.weight")


def _heads_of_torch(name: str, attention: nn.MultiheadAttention) -> UnitGroup:
    return UnitGroup("heads", attention.num_heads, (f"{name}.in_proj_weight",), f"{name}.out_proj.weight", stacked=3)


def _called(node: fx.Node, modules: Mapping[str, nn.Module]) -> nn.Module | None:
    return modules.get(str(node.target)) if node.op == "call_module" else None


class _Tracer(fx.Tracer):
    """Goes into every module but layers of PyTorch's own and attention."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, Attention) or super().is_leaf_module(m, module_qualified_name)


def _groups_at(node: fx.Node, modules: dict[str, nn.Module]) -> Iterator[UnitGroup]:
    module = _called(node, modules)
    if isinstance(module, Attention):
        yield _heads(str(node.target), module)
    if isinstance(module, nn.MultiheadAttention) and is_plain(node, module) and _runs_once(node):
        yield _heads_of_torch(str(node.target), module)
    if isinstance(module, LAYERS) and _runs_once(node) and getattr(module, "groups", 1) == 1:
        reader = _reader(node, modules)
        if reader is not None:
            kind = "neurons" if isinstance(module, nn.Linear) else "channels"
            yield UnitGroup(kind, len(module.weight), (f"{node.target}.weight",), f"{reader}.weight")


def _reader(node: fx.Node, modules: dict[str, nn.Module]) -> str | None:
    """The one layer that the node's outputs reach with their units still apart."""
    maker, flat = modules[str(node.target)], False
    while len(node.users) == 1:
        node = next(iter(node.users))
        module = _called(node, modules)
        if isinstance(module, LAYERS):
            fits = _runs_once(node) and getattr(module, "groups", 1) == 1 and _reads_units(maker, module, flat)
            return str(node.target) if fits else None
        if not (isinstance(module, UNITWISE) or node.target in UNITWISE_FUNCTIONS):
            return None
        flat = flat or _flattens_all(node, module)
    return None


def _reads_units(maker: nn.Module, reader: nn.Module, flat: bool) -> bool:
    """Whether a unit of the maker is columns of the reader, one after the other.

    A linear layer's units are the last axis: flattened over tokens they lie scattered. A convolution's are the second,
    which a linear layer reads where all behind it is flattened.
    """
    units, columns = len(maker.get_parameter("weight")), reader.get_parameter("weight").shape[1]
    if isinstance(maker, nn.Linear):
        return isinstance(reader, nn.Linear) and columns == units
    if isinstance(reader, nn.Linear):
        return flat and columns % units == 0
    return columns == units


def _flattens_all(node: fx.Node, module: nn.Module | None) -> bool:
    """Whether a node leaves two axes: the batch, and all else."""
    if isinstance(module, nn.Flatten):
        return (module.start_dim, module.end_dim) == (1, -1)
    if node.target not in {torch.flatten, "flatten"}:
        return False
    first, last = ([*node.args[1:], *(None, None)])[:2]
    return (node.kwargs.get("start_dim", first), node.kwargs.get("end_dim", last)) in {(1, None), (1, -1)}


def _runs_once(node: fx.Node) -> bool:
    return sum(other.target == node.target for other in node.graph.nodes) == 1
