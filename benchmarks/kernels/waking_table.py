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
    """Two threads over one, what waking and waiting take, and what would be reached without them."""
    lines = [
        "| model | zeros | asked | two threads over one | hand-overs a run | the other thread begins: first; later "
        "| without it: a run | the caller waits: a run | were the other there at once | and waited for never |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    return "\n".join([*lines, *(_row(result) for result in report["results"])])


def _row(result: Content) -> str:
    rounds, runs = result["rounds_us"], result["runs"]
    one, two = median(rounds["1"]), median(rounds["2"])
    alone, waited = _of_a_run(runs, _alone), _of_a_run(runs, lambda call: float(call["waited_us"]))
    cells = [
        result["model"],
        f"{result['percent']}%",
        f"{TWO_THREADS:.1f}x",
        f"{np.median(np.divide(rounds['1'], rounds['2'])):.2f}x",
        f"{median(len(run) for run in runs):.0f}",
        f"{_waking(run[:1] for run in runs)}; {_waking(run[1:] for run in runs)}",
        f"{alone:.0f} us",
        f"{waited:.0f} us",
        # What one does alone for so long, two do in half of it.
        f"{one / (two - alone / 2):.2f}x",
        f"{one / (two - alone / 2 - waited / 2):.2f}x",
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
