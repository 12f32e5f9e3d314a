"""What handing work to a second thread costs, as a table, from the raw results of `waking.py`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from .targets import TWO_THREADS

Content = dict[str, Any]
Run = Sequence[Mapping[str, Any]]
"""The hand-overs of a run, in order."""


def waking(report: Content) -> str:
    """Two threads over one, and where a run loses time against half of what one thread takes."""
    lines = [
        "| model | zeros | two threads over one | lost in a run, asked: at most | work that is not handed over "
        "| until the other thread begins | the caller waits for the other | pieces take longer "
        "| the other begins: first hand-over; later |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    return "\n".join([*lines, *(_row(result) for result in report["results"])])


def _row(result: Content) -> str:
    rounds, runs = result["rounds_us"], result["runs"]
    one, two = median(rounds["1"]), median(rounds["2"])
    lost = two - one / 2
    # What one does alone for so long, two do in half of it.
    alone, waited = _of_a_run(runs, _alone) / 2, _of_a_run(runs, lambda call: float(call["waited_us"])) / 2
    kept = max(0.0, two - _of_a_run(runs, lambda call: float(call["took_us"]))) / 2
    cells = [
        result["model"],
        f"{result['percent']}%",
        f"{np.median(np.divide(rounds['1'], rounds['2'])):.2f}x",
        f"{lost:.0f} us, {one / TWO_THREADS - one / 2:.0f} us",
        *(f"{us:.0f} us" for us in (kept, alone, waited, lost - kept - alone - waited)),
        f"{_waking(run[:1] for run in runs)}; {_waking(run[1:] for run in runs)}",
    ]
    return f"| {' | '.join(cells)} |"


def _alone(call: Mapping[str, Any]) -> float:
    """How long the caller worked alone: until the other began, or to the end where it did nothing."""
    return float(call["took_us"] if call["woke_us"] is None else call["woke_us"])


def _of_a_run(runs: Sequence[Run], time: Callable[[Mapping[str, Any]], float]) -> float:
    return median(sum(map(time, run)) for run in runs)


def _waking(runs: Iterable[Run]) -> str:
    """The median, and how many calls the other thread missed."""
    calls = [call for run in runs for call in run]
    woke = [call["woke_us"] for call in calls if call["woke_us"] is not None]
    if not woke:
        return "never"
    missed = f" (missed {1 - len(woke) / len(calls):.0%})" if len(woke) < len(calls) else ""
    return f"{median(woke):.1f} us{missed}"
