"""Where the weights that a mask keeps lie.

`random` is what the speed table has. The others keep as many, to tell what a kernel's inner loop loses to what: with
`even` masks every row ends after as many weights as the one before it, which a CPU foresees; with `near` masks these
besides read few of the inputs, which then stay in the nearest cache.
"""

from collections.abc import Callable

import torch
from torch import Tensor

_GROUP_CHANNELS, _GROUP_WEIGHTS = 8, 64
"""A group of a row's weights: at least so many channels, at least so many weights."""


def random(weight: Tensor, sparsity: float) -> Tensor:
    """Exactly round(sparsity * n) of n weights are not kept, drawn at random."""
    kept = torch.ones(weight.numel(), dtype=torch.bool)
    kept[torch.randperm(weight.numel())[: round(sparsity * weight.numel())]] = False
    return kept.view(weight.shape)


def even(weight: Tensor, sparsity: float) -> Tensor:
    """As many in each group of neighbouring channels of each row, drawn at random there."""
    return _by_groups(weight, sparsity, lambda groups: torch.rand(groups.shape).argsort(-1))


def near(weight: Tensor, sparsity: float) -> Tensor:
    """As many in each group of each row, the first of them."""
    return _by_groups(weight, sparsity, lambda groups: torch.arange(groups.shape[-1]).expand(groups.shape))


def _by_groups(weight: Tensor, sparsity: float, rank: Callable[[Tensor], Tensor]) -> Tensor:
    """Keeps those of the lowest ranks in each group; rows that do not divide into groups are kept at random."""
    window = weight[0, 0].numel()
    group = max(_GROUP_CHANNELS, _GROUP_WEIGHTS // window) * window
    if weight[0].numel() % group:
        return random(weight, sparsity)
    groups = weight.view(weight.shape[0], -1, group)
    return (rank(groups) < round((1 - sparsity) * group)).view(weight.shape)


PATTERNS: dict[str, Callable[[Tensor, float], Tensor]] = {"random": random, "even": even, "near": near}
