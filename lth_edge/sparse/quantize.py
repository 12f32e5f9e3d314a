"""Kept weights in fewer bits: float16, int8 with a scale per row, or a codebook found by k-means.

"codebook-2-4" stands for two sizes: 2 numbers in the layers that hold half of the kept weights, 4 in others.
What the mask prunes stays exactly zero. After Han et al., "Deep Compression" (2016), section 3; Lloyd, "Least squares
quantization in PCM" (1982).
"""

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from lth_edge.ticket import Array

Values = Literal[
    "fp32", "fp16", "int8",
    "codebook-64", "codebook-32", "codebook-16", "codebook-8", "codebook-4", "codebook-2-4", "codebook-2",
]  # fmt: skip
SMALLEST_FIRST: tuple[Values, ...] = tuple(name for name in reversed(get_args(Values)) if name != "int8")
"""What `auto` tries. int8 is left out: a codebook of 64 is smaller and rounds less."""

TRAINED: frozenset[Values] = frozenset({"codebook-8", "codebook-4", "codebook-2-4", "codebook-2"})
"""So coarse that training within the codebook may be what makes them good enough."""

_ROUNDS = 50
_LARGEST_INT8 = 127
_BIAS_BITS = 8
_COARSE_BIAS_BITS = 5


def values_by_layer(values: Values, kept: Mapping[str, int]) -> dict[str, Values]:
    """How each layer is stored where all of them are stored as `values`.

    Args:
        kept: how many weights each layer keeps, by its name.
    """
    if values != "codebook-2-4":
        return dict.fromkeys(kept, values)
    half, coarse = sum(kept.values()) / 2, set[str]()
    for name in sorted(kept, key=lambda name: -kept[name]):
        if sum(kept[other] for other in coarse) < half:
            coarse.add(name)
    return {name: "codebook-2" if name in coarse else "codebook-4" for name in kept}


def codebook_size(values: Values) -> int:
    """How many different numbers a layer stored as `values` has at most."""
    return int(values.removeprefix("codebook-"))


def quantised_weight(weight: Array, mask: Array, values: Values) -> Array:
    """A weight whose kept numbers are rounded as `values` says, in the weight's own type.

    Args:
        weight: [rows, ...], zero where pruned.
        mask: of its shape, true where kept.
        values: of this layer; "codebook-2-4" is a name for several (`values_by_layer`).

    A weight that cannot be stored so, since it is not finite or beyond float16, is left as it is.
    """
    kept = weight[mask]
    if values == "fp32" or kept.size == 0 or not np.isfinite(kept).all():
        return weight
    if values == "int8":
        return np.where(mask, _rounded_rows(weight), 0).astype(weight.dtype)
    rounded = weight.copy()
    rounded[mask] = _half(kept) if values == "fp16" else _nearest(kept, codebook(kept, codebook_size(values)))
    return rounded


def quantised_bias(bias: Array, values: Values) -> Array:
    """A bias (or any vector that is added or multiplied) in the bits that suit weights stored as `values`.

    Beside a codebook: multiples of a power of two, 128 of them up to the largest number, 16 beside a codebook
    that is trained within.
    """
    if values == "fp32" or bias.size == 0 or not np.isfinite(bias).all() or not np.any(bias):
        return bias
    if not values.startswith("codebook"):
        return _half(bias).astype(bias.dtype)
    bits = _COARSE_BIAS_BITS if values in TRAINED else _BIAS_BITS
    step = 2.0 ** (np.ceil(np.log2(np.abs(bias).max())) - (bits - 1))
    most = 2.0 ** (bits - 1) - 1
    whole = np.clip(np.rint(bias / step), -most, most) + 0.0  # no -0.0, which whole numbers do not have
    return (whole * step).astype(bias.dtype)


def codebook(numbers: Array, size: int) -> npt.NDArray[np.float64]:
    """Numbers, `size` at most and each a float16, rising: the means of the clusters that k-means finds.

    It begins with the quantiles, so that the same numbers give the same codebook.
    """
    ordered = np.sort(numbers.astype(np.float64), axis=None)
    different = np.unique(ordered)
    if different.size <= size:
        return np.unique(_half(different))
    means = np.unique(np.quantile(ordered, (np.arange(size) + 0.5) / size))
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    for _ in range(_ROUNDS):
        borders = np.searchsorted(ordered, (means[1:] + means[:-1]) / 2)
        starts, ends = np.concatenate([[0], borders]), np.concatenate([borders, [ordered.size]])
        filled = ends > starts
        moved = ((sums[ends] - sums[starts])[filled]) / (ends - starts)[filled]
        if np.array_equal(moved, means):
            break
        means = moved
    return np.unique(_half(means).astype(np.float64))


def _nearest(numbers: Array, levels: npt.NDArray[np.float64]) -> Array:
    return levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, numbers)].astype(numbers.dtype)


def _rounded_rows(weight: Array) -> Array:
    """Multiples of a 127th of each row's largest."""
    rows = weight.reshape(len(weight), -1)
    scale = (np.abs(rows).max(axis=1, keepdims=True, initial=0.0) / _LARGEST_INT8).astype(np.float32)
    scale[scale == 0] = 1
    return (np.rint(rows / scale) * scale).reshape(weight.shape)


def _half(numbers: Array) -> Array:
    """Rounded to float16; as they are where that cannot hold them."""
    with np.errstate(over="ignore"):
        half = numbers.astype(np.float16)
    return half.astype(numbers.dtype) if np.isfinite(half).all() else numbers
