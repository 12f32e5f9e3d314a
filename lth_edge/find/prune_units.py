"""Structured pruning: whole units by the magnitude of their weights. Pure, exact in its counts, ties by index.

A unit's score is the root mean square of all weights that make or read it, so that units of wide and of narrow layers
can be ranked together (the idea of Li et al., arXiv 1608.08710, with the weights that read a channel counted too).
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from lth_edge.find.prune import Rates
from lth_edge.find.units import UnitGroup
from lth_edge.recipe import Scope
from lth_edge.ticket import Array, Mask


def prune_units(
    weights: Mapping[str, Array], mask: Mask, rates: Rates, groups: Sequence[UnitGroup], scope: Scope
) -> Mask:
    """The mask of the next level: each group loses its rate of the units that are left, and keeps at least one.

    Args:
        weights: arrays at the end of training, by the names in `mask`.
        rates: fraction of the remaining units to remove, by the name of the group's first weight.
        scope: "layer" ranks each group by itself; "global" ranks groups of equal rate together.

    Returns:
        A mask nested in `mask`; weights that belong to no unit stay.
    """
    alive = [group.kept(mask) for group in groups]
    scores = [_scores(group, weights) for group in groups]
    sets = [[i] for i in range(len(groups))] if scope == "layer" else _of_equal_rate(groups, rates)
    gone: list[list[int]] = [[] for _ in groups]
    for members in sets:
        left = sum(int(alive[i].sum()) for i in members)
        count = math.floor(rates[groups[members[0]].name] * left + 0.5)
        ranked = sorted((scores[i][unit], i, unit) for i in members for unit in np.flatnonzero(alive[i]))
        for _, i, unit in ranked:
            if count and len(gone[i]) + 1 < alive[i].sum():
                gone[i].append(int(unit))
                count -= 1
    return _without(mask, groups, gone)


def random_units(mask: Mask, whole: Mask, groups: Sequence[UnitGroup], seed: int) -> Mask:
    """A mask that takes as many units of each group from `whole` as `mask` does, drawn at random from `seed`."""
    generator = np.random.default_rng(seed)
    gone = [sorted(generator.permutation(group.count)[: int(group.count - group.kept(mask).sum())]) for group in groups]
    return _without(whole, groups, gone)


def _without(mask: Mask, groups: Sequence[UnitGroup], gone: Sequence[Sequence[int]]) -> Mask:
    kept = {name: array.copy() for name, array in mask.items()}
    for group, units in zip(groups, gone, strict=True):
        group.without(kept, np.asarray(units, dtype=np.intp))
    return Mask(kept)


def _scores(group: UnitGroup, weights: Mapping[str, Array]) -> list[float]:
    parts = np.concatenate(group.parts(weights), axis=1)
    return [float(score) for score in np.sqrt(np.mean(np.square(parts, dtype=np.float64), axis=1))]


def _of_equal_rate(groups: Sequence[UnitGroup], rates: Rates) -> list[list[int]]:
    by_rate: dict[float, list[int]] = {}
    for i, group in enumerate(groups):
        by_rate.setdefault(rates[group.name], []).append(i)
    return list(by_rate.values())
