"""Load time and peak memory: each form was alone in fresh processes, and an empty graph is subtracted."""

from statistics import median
from typing import Any

from lth_edge.bench.samples import EMPTY, FootprintSamples
from lth_edge.bench.statistics import median_interval


def load_rows(samples: FootprintSamples) -> list[dict[str, Any]]:
    """Median and interval over processes, in milliseconds, one row per form."""
    rows = []
    for form, milliseconds in samples.load_ms.items():
        found = median_interval(milliseconds)
        rows.append({"form": form, "median_ms": found.median, "low_ms": found.low, "high_ms": found.high})
    return rows


def memory_rows(samples: FootprintSamples) -> list[dict[str, Any]]:
    """Median peaks in bytes, and how far they lie above the empty graph's; one row per form that has one."""
    peaks = {form: int(median(values)) for form, values in samples.memory_bytes.items()}
    if EMPTY not in peaks:
        return []
    empty = peaks.pop(EMPTY)
    return [{"form": form, "peak_bytes": peak, "above_empty_bytes": peak - empty} for form, peak in peaks.items()]
