"""Multiplying by a real factor in integers alone: times 31 bits, then a rounding shift.

After Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"
(2018), section 2.2, with one rounding instead of two.
"""

from typing import NamedTuple

import numpy as np

from lth_edge.ticket import Array

_BITS = 31
_MOST_SHIFT = 62


class Rescale(NamedTuple):
    """x -> (x * multiplier + 2^(shift - 1)) >> shift, one pair a row or channel.

    Attributes:
        multipliers: below 2^31 in size; int64 here, int32 in C.
        shifts: 1 to 62.
    """

    multipliers: Array
    shifts: Array

    @classmethod
    def of(cls, factors: Array) -> "Rescale":
        """The nearest to these real factors."""
        _, exponents = np.frexp(np.asarray(factors, np.float64))
        shifts = np.clip(_BITS - exponents, 1, _MOST_SHIFT)
        return cls(multipliers_of(factors, shifts), shifts)

    def apply(self, x: Array) -> Array:
        """Rescale int32 numbers.

        Args:
            x: int64 of 32 bits, its second axis that of the rows or channels.
        """
        shape = (-1, *[1] * (x.ndim - 2))
        return shifted(x * self.multipliers.reshape(shape), self.shifts.reshape(shape))


def multipliers_of(factors: Array, shifts: Array) -> Array:
    """Real factors in units of 2^-shift."""
    most = 2**_BITS - 1
    return np.clip(np.rint(np.ldexp(np.asarray(factors, np.float64), shifts)), -most, most).astype(np.int64)


def shifted(products: Array, shifts: Array) -> Array:
    """Rounded to the nearest, halves up."""
    return (products + (np.int64(1) << (shifts - 1))) >> shifts
