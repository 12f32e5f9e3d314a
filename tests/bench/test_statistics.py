import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lth_edge.bench.statistics import (
    mean_interval,
    median_interval,
    paired_difference,
    percentiles,
    ratio_of_means,
    speedup,
)

FINITE = st.floats(-1e6, 1e6)


def test_percentiles_are_linear_between_neighbours():
    assert percentiles([4, 1, 3, 2, 5], [0, 50, 90, 100]) == pytest.approx([1, 3, 4.6, 5])


@given(st.lists(FINITE, min_size=2, max_size=12), st.integers(0, 3))
def test_median_interval_holds_the_median_and_repeats(values, seed):
    found = median_interval(values, seed)
    assert found == median_interval(values, seed)
    assert min(values) <= found.low <= found.median <= found.high <= max(values)
    assert found.median == np.median(values)


def test_median_interval_covers_the_true_median():
    random = np.random.default_rng(0)
    found = [median_interval(random.normal(3.0, 1.0, 10), seed) for seed in range(200)]
    covered = np.mean([interval.low <= 3.0 <= interval.high for interval in found])
    assert 0.88 <= covered <= 0.99


def test_speedup_is_above_one_for_the_faster():
    slow = [[20.0, 21.0, 400.0], [22.0, 20.0, 22.0], [21.0, 21.0, 21.0]]
    fast = [[10.0, 10.5, 10.0], [11.0, 10.0, 12.0], [10.0, 11.0, 12.0]]
    found = speedup(slow, fast)
    assert found.median == pytest.approx(2.0)
    assert 1.9 < found.low <= found.high < 2.2
    assert speedup(slow, slow) == pytest.approx(speedup(fast, fast))
    assert speedup(fast, slow).high < 1


def test_speedup_cancels_what_slows_a_whole_process():
    base, busy = np.array([20.0, 21.0, 22.0]), [1.0, 3.0, 1.5, 9.0]
    found = speedup([base * factor for factor in busy], [base * factor / 2 for factor in busy])
    assert (found.low, found.median, found.high) == pytest.approx((2, 2, 2))


def test_speedup_needs_the_same_processes():
    with pytest.raises(ValueError, match="shorter"):
        speedup([[1.0], [1.0]], [[1.0]])


@given(st.lists(FINITE, min_size=2, max_size=8))
def test_mean_interval_is_students(values):
    found = mean_interval(values)
    error = stats.sem(values)
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), error) if error else (found.mean,) * 2
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6, abs=1e-6)
    assert found.n == len(values)


def test_a_single_value_has_no_interval():
    assert mean_interval([97.5]).to_dict() == {"mean": 97.5, "low": None, "high": None, "n": 1}


def test_no_values_are_refused():
    for summary in (mean_interval, median_interval):
        with pytest.raises(ValueError, match="no values"):
            summary([])


def test_pairs_hide_what_differs_between_seeds():
    ticket, dense = [90.0, 95.0, 99.0], [89.9, 94.88, 98.89]
    found = paired_difference(ticket, dense)
    assert found.mean == pytest.approx(0.11)
    assert 0 < found.low < found.high
    assert paired_difference([1.0], [2.0]).to_dict() == {"mean": -1.0, "low": None, "high": None, "n": 1}
    with pytest.raises(ValueError, match="shorter"):
        paired_difference(ticket, dense[:2])


def test_a_ratio_of_means_is_paired_and_its_interval_holds_it():
    assert ratio_of_means([300.0], [100.0]).to_dict() == {"mean": 3.0, "low": None, "high": None, "n": 1}
    found = ratio_of_means([100.0, 220.0, 310.0], [50.0, 100.0, 150.0])
    assert found.mean == pytest.approx(2.1) and found.n == 3
    assert 2.0 <= found.low < found.mean < found.high <= 2.2
    assert ratio_of_means([2.0, 4.0], [1.0, 2.0]).low == pytest.approx(2)
    with pytest.raises(ValueError, match="shorter"):
        ratio_of_means([1.0, 2.0], [1.0])
