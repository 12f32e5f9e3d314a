"""What handing work to a second thread costs, call by call: why two threads are less than twice as fast.

    python -m benchmarks.kernels.waking                      the models of the table above 1 ms
    python -m benchmarks.kernels.waking vgg-16 --sparsity 95 --seconds 10

The marks of `marks.py` on both cores tell, for each call of onnxruntime's ParallelFor, when the other thread begins
its first piece and how long the caller waits for its last. A thread that the last run put to sleep has to be woken; one
that has just worked still looks for work. Raw results go to results/MACHINE-DATE/waking/report.json.
"""

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.kernels.arguments import arguments
from benchmarks.kernels.clock import time_runs
from benchmarks.kernels.library_session import bind, open_with
from benchmarks.kernels.marks import Events, Marks, build_marked, kinds
from benchmarks.kernels.measure import place
from benchmarks.kernels.models import example_inputs, write_model
from benchmarks.kernels.undisturbed import undisturbed
from lth_edge.bench.machine import machine
from lth_edge.convert.model_file import read_model, save_model
from lth_edge.convert.sparse import to_sparse
from lth_edge.files import write_json
from lth_edge.runtime.library import library_path

MODELS = ("vgg-16", "resnet-18", "mobilenet-v1", "vit-tiny-ffn")
SPARSITIES = (90, 95)
THREADS = (1, 2)
_WARM_RUNS, _RUNS, _LEAST_ROUNDS, _KEPT_RUNS = 40, 4, 7, 100


@dataclass(frozen=True)
class HandOver:
    """One call of ParallelFor.

    Attributes:
        began_us: since the run began.
        took_us: until the caller goes on.
        woke_us: until the other thread's first piece; None where it did none.
        waited_us: between the end of the caller's last piece and the end of the call.
    """

    began_us: float
    took_us: float
    woke_us: float | None
    waited_us: float


def measure(model: str, percent: int, marked: Path, seconds: float, folder: Path) -> dict[str, Any]:
    """The raw times of a model on one thread and on two, and its hand-overs in each run on two."""
    dense, sparse = folder / "dense.onnx", folder / "sparse.onnx"
    write_model(model, percent / 100, dense)
    save_model(to_sparse(read_model(dense)).model, sparse)
    inputs = example_inputs(dense, 0)

    def opened(library: Path, threads: int) -> Callable[[], None]:
        session = open_with(sparse, library, threads)
        return bind(session, inputs, session.run(None, inputs))

    with undisturbed() as priority:
        marks = Marks(marked)
        runs = {threads: opened(library_path(), threads) for threads in THREADS}
        told = opened(marked, THREADS[-1])
        for run in (*runs.values(), told):
            time_runs(run, _WARM_RUNS, threads=THREADS[-1])
        rounds: dict[int, list[float]] = {threads: [] for threads in THREADS}
        logs: list[Events] = []
        order, end = random.Random(0), perf_counter() + seconds
        while perf_counter() < end or len(logs) < _LEAST_ROUNDS:
            for threads in order.sample(THREADS, len(THREADS)):
                took = time_runs(runs[threads], 1 + _RUNS, threads=THREADS[-1])[1:]
                rounds[threads].append(round(median(took) / 1000, 3))
            told()
            logs += [marks.of(told) for _ in range(_RUNS)]
    return {
        "priority": priority,
        "rounds_us": rounds,
        "runs": [[asdict(call) for call in hand_overs(events, marks.ticks_per_us)] for events in logs[-_KEPT_RUNS:]],
    }


def hand_overs(events: Events, ticks_per_us: float) -> Iterator[HandOver]:
    """The calls of a run, in order; the caller is on one core, the other thread on another."""
    names = np.array(kinds())[events["what"]]
    ticks = (events["tick"] - events["tick"][0]) / ticks_per_us
    joins = np.flatnonzero(names == "join")
    for start in np.flatnonzero(names == "share"):
        stop = joins[np.searchsorted(joins, start)]
        inside = slice(start, stop)
        own = events["core"][inside] == events["core"][start]
        others = ticks[inside][~own & (names[inside] == "piece")]
        mine = ticks[inside][own & (names[inside] == "done")]
        began, ended = float(ticks[start]), float(ticks[stop])
        yield HandOver(
            round(began, 2),
            round(ended - began, 2),
            round(float(others[0]) - began, 2) if others.size else None,
            round(ended - float(mine[-1]), 2) if mine.size else round(ended - began, 2),
        )


def main() -> None:
    asked = arguments(__doc__, MODELS, SPARSITIES, 4.0, "folder of the raw results")
    created, about = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), machine()
    if about["cores"] < THREADS[-1]:
        raise SystemExit("this machine has one core")
    out = asked.out or place(about, created).with_name("waking")
    results = list(_results(asked.models, asked.sparsity, asked.seconds))
    content = {"schema_version": 1, "created": created, "machine": about, "results": results}
    write_json(out / "report.json", content)
    print(out / "report.json")


def _results(models: Sequence[str], sparsities: Sequence[int], seconds: float) -> Iterator[dict[str, Any]]:
    marked = build_marked()
    for model in models:
        for percent in sparsities:
            with tempfile.TemporaryDirectory(prefix="lth-edge-waking-") as folder:
                found = measure(model, percent, marked, seconds, Path(folder))
            yield {"model": model, "percent": percent} | found


if __name__ == "__main__":
    main()
