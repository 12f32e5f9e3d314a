"""Load time and peak memory: each form alone in fresh processes, and an empty graph to subtract."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from lth_edge.bench.process import run_worker
from lth_edge.bench.statistics import median_interval
from lth_edge.recipe import BenchRecipe

EMPTY = ""
_PROCESSES_AT_LEAST = 3


@dataclass(frozen=True)
class FootprintSamples:
    """One value per process; the form "" is an empty graph.

    Attributes:
        load_ms: form -> milliseconds to make a session from the file, which the system may have cached.
        memory_bytes: form -> peak after loading and a few runs; empty where the system does not tell.
    """

    load_ms: dict[str, list[float]]
    memory_bytes: dict[str, list[int]]


def footprint_samples(
    forms: Mapping[str, Path], batch: Mapping[str, Any], null: Path, recipe: BenchRecipe
) -> FootprintSamples:
    """Run the footprint workers, form by form in turn: fewer per form than for latency, as peaks hardly vary.

    Args:
        forms: form -> ONNX file.
        batch: saved inputs of the runs.
        null: the null graph.
        recipe: processes and threads.
    """
    paths = {form: str(path) for form, path in forms.items()} | {EMPTY: str(null)}
    job = {"mode": "footprint", "threads": recipe.bench_threads, "batch": batch}
    answers: dict[str, list[dict[str, Any]]] = {form: [] for form in paths}
    for _ in range(max(_PROCESSES_AT_LEAST, recipe.processes * 2 // 5)):
        for form, path in paths.items():
            answers[form].append(run_worker(job | {"forms": {form: path}}))
    return FootprintSamples(
        {form: [answer["load_ms"] for answer in answers[form]] for form in forms},
        {form: peaks for form, given in answers.items() if (peaks := _peaks(given))},
    )


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


def _peaks(answers: list[dict[str, Any]]) -> list[int]:
    return [answer["peak_bytes"] for answer in answers if answer["peak_bytes"] is not None]
