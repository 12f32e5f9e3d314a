"""Latency: all forms interleaved in each of several processes, compared within a process."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from lth_edge.bench.process import run_worker
from lth_edge.bench.statistics import MedianInterval, percentiles, speedup
from lth_edge.recipe import BenchRecipe

NO_CHANGE = "no measurable change"
RESOLUTION = 0.02
"""Ratios closer to 1 are not told apart: where a file lies in memory makes as much."""
_CALLS_AT_LEAST = 5

PerProcess = list[list[float]]


@dataclass(frozen=True)
class LatencySamples:
    """Times of single runs in microseconds, one list per process.

    Attributes:
        null_us: batch size -> times of the null graph.
        forms_us: batch size -> form -> times; the first form is the baseline.
    """

    null_us: dict[str, PerProcess]
    forms_us: dict[str, dict[str, PerProcess]]

    def null_medians(self) -> dict[str, float]:
        return {batch: _pooled(times, [50])[0] for batch, times in self.null_us.items()}


def latency_samples(
    forms: Mapping[str, Path], batches: Mapping[str, Any], null: Path, recipe: BenchRecipe
) -> LatencySamples:
    """Run the latency workers one after the other.

    Args:
        forms: form -> ONNX file.
        batches: batch size -> saved inputs.
        null: the null graph.
        recipe: processes, threads and seconds.
    """
    job = {"mode": "latency", "threads": recipe.bench_threads, "seconds": recipe.seconds, "null": str(null)}
    job |= {"forms": {form: str(path) for form, path in forms.items()}, "batches": dict(batches)}
    answers = [run_worker(job | {"seed": seed}) for seed in range(recipe.processes)]
    return LatencySamples(
        {batch: [answer["null_us"][batch] for answer in answers] for batch in batches},
        {
            batch: {form: [answer["latency_us"][batch][form] for answer in answers] for form in forms}
            for batch in batches
        },
    )


def latency_rows(samples: LatencySamples) -> list[dict[str, Any]]:
    """Percentiles over all processes, speed-up over the first form, doubts: a row per batch size and form."""
    null = samples.null_medians()
    return [
        _row(batch, form, forms, null[batch])
        for batch, forms in samples.forms_us.items()
        for form in forms
    ]  # fmt: skip


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
