"""Pruned weights are exactly +0.0 after every step, whatever the optimiser does."""

import numpy as np
import pytest
import torch
from digits_nets import digits, half_mask, perceptron
from torch import nn
from torch.optim import SGD, Adam, AdamW

from lth_edge.find.hold import MaskHold
from lth_edge.ticket import Mask

OPTIMIZERS = {
    "sgd with momentum and decay": lambda p: SGD(p, 0.1, momentum=0.9, weight_decay=1e-2),
    "fused sgd": lambda p: SGD(p, 0.1, momentum=0.9, weight_decay=1e-2, fused=True),
    "adam with decay": lambda p: Adam(p, 1e-2, weight_decay=1e-2),
    "adamw": lambda p: AdamW(p, 1e-2, weight_decay=0.1),
    "fused adamw": lambda p: AdamW(p, 1e-2, weight_decay=0.1, fused=True),
}


def pruned_bits(network: nn.Module, mask: Mask) -> bytes:
    """The bits of all pruned weights: all zero for +0.0, not for -0.0 or NaN."""
    return b"".join(network.get_parameter(name).detach().numpy()[~kept].tobytes() for name, kept in mask.items())


def one_step(network, optimizer, spoil=None):
    x, y = digits()
    optimizer.zero_grad()
    nn.functional.cross_entropy(network(x[:64]), y[:64]).backward()
    if spoil is not None:
        spoil()
    optimizer.step()


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_pruned_weights_are_positive_zero_after_every_step(make):
    network = perceptron()
    optimizer = make(network.parameters())
    one_step(network, optimizer)  # momentum for all weights, before the mask comes
    mask = half_mask(network)
    MaskHold(network, mask)(optimizer)
    for _ in range(5):
        one_step(network, optimizer)
        assert not any(pruned_bits(network, mask))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_gradient_that_is_not_finite_leaves_nothing_in_a_pruned_weight(make, value):
    network = perceptron()
    mask = half_mask(network)
    optimizer = make(network.parameters())
    MaskHold(network, mask)(optimizer)

    def spoil():
        for name, kept in mask.items():
            network.get_parameter(name).grad[torch.from_numpy(~kept)] = value

    one_step(network, optimizer, spoil)
    one_step(network, optimizer)
    assert not any(pruned_bits(network, mask))


def test_kept_weights_learn_as_if_there_were_no_hold():
    held, free = perceptron(), perceptron()
    free.load_state_dict(held.state_dict())
    optimizers = [SGD(network.parameters(), 0.1) for network in (held, free)]
    mask = half_mask(held)
    hold = MaskHold(held, mask)
    hold(optimizers[0])
    free.load_state_dict(held.state_dict())
    for network, optimizer in zip((held, free), optimizers, strict=True):
        one_step(network, optimizer)
    for name, kept in mask.items():
        left, right = (network.get_parameter(name).detach().numpy()[kept] for network in (held, free))
        assert left.tobytes() == right.tobytes()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_the_hold_works_in_every_width_of_float(dtype):
    layer = nn.Linear(8, 8).to(dtype)
    before = layer.weight.detach().clone()
    kept = np.eye(8, dtype=bool)
    MaskHold(layer, Mask({"weight": kept}))
    assert torch.equal(layer.weight.detach(), torch.where(torch.from_numpy(kept), before, torch.zeros_like(before)))


def test_within_the_block_pruned_gradients_are_zero_and_afterwards_they_are_not():
    network = perceptron()
    mask = half_mask(network)
    hold = MaskHold(network, mask)
    x, y = digits()
    name, kept = next(iter(mask.items()))
    with hold.clear_gradients():
        nn.functional.cross_entropy(network(x), y).backward()
    inside = network.get_parameter(name).grad.numpy()
    assert not inside[~kept].any()
    assert inside[kept].any()
    network.zero_grad()
    nn.functional.cross_entropy(network(x), y).backward()
    assert network.get_parameter(name).grad.numpy()[~kept].any()
