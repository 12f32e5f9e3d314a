"""The ticket of an earlier run, whose mask is kept: it must be one of this very network."""

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from lth_edge.errors import InputError
from lth_edge.ticket import Ticket, chosen_folder

Shape = tuple[int, ...]


def kept_ticket(run: Path, network: nn.Module) -> Ticket:
    """The ticket that a run chose.

    Raises:
        InputError: it is no finished run with a ticket, or one of another network.
        DamagedError: the ticket is damaged.
    """
    ticket = Ticket.load(chosen_folder(run))
    theirs = {name: array.shape for name, array in ticket.weights.items()}
    ours = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    difference = _difference(theirs, ours)
    if difference:
        raise InputError(
            f"the ticket of {run} is of another network: {difference}",
            f"name the network and the classes of that run, see {run / 'recipe.toml'}",
        )
    return ticket


def _difference(theirs: Mapping[str, Shape], ours: Mapping[str, Shape]) -> str:
    """The first in which they differ, weights before biases; empty where they do not."""
    for name, shape in sorted(theirs.items(), key=_axes_first):
        if name not in ours:
            return f"it has {name!r} ({_told(shape)}), and this network has not"
        if ours[name] != shape:
            return f"{name!r} is {_told(shape)} there and {_told(ours[name])} here"
    for name, shape in sorted(ours.items(), key=_axes_first):
        if name not in theirs:
            return f"this network has {name!r} ({_told(shape)}), and it has not"
    return ""


def _axes_first(named: tuple[str, Shape]) -> tuple[int, str]:
    return -len(named[1]), named[0]


def _told(shape: Shape) -> str:
    return " x ".join(map(str, shape)) or "a number"
