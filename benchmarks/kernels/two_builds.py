"""Two builds of the library on the same models, interleaved in one process."""

import random
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.kernels.clock import time_runs
from benchmarks.kernels.library_session import bind, open_with
from benchmarks.kernels.models import example_inputs, write_model
from benchmarks.kernels.undisturbed import undisturbed
from lth_edge.convert.model_file import read_model, save_model
from lth_edge.convert.sparse import to_sparse

_ROUND_NS = 10e6
_LEAST_ROUNDS = 5
_RIGHT = 1e-5


def compare(model: str, percent: int, libraries: Mapping[str, Path], seconds: float) -> dict[str, Any]:
    """Microseconds of each round under each of two libraries, and the median and 10th and 90th percentile of ratios.

    The model is converted once and opened twice, each session with a library of its own. A round times both in random
    order; a ratio is within a round, the second library's time over the first's: above 1 the first is faster.
    """
    first, second = libraries
    with tempfile.TemporaryDirectory(prefix="lth-edge-two-builds-") as folder, undisturbed() as priority:
        dense, sparse = Path(folder) / "dense.onnx", Path(folder) / "sparse.onnx"
        write_model(model, percent / 100, dense)
        save_model(to_sparse(read_model(dense)).model, sparse)
        inputs = example_inputs(dense, 0)
        timed, outputs = {}, {}
        for name, library in libraries.items():
            session = open_with(sparse, library)
            outputs[name] = session.run(None, inputs)
            timed[name] = _timed(bind(session, inputs, outputs[name]))
        for mine, theirs in zip(outputs[first], outputs[second], strict=True):
            if not np.abs(mine - theirs).max() <= _RIGHT * np.abs(theirs).max():
                raise SystemExit(f"{model}: the two libraries do not compute the same")
        rounds = _rounds(timed, seconds)
    ratios = [theirs / mine for mine, theirs in zip(rounds[first], rounds[second], strict=True)]
    low, middle, high = np.percentile(ratios, [10, 50, 90]).round(3).tolist()
    return {
        "model": model,
        "percent": percent,
        "priority": priority,
        "ratio": {"low": low, "median": middle, "high": high},
        "rounds_us": rounds,
    }


def _rounds(timed: dict[str, Callable[[int], list[int]]], seconds: float) -> dict[str, list[float]]:
    first = next(iter(timed))
    runs = max(1, int(_ROUND_NS / median(timed[first](3))))
    rounds: dict[str, list[float]] = {name: [] for name in timed}
    order, end = random.Random(0), perf_counter() + seconds
    while perf_counter() < end or len(rounds[first]) < _LEAST_ROUNDS:
        for name in order.sample(list(timed), len(timed)):
            # The first run brings its own data back into the caches.
            rounds[name].append(round(median(timed[name](1 + runs)[1:]) / 1000, 3))
    return rounds


def _timed(run: Callable[[], None]) -> Callable[[int], list[int]]:
    """Runs that many times; gives nanoseconds of each run."""
    return lambda runs: time_runs(run, runs, threads=1)
