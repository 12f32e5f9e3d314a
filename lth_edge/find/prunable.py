"""Which weights may be pruned, and which of them belong to the output layer."""

from dataclasses import dataclass

import torch
from torch import nn

from lth_edge.errors import InputError
from lth_edge.tasks.task import Task

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.MultiheadAttention)
NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


@dataclass(frozen=True)
class Prunable:
    """Shapes of the prunable weights by parameter name, and the name of the output layer's.

    Biases, norms, embeddings and recurrent weights are never pruned.
    """

    shapes: dict[str, tuple[int, ...]]
    output: str


def prunable(task: Task, network: nn.Module) -> Prunable:
    """Find the weights of linear, convolution and attention layers.

    Raises:
        InputError: there are none.
    """
    owners = _owners(network)
    if not owners:
        raise InputError(
            f"{task.model} has nothing to prune",
            "it needs a Linear, Conv or MultiheadAttention layer of its own",
        )
    shapes = {name: tuple(network.get_parameter(name).shape) for name in owners}
    return Prunable(shapes, _last_to_run(task, network, owners))


def has_norms(network: nn.Module) -> bool:
    """Whether any layer normalises: such nets need a late rewind (arXiv 1912.05671)."""
    return any(isinstance(module, NORMS) for module in network.modules())


def _owners(network: nn.Module) -> dict[str, nn.Module]:
    """Parameter name -> layer; a shared weight counts once, under its first name."""
    first_names = {id(parameter): name for name, parameter in network.named_parameters()}
    for module in network.modules():
        if isinstance(module, nn.Embedding):
            # A linear layer tied to an embedding shares its weight, and embeddings are never pruned.
            first_names.pop(id(module.weight), None)
    owners: dict[str, nn.Module] = {}
    for module in network.modules():
        if isinstance(module, LAYERS):
            for parameter in (getattr(module, "weight", None), getattr(module, "in_proj_weight", None)):
                if isinstance(parameter, nn.Parameter) and id(parameter) in first_names:
                    owners.setdefault(first_names[id(parameter)], module)
    return owners


def _last_to_run(task: Task, network: nn.Module, owners: dict[str, nn.Module]) -> str:
    """The weight whose layer runs last: registration order says nothing about a user's forward()."""
    ran: list[nn.Module] = []
    handles = [m.register_forward_hook(lambda module, *_: ran.append(module)) for m in set(owners.values())]
    training = network.training
    inputs, _ = task.splits.train.batch(torch.arange(min(2, len(task.splits.train))))
    with torch.no_grad():
        task.deployed(network).eval()(*inputs)
    network.train(training)
    for handle in handles:
        handle.remove()
    names = [name for name, module in owners.items() if ran and module is ran[-1]]
    return names[-1] if names else list(owners)[-1]
