"""The benchmark: latency, load time and memory of all forms, raw figures included."""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lth_edge.bench.footprint import load_rows, memory_rows
from lth_edge.bench.inputs import Feed, save_feed
from lth_edge.bench.latency import latency_rows, null_medians
from lth_edge.bench.null_graph import null_graph
from lth_edge.bench.samples import (
    Effort,
    FootprintSamples,
    LatencySamples,
    footprint_samples,
    latency_samples,
)
from lth_edge.errors import InputError
from lth_edge.recipe import BenchRecipe


@dataclass(frozen=True)
class Measurements:
    """What was measured; `to_dict` is the section "measurements" of report.json.

    Attributes:
        threads: onnxruntime threads.
        processes: latency processes.
        null_us: batch size -> median time of a null graph, in microseconds.
        latency: one row per batch size and form: percentiles in microseconds, speed-up over the first form.
        load: one row per form, in milliseconds.
        memory: one row per form, in bytes; empty where the system does not tell.
        raw: what these come from: latency_us (batch size -> form -> one list per process), load_ms and
            memory_bytes (form -> one value per process; "" is an empty graph).
    """

    threads: int
    processes: int
    null_us: dict[str, float]
    latency: list[dict[str, Any]]
    load: list[dict[str, Any]]
    memory: list[dict[str, Any]]
    raw: dict[str, Any]

    @classmethod
    def of(cls, latency: LatencySamples, footprint: FootprintSamples, effort: Effort) -> "Measurements":
        """What follows from samples, wherever they were taken."""
        return cls(
            threads=effort.bench_threads,
            processes=effort.processes,
            null_us=null_medians(latency),
            latency=latency_rows(latency),
            load=load_rows(footprint),
            memory=memory_rows(footprint),
            raw={
                "latency_us": latency.forms_us,
                "load_ms": footprint.load_ms,
                "memory_bytes": footprint.memory_bytes,
            },
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def bench(forms: Mapping[str, Path], batches: Mapping[int, Feed], recipe: BenchRecipe) -> Measurements:
    """Measure all forms on this machine.

    Load time and memory are those of the smallest batch.

    Args:
        forms: form -> ONNX file; the first is the baseline of every speed-up.
        batches: batch size -> inputs of one run (input name -> array).
        recipe: threads, processes and seconds.

    Raises:
        InputError: nothing to measure, or inputs that are not numbers.
        LthEdgeError: a worker failed; the message names the form and the reason.
    """
    if not forms or not batches:
        raise InputError("there is nothing to measure", "give at least one form and one batch")
    with tempfile.TemporaryDirectory(prefix="lth-edge-bench-") as name:
        folder = Path(name)
        null = folder / "null.onnx"
        null.write_bytes(null_graph())
        saved = {str(batch): save_feed(folder / f"{batch}.npz", batches[batch]) for batch in sorted(batches)}
        latency = latency_samples(forms, saved, null, recipe)
        footprint = footprint_samples(forms, saved[str(min(batches))], null, recipe)
    return Measurements.of(latency, footprint, recipe)
