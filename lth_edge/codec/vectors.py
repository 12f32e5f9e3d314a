"""A vector of float32 numbers in as few bits as hold it exactly: scales and biases beside coded weights."""

import numpy as np

from lth_edge.ticket import Array

ONE = 127
"""The exponent's field of 1.0 in a float32."""
LARGEST_EXPONENT = 254


def in_few_bits(numbers: Array) -> tuple[Array, int]:
    """The same numbers as int8 times a power of two, given by its exponent; else as float16, else as they are."""
    exponent = _lowest_exponent(numbers)
    if 1 <= exponent <= LARGEST_EXPONENT:
        quotients = numbers.astype(np.float64) / 2.0 ** (exponent - ONE)
        if np.all(np.abs(quotients) <= 127) and not np.any(np.signbit(numbers) & (numbers == 0)):
            return quotients.astype(np.int8), exponent
    with np.errstate(over="ignore"):
        half = numbers.astype("<f2")
    return (half if half.astype("<f4").tobytes() == numbers.tobytes() else numbers.astype("<f4")), ONE


def as_floats(numbers: Array, exponent: int) -> Array:
    """What `in_few_bits` was given, as float32."""
    wide = numbers.astype(np.float32)
    return wide * np.float32(2.0 ** (exponent - ONE)) if numbers.dtype == np.int8 else wide


def _lowest_exponent(numbers: Array) -> int:
    """The exponent's field of the largest power of two that all are multiples of; 0 where there is none."""
    if not np.isfinite(numbers).all():
        return 0
    fractions, exponents = np.frexp(numbers[numbers != 0].astype(np.float64))
    if fractions.size == 0:
        return ONE
    wholes = np.abs(fractions * 2.0**53).astype(np.int64)
    lowest = np.log2((wholes & -wholes).astype(np.float64)).astype(np.int64)
    return int((exponents - 53 + lowest).min()) + ONE
