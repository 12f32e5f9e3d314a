"""An order of units in which each stands beside one that keeps much the same inputs: their masks are coded in less."""

import numpy as np
import numpy.typing as npt

from lth_edge.ticket import Array

_MOST_UNITS = 1 << 13  # the likeness of each to each is held in memory


def order_by_likeness(mask: Array) -> npt.NDArray[np.int64]:
    """Places of units, each followed by the one most like it that is left; the first keeps the most inputs.

    Args:
        mask: [units, inputs], true where a weight is kept.

    Likeness is the correlation of two rows; of equal ones the first place wins, so that the same mask gives the same
    order. O(units^2 x inputs); more than 8192 units stay as they are.
    """
    units = len(mask)
    if units > _MOST_UNITS:
        return np.arange(units)
    likeness = _likeness(mask)
    order = [int(np.argmax(mask.sum(axis=1)))]
    left = np.ones(units, np.bool_)
    left[order] = False
    while left.any():
        order.append(int(np.argmax(np.where(left, likeness[order[-1]], -np.inf))))
        left[order[-1]] = False
    return np.array(order, np.int64)


def _likeness(mask: Array) -> Array:
    """[units, units], rounded: what a sum's order changes in the last digits decides nothing."""
    centred = mask.astype(np.float64) - mask.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return np.round((centred / lengths) @ (centred / lengths).T, 6)
