"""Which level is shipped: the sparsest within tolerance of dense, on validation data alone."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from lth_edge.find.level import Level
from lth_edge.find.search import Found
from lth_edge.tasks.task import Task


@dataclass(frozen=True)
class Choice:
    """A level and the seed whose ticket of that level is shipped."""

    seed: int
    level: Level
    why: str


def choose(task: Task, searches: Sequence[Found]) -> Choice | None:
    """The sparsest level whose mean fall over the seeds is within tolerance; of its tickets the best on validation.

    A seed that the budget cut short has no say on levels that it never reached; one that stopped for another reason
    before a level rules that level out.

    Returns:
        `None` where no pruned level is within tolerance.
    """
    deepest = max(searches, key=lambda search: len(search.levels)).levels
    # An automatic search goes back and forth: numbers tell the order of training alone.
    for number in sorted(range(1, len(deepest)), key=lambda n: (deepest[n].facts["weights_left"], -n)):
        voting = [search for search in searches if len(search.levels) > number]
        if any(not search.cut_short for search in searches if search not in voting):
            continue
        found, dense = (statistics.fmean(search.levels[n].metric for search in voting) for n in (number, 0))
        if task.within_tolerance(found, dense):
            best = min(voting, key=lambda s: task.metric.loss_against(s.levels[number].metric, 0.0))
            seeds = f", mean of {len(voting)} seeds" if len(voting) > 1 else ""
            tolerance = f"the tolerance of {task.tolerance:g} {task.metric.unit}".rstrip()
            why = f"the sparsest level within {tolerance} on validation data{seeds}"
            return Choice(best.seed, best.levels[number], why)
    return None
