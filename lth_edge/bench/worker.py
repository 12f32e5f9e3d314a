"""One process that measures: `python -m lth_edge.bench.worker`, a job as JSON on stdin, the result on stdout.

Jobs hold `mode`, `threads` and `forms` (form -> file); inputs are as `inputs.save_feed` returns them.

    mode latency    batches (batch size -> inputs), null (file), seconds (timed, over all batch sizes), seed
                    -> latency_us, null_us: batch size -> (form ->) microseconds of single runs
    mode footprint  batch (inputs); a single form
                    -> load_ms, peak_bytes (null where the system does not tell)

Exit code 1 leaves form and reason as the last line of stderr. Few imports: each process pays for them.
"""

import gc
import json
import random
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, perf_counter_ns
from typing import Any

from lth_edge.bench.inputs import load_feed
from lth_edge.bench.null_graph import null_feed
from lth_edge.runtime.session import session

SAMPLES_KEPT = 200
_ROUNDS_AT_LEAST = 3
_WARM_UP_SHARE = 0.1
_FOOTPRINT_RUNS = 3
_NULL = ""

Run = Callable[[], Any]


def latency(job: Mapping[str, Any]) -> dict[str, Any]:
    """Time all forms side by side, in an order shuffled per round, so that none profits from its place."""
    order = random.Random(job["seed"])
    sessions = _sessions(job, order)
    seconds = job["seconds"] / len(job["batches"])
    times: dict[str, dict[str, list[float]]] = {}
    for batch, inputs in job["batches"].items():
        feeds = dict.fromkeys(job["forms"], load_feed(inputs)) | {_NULL: null_feed(int(batch))}
        runs = {form: _run(sessions[form], feeds[form]) for form in sessions}
        _warm_up(runs, seconds)
        raw = _timed(runs, seconds, order)
        times[batch] = {form: _thinned(raw[form]) for form in feeds}
    return {"null_us": {batch: forms.pop(_NULL) for batch, forms in times.items()}, "latency_us": times}


def footprint(job: Mapping[str, Any]) -> dict[str, Any]:
    """Load one form, run it a few times, and tell how long the first took and how much memory both needed."""
    ((form, path),) = job["forms"].items()
    with _blaming(form):
        start = perf_counter_ns()
        loaded = session(path, job["threads"], flush_denormals=True)
        load_ms = (perf_counter_ns() - start) / 1e6
        inputs = load_feed(job["batch"])  # by the empty graph too: they must not count as the form's memory
        feed = null_feed(1) if form == _NULL else inputs
        for _ in range(_FOOTPRINT_RUNS):
            loaded.run(None, feed)
    return {"load_ms": load_ms, "peak_bytes": peak_bytes()}


def peak_bytes() -> int | None:
    """The most memory that this process ever held in RAM, `None` where the system does not tell.

    Linux's VmHWM comes first: ru_maxrss starts from the parent's figure there.
    """
    status = Path("/proc/self/status")
    told = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE) if status.exists() else None
    if told:
        return int(told[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _sessions(job: Mapping[str, Any], order: random.Random) -> dict[str, Any]:
    """All forms and the null graph, loaded in an order that differs by process: memory placement matters."""
    paths = list((dict(job["forms"]) | {_NULL: job["null"]}).items())
    order.shuffle(paths)
    sessions = {}
    for form, path in paths:
        with _blaming(form):
            sessions[form] = session(path, job["threads"], flush_denormals=True)
    return sessions


def _run(loaded: Any, feed: Mapping[str, Any]) -> Run:
    return lambda: loaded.run(None, feed)


def _warm_up(runs: Mapping[str, Run], seconds: float) -> None:
    end = perf_counter() + seconds * _WARM_UP_SHARE
    for form, run in runs.items():
        with _blaming(form):
            run()
    while perf_counter() < end:
        for run in runs.values():
            run()


def _timed(runs: Mapping[str, Run], seconds: float, order: random.Random) -> dict[str, list[int]]:
    """Nanoseconds of each run, by form; a round runs every form once."""
    times: dict[str, list[int]] = {form: [] for form in runs}
    forms = list(runs)
    print("while timing", file=sys.stderr, flush=True)
    gc.disable()
    end = perf_counter() + seconds
    while perf_counter() < end or len(times[_NULL]) < _ROUNDS_AT_LEAST:
        order.shuffle(forms)
        for form in forms:
            run = runs[form]
            start = perf_counter_ns()
            run()
            times[form].append(perf_counter_ns() - start)
    gc.enable()
    return times


def _thinned(nanoseconds: list[int]) -> list[float]:
    """Microseconds of at most `SAMPLES_KEPT` runs, evenly spread over the time measured."""
    step = max(1.0, len(nanoseconds) / SAMPLES_KEPT)
    places = (int(place * step) for place in range(min(len(nanoseconds), SAMPLES_KEPT)))
    return [round(nanoseconds[place] / 1000, 3) for place in places]


@contextmanager
def _blaming(form: str) -> Iterator[None]:
    """Leave the form and the reason on stderr if the block fails, and the form even if the process dies."""
    name = form or "the empty graph"
    print(f"{name}: the process died", file=sys.stderr, flush=True)
    try:
        yield
    except Exception as error:
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
        raise SystemExit(1) from error


_MODES = {"latency": latency, "footprint": footprint}


def main() -> None:
    job = json.load(sys.stdin)
    print(json.dumps(_MODES[job["mode"]](job), allow_nan=False))


if __name__ == "__main__":
    main()
