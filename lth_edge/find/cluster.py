"""Clustered magnitude pruning: what is kept lies together, so that a download says in fewer bytes where it lies.

A weight's score is its magnitude times the root mean squares of its row and of its column, pruned weights counted as
zeros: of two of equal size the one stays of whose unit and input more is left. In the output layer columns alone count,
for its rows are what the network tells apart. A level is pruned in rounds: what goes in one counts in the next (as in
Tanaka et al., arXiv 2006.05467). Pure, exact in its counts: as many weights stay as `lth_edge.find.prune` leaves.
"""

from collections.abc import Mapping

import numpy as np

from lth_edge.find.prune import Rates, prune
from lth_edge.recipe import Scope
from lth_edge.ticket import Array, Mask

ROUNDS = 10
_TINY = float(np.finfo(np.float64).tiny)


def prune_clustered(
    weights: Mapping[str, Array], mask: Mask, rates: Rates, output: str, scope: Scope, sparsity: float | None = None
) -> Mask:
    """The mask of the next level.

    Args:
        weights: arrays at the end of training, by the names in `mask`; the first axis holds a layer's units.
        rates: fraction of the remaining weights to remove, per name.
        output: name of the output layer's weight.
        scope: "layer" ranks each layer by itself; "global" ranks layers of equal rate together.
        sparsity: never prune past this fraction of zeros.

    Returns:
        A mask nested in `mask`, with exactly as many weights as `prune` leaves.
    """
    kept = mask
    for done in range(1, ROUNDS + 1):
        scores = {name: _scores(weights[name], array, name != output) for name, array in kept.items()}
        so_far = {name: 1 - (1 - rate) ** (done / ROUNDS) for name, rate in rates.items()}
        kept = prune(scores, mask, rates if done == ROUNDS else so_far, scope, sparsity)
    return kept


def _scores(weight: Array, kept: Array, by_row: bool) -> Array:
    """0 for what is pruned, above 0 for what is kept. Means are taken as shares of the layer's, to compare layers."""
    sizes = np.where(kept, np.abs(weight), 0).astype(np.float64).reshape(len(weight), -1)
    squares = np.square(sizes)
    mean = max(float(squares.mean()), _TINY)
    rows = squares.mean(axis=1, keepdims=True) / mean if by_row else 1.0
    scores = sizes * np.sqrt(rows * squares.mean(axis=0, keepdims=True) / mean)
    return np.where(kept, np.maximum(scores.reshape(weight.shape), _TINY), 0)
