"""Magnitude pruning: weights and a mask in, the next level's mask out. Pure, exact in its counts, ties by index.

Iterative magnitude pruning of Frankle & Carbin (arXiv 1803.03635, section 1): each level removes a fraction of the
*remaining* weights with the smallest magnitudes at the end of training.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np

from lth_edge.recipe import Scope
from lth_edge.ticket import Array, Mask

Rates = Mapping[str, float]
Pruner = Callable[[Mapping[str, Array], Mask, Rates], Mask]
"""(weights, mask, rates) -> a mask nested in the one given."""


def prune(weights: Mapping[str, Array], mask: Mask, rates: Rates, scope: Scope, sparsity: float | None = None) -> Mask:
    """The mask of the next level.

    Args:
        weights: arrays at the end of training, by the names in `mask`.
        rates: fraction of the remaining weights to remove, per name.
        scope: "layer" ranks each layer by itself; "global" ranks layers of equal rate together.
        sparsity: never prune past this fraction of zeros; the last level's counts shrink to leave `fewest_kept`.

    Returns:
        A mask nested in `mask`, with exactly `pruned_counts` fewer weights, or as many as `sparsity` allows.
    """
    groups = _groups(mask, rates, scope)
    counts = _counts(mask, groups, rates)
    if sparsity is not None:
        allowed = max(0, mask.kept - fewest_kept(mask.size, sparsity))
        counts = counts if sum(counts) <= allowed else _shrunk(mask, groups, rates, allowed)
    kept = {name: array.copy() for name, array in mask.items()}
    for names, count in zip(groups, counts, strict=True):
        _remove_smallest([weights[name] for name in names], [kept[name] for name in names], count)
    return Mask(kept)


def pruned_counts(mask: Mask, rates: Rates, scope: Scope) -> int:
    """How many weights one level removes: rounded half up, per layer or per group of equal rate."""
    return sum(_counts(mask, _groups(mask, rates, scope), rates))


def fewest_kept(size: int, sparsity: float) -> int:
    """How many of `size` weights are left at a sparsity: rounded up, so that it is never passed."""
    return math.ceil((1 - sparsity) * size - 1e-6)


def _groups(mask: Mask, rates: Rates, scope: Scope) -> list[list[str]]:
    if scope == "layer":
        return [[name] for name in mask]
    return [[name for name in mask if rates[name] == rate] for rate in dict.fromkeys(rates[name] for name in mask)]


def _counts(mask: Mask, groups: list[list[str]], rates: Rates) -> list[int]:
    remaining = [sum(int(np.count_nonzero(mask[name])) for name in names) for names in groups]
    return [math.floor(rates[names[0]] * left + 0.5) for names, left in zip(groups, remaining, strict=True)]


def _shrunk(mask: Mask, groups: list[list[str]], rates: Rates, allowed: int) -> list[int]:
    """Counts under all rates times one factor, chosen so that they sum to `allowed`."""

    def counts(factor: float) -> list[int]:
        return _counts(mask, groups, {name: rate * factor for name, rate in rates.items()})

    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(counts(middle)) <= allowed else (low, middle)
    found = counts(low)
    # Groups that round up at the same factor: the first of them take what is missing.
    for index, above in enumerate(counts(high)):
        found[index] += min(above - found[index], allowed - sum(found))
    return found


def _remove_smallest(weights: list[Array], kept: list[Array], count: int) -> None:
    """Clear the `count` smallest kept weights of several layers in place; among equals the lowest index goes first."""
    if count == 0:
        return
    magnitudes = np.concatenate([np.abs(w[k]) for w, k in zip(weights, kept, strict=True)])
    threshold = np.partition(magnitudes, count - 1)[count - 1]
    removed = magnitudes < threshold
    ties = np.flatnonzero(magnitudes == threshold)
    removed[ties[: count - np.count_nonzero(removed)]] = True
    for k, part in zip(kept, np.split(removed, np.cumsum([np.count_nonzero(k) for k in kept])[:-1]), strict=True):
        k[k] = ~part
