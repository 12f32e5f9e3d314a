import numpy as np
import pytest

from lth_edge.bench.latency import latency_rows
from lth_edge.bench.samples import LatencySamples

RANDOM = np.random.default_rng(0)


def _samples(**forms):
    null = {"1": [[5.0] * 9] * 10}
    return LatencySamples(null, {"1": {name: times.tolist() for name, times in forms.items()}})


def _times(median, noise=0.02):
    """Ten processes of nine runs."""
    return median * RANDOM.lognormal(0, noise, (10, 9))


@pytest.mark.parametrize(("median", "verdict"), [(50.0, "faster"), (200.0, "slower"), (100.0, "no measurable change")])
def test_verdict_follows_the_interval(median, verdict):
    dense, ticket = latency_rows(_samples(dense=_times(100.0), ticket=_times(median)))
    assert dense["speedup"]["verdict"] == "baseline"
    assert ticket["speedup"]["verdict"] == verdict
    assert ticket["speedup"]["median"] == pytest.approx(100 / median, rel=0.05)


def test_the_first_form_is_the_baseline():
    first, second = latency_rows(_samples(sparse=_times(50.0), dense=_times(100.0)))
    assert first["speedup"]["verdict"] == "baseline"
    assert second["speedup"]["verdict"] == "slower"


@pytest.mark.parametrize(("median", "warned"), [(24.9, True), (25.1, False)])
def test_warns_under_five_times_the_null_graph(median, warned):
    (row,) = latency_rows(_samples(dense=np.full((10, 9), median)))
    assert ("under 5x the 5.0 us" in row["warning"]) == warned
