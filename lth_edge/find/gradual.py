"""Gradual magnitude pruning: the mask shrinks while the network trains (Zhu & Gupta, arXiv 1710.01878).

The share of the weights left falls along their cubic curve from all to the level's own, between a tenth and seven
tenths of the steps; the rest of the training is for what is left.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from lth_edge.find.prune import Pruner, Rates
from lth_edge.ticket import Array, Mask

BEGIN, END = 0.1, 0.7
"""Shares of the steps between which weights are pruned."""
PRUNINGS = 50


@dataclass(frozen=True)
class Narrowing:
    """What a training run prunes, and when.

    Attributes:
        whole: the mask at the beginning.
        rates: fraction of the weights of each layer that is gone at the end.
        steps: of the whole training.
        prune: takes the weights out of the mask.
    """

    whole: Mask
    rates: Rates
    steps: int
    prune: Pruner

    def due(self, step: int) -> bool:
        """Whether the mask shrinks after so many steps."""
        return step in self._prunings

    def mask(self, step: int, weights: Mapping[str, Array]) -> Mask:
        """The mask from a step on. Weights that are gone are zero and so the first to go again: masks nest."""
        first, last = min(self._prunings), max(self._prunings)
        to_go = (1 - (step - first) / (last - first)) ** 3 if last > first else 0.0
        return self.prune(weights, self.whole, {name: rate * (1 - to_go) for name, rate in self.rates.items()})

    @cached_property
    def _prunings(self) -> frozenset[int]:
        return frozenset(_step_of(BEGIN + (END - BEGIN) * i / PRUNINGS, self.steps) for i in range(PRUNINGS + 1))


def last_pruning(steps: int) -> int:
    """After how many steps of a training the last weights go."""
    return _step_of(END, steps)


def _step_of(share: float, steps: int) -> int:
    return max(1, math.floor(share * steps + 1e-9))
