"""Medians, intervals and paired differences: what the raw figures allow one to say."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

CONFIDENCE = 0.95
_RESAMPLES = 10_000

Numbers = Sequence[float] | npt.NDArray[Any]


@dataclass(frozen=True)
class MedianInterval:
    """A median and its bootstrap interval."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class MeanInterval:
    """A mean (or a ratio of means), its 95% interval and the number of values; no interval from a single value."""

    mean: float
    low: float | None
    high: float | None
    n: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def percentiles(samples: Numbers, ranks: Sequence[float]) -> list[float]:
    """The percentiles (0 to 100) of the samples, linear between neighbours."""
    return [float(value) for value in np.percentile(_numbers(samples), ranks)]


def median_interval(values: Numbers, seed: int = 0) -> MedianInterval:
    """The median and its percentile bootstrap interval (Efron and Tibshirani 1993, section 13.3), 95%.

    Args:
        values: one per process; samples of one process are not independent, and an interval from them comes
            out far too narrow.
        seed: of the resampling: the same values give the same interval.
    """
    array = _numbers(values)
    drawn = np.random.default_rng(seed).integers(0, array.size, (_RESAMPLES, array.size))
    low, high = np.quantile(np.median(array[drawn], axis=1), _tails())
    return MedianInterval(float(np.median(array)), float(low), float(high))


def speedup(baseline: Sequence[Numbers], form: Sequence[Numbers], seed: int = 0) -> MedianInterval:
    """How many times faster than the baseline a form is: above 1 is faster.

    Each process ran both and gives one ratio of medians, baseline over form. What returns is the median of
    these ratios and its interval over processes.

    Args:
        baseline, form: one sequence of times per process, in the same order of processes.

    Raises:
        ValueError: not the same number of processes.
    """
    ratios = [np.median(b) / np.median(f) for b, f in zip(baseline, form, strict=True)]
    return median_interval(ratios, seed)


def mean_interval(values: Numbers) -> MeanInterval:
    """The mean and its 95% Student t interval, with n - 1 degrees of freedom."""
    array = _numbers(values)
    mean = float(array.mean())
    if array.size == 1:
        return MeanInterval(mean, None, None, 1)
    quantile = float(stdtrit(array.size - 1, (1 + CONFIDENCE) / 2))
    half_width = quantile * float(array.std(ddof=1)) / array.size**0.5
    return MeanInterval(mean, mean - half_width, mean + half_width, array.size)


def ratio_of_means(values: Numbers, reference: Numbers, seed: int = 0) -> MeanInterval:
    """The mean of `values` over that of `reference`, and its 95% bootstrap interval over pairs (one pair per seed).

    Args:
        seed: of the resampling: the same pairs give the same interval.

    Raises:
        ValueError: not the same number of values.
    """
    pairs = np.array(list(zip(_numbers(values), _numbers(reference), strict=True)))
    top, bottom = pairs.mean(axis=0)
    if len(pairs) == 1:
        return MeanInterval(float(top / bottom), None, None, 1)
    drawn = np.random.default_rng(seed).integers(0, len(pairs), (_RESAMPLES, len(pairs)))
    tops, bottoms = pairs[drawn].mean(axis=1).T
    low, high = np.quantile(tops / bottoms, _tails())
    return MeanInterval(float(top / bottom), float(low), float(high), len(pairs))


def paired_difference(values: Numbers, reference: Numbers) -> MeanInterval:
    """The mean of `values - reference`, pair by pair (one pair per seed), and its t interval.

    Raises:
        ValueError: not the same number of values.
    """
    pairs = zip(values, reference, strict=True)
    return mean_interval([value - other for value, other in pairs])


def _tails() -> tuple[float, float]:
    return (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2


def _numbers(values: Numbers) -> npt.NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64).ravel()
    if array.size == 0:
        raise ValueError("no values to summarise")
    return array
