"""Which level is shipped: the sparsest within tolerance of dense, on validation data alone."""

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

    Returns:
        `None` where no pruned level is within tolerance.
    """
    common = min(len(search.levels) for search in searches)
    for number in range(common - 1, 0, -1):
        falls = [task.metric.loss_against(s.levels[number].metric, s.levels[0].metric) for s in searches]
        if sum(falls) / len(falls) <= task.tolerance:
            best = min(searches, key=lambda s: task.metric.loss_against(s.levels[number].metric, 0.0))
            seeds = f", mean of {len(searches)} seeds" if len(searches) > 1 else ""
            tolerance = f"the tolerance of {task.tolerance:g} {task.metric.unit}".rstrip()
            why = f"the sparsest level within {tolerance} on validation data{seeds}"
            return Choice(best.seed, best.levels[number], why)
    return None
