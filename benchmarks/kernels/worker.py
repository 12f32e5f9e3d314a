"""One process that measures one model: a job as JSON on stdin, the result as JSON on stdout.

    python -m benchmarks.kernels.worker

A job holds `mode`, `threads` (a list), `forms` (form -> file) and `inputs` (input name -> .npy file).

    mode latency    seconds, seed, peak (library), null (file), folder, deepsparse ({python, model} or null),
                    c_calls (library, or null: sessions are called from Python)
                    -> rounds_us: threads -> form -> one median a round; peak_gflops: one a round;
                       errors: form -> largest difference from dense as a share of dense's largest output
    mode footprint  a single form -> load_ms, peak_bytes

A round takes every form at every number of threads, in random order; each runs once untimed, to have the caches to
itself again, and then several times in a row, of which the median is kept. Inputs and outputs are bound to memory
beforehand: neither Python's dictionaries nor fresh outputs count.
"""

import gc
import json
import random
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter, perf_counter_ns
from typing import Any

import numpy as np

from benchmarks.kernels.c_session import CSession
from benchmarks.kernels.clock import time_runs
from benchmarks.kernels.deepsparse_client import DeepSparse
from benchmarks.kernels.forms import DEEPSPARSE, DENSE, NULL, open_form
from benchmarks.kernels.peak import Peak
from lth_edge.bench.null_graph import null_feed
from lth_edge.bench.worker import peak_bytes

_BLOCK_NS = 5e6
_RUNS_LEAST, _RUNS_MOST = 3, 50
_ROUNDS_LEAST = 5
_FOOTPRINT_RUNS = 3

Timed = Callable[[int], list[int]]  # runs that many times, gives nanoseconds of each
Case = tuple[int, str]  # threads, form
Outputs = list[Any]


def latency(job: Mapping[str, Any]) -> dict[str, Any]:
    """Load all forms in random order, compare what they compute, and time them in rounds."""
    order = random.Random(job["seed"])
    inputs = {name: np.load(file) for name, file in job["inputs"].items()}
    cases = [(threads, form) for threads in job["threads"] for form in job["forms"]]
    order.shuffle(cases)
    calls = job["c_calls"]
    bound = {case: _bound(case, job["forms"][case[1]], inputs, calls) for case in cases}
    outputs = {case: run.outputs() for case, run in bound.items()}
    timed: dict[Case, Timed] = {case: run.time for case, run in bound.items()}
    timed[1, NULL] = _bound((1, NULL), job["null"], null_feed(1), calls).time
    if job["deepsparse"]:
        opponent = DeepSparse(**job["deepsparse"], cores=1)
        opponent.load(list(job["inputs"].values()))
        timed[1, DEEPSPARSE] = opponent.time
        outputs[1, DEEPSPARSE] = opponent.outputs(Path(job["folder"]))
    rounds, peaks = _rounds(timed, Peak(Path(job["peak"])), job["seconds"], order)
    by_threads = {
        threads: {form: times for (count, form), times in rounds.items() if count == threads}
        for threads in job["threads"]
    }
    return {"rounds_us": by_threads, "peak_gflops": peaks, "errors": _errors(outputs)}


def footprint(job: Mapping[str, Any]) -> dict[str, Any]:
    """Load one form and run it a few times."""
    inputs = {name: np.load(file) for name, file in job["inputs"].items()}
    ((form, path),) = job["forms"].items()
    start = perf_counter_ns()
    session = open_form(form, path, job["threads"][0])
    load_ms = (perf_counter_ns() - start) / 1e6
    feed = null_feed(1) if form == NULL else inputs
    for _ in range(_FOOTPRINT_RUNS):
        session.run(None, feed)
    return {"load_ms": load_ms, "peak_bytes": peak_bytes()}


def _bound(case: Case, path: str, inputs: Mapping[str, Any], calls: str | None) -> "Bound | CSession":
    if calls is None:
        return Bound(case, path, inputs)
    opened = open_form(case[1], path, threads=1)
    names = [output.name for output in opened.get_outputs()]
    return CSession(path, inputs, dict(zip(names, opened.run(None, dict(inputs)), strict=True)), Path(calls))


class Bound:
    """A session with inputs and outputs bound to memory once."""

    def __init__(self, case: Case, path: str, inputs: Mapping[str, Any]) -> None:
        from onnxruntime import OrtValue

        self._threads, form = case
        self._session = session = open_form(form, path, self._threads)
        self._binding = session.io_binding()
        self._outputs = [OrtValue.ortvalue_from_numpy(output) for output in session.run(None, dict(inputs))]
        self._inputs = [OrtValue.ortvalue_from_numpy(array) for array in inputs.values()]
        for name, value in zip(inputs, self._inputs, strict=True):
            self._binding.bind_ortvalue_input(name, value)
        for output, value in zip(session.get_outputs(), self._outputs, strict=True):
            self._binding.bind_ortvalue_output(output.name, value)

    def time(self, runs: int) -> list[int]:
        """Nanoseconds of each run."""
        return time_runs(lambda: self._session.run_with_iobinding(self._binding), runs, self._threads)

    def outputs(self) -> Outputs:
        """What a run through the binding computes."""
        self.time(1)
        return [value.numpy() for value in self._outputs]


def _rounds(
    timed: Mapping[Case, Timed], peak: Peak, seconds: float, order: random.Random
) -> tuple[dict[Case, list[float]], list[float]]:
    """Medians in microseconds by case and round, and the peak by round. Short cases run more often than long ones."""
    runs = {case: _runs(median(time(_RUNS_LEAST))) for case, time in timed.items()}
    rounds: dict[Case, list[float]] = {case: [] for case in timed}
    peaks: list[float] = []
    cases = list(timed)
    gc.disable()
    end = perf_counter() + seconds
    while perf_counter() < end or len(peaks) < _ROUNDS_LEAST:
        order.shuffle(cases)
        for case in cases:
            rounds[case].append(round(median(timed[case](1 + runs[case])[1:]) / 1000, 3))
        peaks.append(round(peak.gflops(), 2))
    gc.enable()
    return rounds, peaks


def _runs(nanoseconds: float) -> int:
    return int(min(_RUNS_MOST, max(_RUNS_LEAST, _BLOCK_NS / nanoseconds)))


def _errors(outputs: Mapping[Case, Outputs]) -> dict[str, float]:
    """Largest difference from dense over dense's largest output, by form; over all numbers of threads."""
    dense = next(given for (_, form), given in outputs.items() if form == DENSE)
    errors: dict[str, float] = {}
    for (_, form), given in outputs.items():
        error = max(_error(mine, theirs) for mine, theirs in zip(given, dense, strict=True))
        errors[form] = max(error, errors.get(form, 0.0))
    return errors


def _error(mine: Any, theirs: Any) -> float:
    return float(np.abs(mine - theirs).max() / np.abs(theirs).max())


if __name__ == "__main__":
    given = json.load(sys.stdin)
    print(json.dumps({"latency": latency, "footprint": footprint}[given["mode"]](given)))
