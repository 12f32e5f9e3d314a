"""What is measured, before anything is concluded from it: times and peaks from fresh workers.

A device runs this too: the standard library alone, and what a worker needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lth_edge.bench.process import run_worker

EMPTY = ""
_PROCESSES_AT_LEAST = 3

PerProcess = list[list[float]]


class Effort(Protocol):
    """How much is measured; `BenchRecipe` is one."""

    @property
    def bench_threads(self) -> int: ...

    @property
    def processes(self) -> int: ...

    @property
    def seconds(self) -> float: ...


@dataclass(frozen=True)
class LatencySamples:
    """Times of single runs in microseconds, one list per process.

    Attributes:
        null_us: batch size -> times of the null graph.
        forms_us: batch size -> form -> times; the first form is the baseline.
    """

    null_us: dict[str, PerProcess]
    forms_us: dict[str, dict[str, PerProcess]]


@dataclass(frozen=True)
class FootprintSamples:
    """One value per process; the form "" is an empty graph.

    Attributes:
        load_ms: form -> milliseconds to make a session from the file, which the system may have cached.
        memory_bytes: form -> peak after loading and a few runs; empty where the system does not tell.
    """

    load_ms: dict[str, list[float]]
    memory_bytes: dict[str, list[int]]


def latency_samples(
    forms: Mapping[str, Path], batches: Mapping[str, Any], null: Path, effort: Effort
) -> LatencySamples:
    """Run the latency workers one after the other.

    Args:
        forms: form -> ONNX file.
        batches: batch size -> saved inputs.
        null: the null graph.
        effort: processes, threads and seconds.
    """
    job = {"mode": "latency", "threads": effort.bench_threads, "seconds": effort.seconds, "null": str(null)}
    job |= {"forms": {form: str(path) for form, path in forms.items()}, "batches": dict(batches)}
    answers = [run_worker(job | {"seed": seed}) for seed in range(effort.processes)]
    return LatencySamples(
        {batch: [answer["null_us"][batch] for answer in answers] for batch in batches},
        {
            batch: {form: [answer["latency_us"][batch][form] for answer in answers] for form in forms}
            for batch in batches
        },
    )


def footprint_samples(
    forms: Mapping[str, Path], batch: Mapping[str, Any], null: Path, effort: Effort
) -> FootprintSamples:
    """Run the footprint workers, form by form in turn: fewer per form than for latency, as peaks hardly vary.

    Args:
        forms: form -> ONNX file.
        batch: saved inputs of the runs.
        null: the null graph.
        effort: processes and threads.
    """
    paths = {form: str(path) for form, path in forms.items()} | {EMPTY: str(null)}
    job = {"mode": "footprint", "threads": effort.bench_threads, "batch": batch}
    answers: dict[str, list[dict[str, Any]]] = {form: [] for form in paths}
    for _ in range(min(effort.processes, max(_PROCESSES_AT_LEAST, effort.processes * 2 // 5))):
        for form, path in paths.items():
            answers[form].append(run_worker(job | {"forms": {form: path}}))
    return FootprintSamples(
        {form: [answer["load_ms"] for answer in answers[form]] for form in forms},
        {form: peaks for form, given in answers.items() if (peaks := _peaks(given))},
    )


def _peaks(answers: list[dict[str, Any]]) -> list[int]:
    return [answer["peak_bytes"] for answer in answers if answer["peak_bytes"] is not None]
