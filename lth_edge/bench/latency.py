"""Latency: all forms were interleaved in each of several processes, and are compared within a process."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

from lth_edge.bench.samples import LatencySamples, PerProcess
from lth_edge.bench.statistics import MedianInterval, percentiles, speedup

NO_CHANGE = "no measurable change"
RESOLUTION = 0.02
"""Ratios closer to 1 are not told apart: where a file lies in memory makes as much."""
_CALLS_AT_LEAST = 5


def latency_rows(samples: LatencySamples) -> list[dict[str, Any]]:
    """Percentiles over all processes, speed-up over the first form, doubts: a row per batch size and form."""
    null = null_medians(samples)
    return [
        _row(batch, form, forms, null[batch])
        for batch, forms in samples.forms_us.items()
        for form in forms
    ]  # fmt: skip


def null_medians(samples: LatencySamples) -> dict[str, float]:
    """Batch size -> median time of the null graph, in microseconds."""
    return {batch: _pooled(times, [50])[0] for batch, times in samples.null_us.items()}


def _row(batch: str, form: str, forms: Mapping[str, PerProcess], null_us: float) -> dict[str, Any]:
    p50, p90, p95, p99 = _pooled(forms[form], [50, 90, 95, 99])
    return {
        "form": form,
        "batch": int(batch),
        "p50_us": p50,
        "p90_us": p90,
        "p95_us": p95,
        "p99_us": p99,
        "speedup": _speedup(form, forms),
        "warning": _warning(p50, null_us),
    }


def _speedup(form: str, forms: Mapping[str, PerProcess]) -> dict[str, Any]:
    baseline = next(iter(forms))
    if form == baseline:
        return {"median": 1.0, "low": 1.0, "high": 1.0, "verdict": "baseline"}
    interval = speedup(forms[baseline], forms[form])
    return asdict(interval) | {"verdict": _verdict(interval)}


def _verdict(interval: MedianInterval) -> str:
    """A change whose interval excludes 1, and that is large enough for another machine or day to show it too."""
    if interval.low <= 1 <= interval.high or abs(interval.median - 1) < RESOLUTION:
        return NO_CHANGE
    return "faster" if interval.median > 1 else "slower"


def _warning(p50_us: float, null_us: float) -> str:
    if p50_us >= _CALLS_AT_LEAST * null_us:
        return ""
    return f"a median under {_CALLS_AT_LEAST}x the {null_us:.1f} us of an empty graph: the call itself weighs in"


def _pooled(times: PerProcess, ranks: Sequence[float]) -> list[float]:
    return percentiles(list(chain.from_iterable(times)), ranks)
