"""The shipped library against the same sources compiled by this machine's GCC, interleaved in one process.

    python -m benchmarks.kernels.compilers [MODEL ...] [--sparsity 90] [--seconds 20] [--out FILE]

Each model is converted once and opened twice, each session with a library of its own. A round times both in random
order; what is told is the ratio within a round, GCC's time over the shipped library's: above 1 the latter is faster.
"""

import argparse
import random
import subprocess
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.kernels.clock import time_runs
from benchmarks.kernels.library_session import bind, open_with
from benchmarks.kernels.measure import place
from benchmarks.kernels.models import example_inputs, write_model
from benchmarks.kernels.networks import NETWORKS
from lth_edge.bench.machine import machine
from lth_edge.convert.model_file import read_model, save_model
from lth_edge.convert.sparse import to_sparse
from lth_edge.files import write_json
from lth_edge.runtime.library import library_path
from tools.build_kernels import build, host

SHIPPED, GCC = "shipped", "gcc"
MODELS = ("conv-6", "mobilenet-v1")
_ROUND_NS = 10e6
_LEAST_ROUNDS = 5
_RIGHT = 1e-5


def compare(model: str, percent: int, libraries: dict[str, Path], seconds: float) -> dict[str, Any]:
    """Microseconds of each round under each library, and the median and 10th and 90th percentile of their ratios."""
    with tempfile.TemporaryDirectory(prefix="lth-edge-compilers-") as folder:
        dense, sparse = Path(folder) / "dense.onnx", Path(folder) / "sparse.onnx"
        write_model(model, percent / 100, dense)
        save_model(to_sparse(read_model(dense)).model, sparse)
        inputs = example_inputs(dense, 0)
        timed, outputs = {}, {}
        for name, library in libraries.items():
            session = open_with(sparse, library)
            outputs[name] = session.run(None, inputs)
            timed[name] = _timed(bind(session, inputs, outputs[name]))
    for mine, theirs in zip(outputs[SHIPPED], outputs[GCC], strict=True):
        if not np.abs(mine - theirs).max() <= _RIGHT * np.abs(theirs).max():
            raise SystemExit(f"{model}: the two libraries do not compute the same")
    rounds = _rounds(timed, seconds)
    ratios = [theirs / mine for mine, theirs in zip(rounds[SHIPPED], rounds[GCC], strict=True)]
    low, middle, high = np.percentile(ratios, [10, 50, 90]).round(3).tolist()
    return {
        "model": model,
        "percent": percent,
        "ratio": {"low": low, "median": middle, "high": high},
        "rounds_us": rounds,
    }


def _rounds(timed: dict[str, Callable[[int], list[int]]], seconds: float) -> dict[str, list[float]]:
    runs = max(1, int(_ROUND_NS / median(timed[SHIPPED](3))))
    rounds: dict[str, list[float]] = {name: [] for name in timed}
    order, end = random.Random(0), perf_counter() + seconds
    while perf_counter() < end or len(rounds[SHIPPED]) < _LEAST_ROUNDS:
        for name in order.sample(list(timed), len(timed)):
            # The first run brings its own data back into the caches.
            rounds[name].append(round(median(timed[name](1 + runs)[1:]) / 1000, 3))
    return rounds


def _timed(run: Callable[[], None]) -> Callable[[int], list[int]]:
    """Runs that many times; gives nanoseconds of each run."""
    return lambda runs: time_runs(run, runs, threads=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=list(MODELS), metavar="MODEL", help=f"of {', '.join(NETWORKS)}")
    parser.add_argument("--sparsity", type=int, default=90, help="in percent")
    parser.add_argument("--seconds", type=float, default=20.0, help="of timing a model")
    parser.add_argument("--out", type=Path, help="file of the results")
    asked = parser.parse_args()
    if unknown := set(asked.models) - set(NETWORKS):
        parser.error(f"no such model: {', '.join(sorted(unknown))}")
    created, about = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), machine()
    with tempfile.TemporaryDirectory(prefix="lth-edge-gcc-") as folder:
        libraries = {SHIPPED: library_path(), GCC: build(host(), "gcc", Path(folder))}
        results = [compare(model, asked.sparsity, libraries, asked.seconds) for model in asked.models]
    for result in results:
        ratio = result["ratio"]
        print(
            f"{result['model']} {result['percent']}%: the shipped library is {ratio['median']:.3f}x as fast as GCC's",
            end=" ",
        )
        print(f"({ratio['low']:.3f} to {ratio['high']:.3f})")
    out = asked.out or place(about, created).with_name("compilers") / "report.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    gcc = subprocess.run(["g++", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    write_json(out, {"schema_version": 1, "created": created, "machine": about, "gcc": gcc, "results": results})
    print(out)


if __name__ == "__main__":
    main()
