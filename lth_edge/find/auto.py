"""The automatic search: steps are spent where they decide, near the sparsest ticket within tolerance.

While accuracy holds, a level is cut as deep as several of the fixed schedule and trained for half of the steps. Once a
short training falls out of tolerance, levels are trained for all steps, from the weights of the sparsest that held and
two levels of the fixed schedule deeper at a time; between what held and what failed the distance is halved. A level
that is out by no more than noise decides nothing yet: as many deeper ones as the recipe has patience for are tried. The
search ends where both sides are one level of the fixed schedule apart, or at half of the steps that the fixed schedule
takes to get past what held; a first level is always tried.

Of several seeds the first decides, and the others train the same levels, so that they compare.
"""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from lth_edge.find.level import Level
from lth_edge.find.plan import Plan
from lth_edge.find.prune import Pruner, Rates
from lth_edge.recipe import FindRecipe
from lth_edge.tasks.task import Task

STRIDES = (4, 2)
"""Levels of the fixed schedule cut at once: while accuracy clears noise in short trainings, and after that."""
NARROW = "the sparsest ticket within tolerance lies within one level of the fixed schedule"
SPENT = "half of the steps that the fixed schedule takes are spent"


@dataclass(frozen=True)
class Guide:
    """What one seed's search knows of the others.

    Attributes:
        noise: standard deviation of dense on validation data between seeds, in the metric's unit.
        leader: the levels of the first seed, which the others train too; empty for the first.
    """

    noise: float
    leader: Sequence[Level] = ()


def noise_of(task: Task, dense: Sequence[float]) -> float:
    """How far the metric of two equally good networks may lie apart on validation data.

    Args:
        dense: the metric of each seed's dense network. Of a single one, the standard error of a share stands in where
            the metric is a percentage; else nothing is known, and 0 returned.
    """
    if len(dense) > 1:
        return statistics.stdev(dense)
    if task.metric.unit != "%":
        return 0.0
    share = min(1.0, max(0.0, dense[0] / 100))
    return 100 * math.sqrt(share * (1 - share) / len(task.splits.validation))


@dataclass(frozen=True)
class _Tried:
    """A level as the search sees it: how deep it is cut, in levels of the fixed schedule, how long, how it fared."""

    level: Level
    cut: int
    schedule: int
    lost: float
    """How much worse than dense."""


def following(
    pruner: Pruner, rates: Rates, recipe: FindRecipe, steps: int, task: Task, guide: Guide, levels: Sequence[Level]
) -> Plan | str:
    """The next level, or why there is none.

    Args:
        steps: of a whole training.
        levels: dense first.
    """
    if guide.leader:
        return _as_the_leader(pruner, rates, guide.leader, levels)
    tried = [_tried(task, steps, level, levels[0]) for level in levels]
    held = max((t for t in tried if t.lost <= task.tolerance), key=lambda t: t.cut)
    whole = [t for t in tried[1:] if t.schedule == steps]
    failed = min((t.cut for t in whole if t.lost > task.tolerance and t.cut > held.cut), default=None)
    if _in_doubt(tried, steps, task.tolerance, guide.noise, recipe.patience):
        base, cut, wanted = tried[-1], tried[-1].cut + 1, steps
    elif failed is not None and failed - held.cut <= 1:
        return NARROW
    elif failed is not None:
        base, cut, wanted = held, min(held.cut + STRIDES[1], (held.cut + failed) // 2), steps
    elif whole or tried[-1] is not held:
        base, cut, wanted = held, held.cut + STRIDES[1], steps
    else:
        clear = held.lost <= task.tolerance - guide.noise
        base, cut, wanted = held, held.cut + STRIDES[0 if clear else 1], steps // 2
    # The fixed schedule trains dense, the levels that hold, the first that does not, and as many more as its patience,
    # but never more levels than asked for.
    start, dense = recipe.rewind_step or 0, int(levels[0].facts["steps"])
    fixed = dense + (steps - start) * min(held.cut + 1 + recipe.patience, recipe.levels)
    if len(levels) > 1 and sum(int(level.facts["steps"]) for level in levels) + wanted - start > fixed / 2:
        return SPENT
    return _plan(pruner, rates, base.level, levels, cut, wanted)


def _as_the_leader(pruner: Pruner, rates: Rates, leader: Sequence[Level], levels: Sequence[Level]) -> Plan | str:
    """The level that the first seed trained next, from this seed's own weights."""
    if len(levels) == len(leader):
        return "the first seed's search ended here"
    facts = leader[len(levels)].facts
    return _plan(pruner, rates, levels[int(facts["base"])], levels, int(facts["cut"]), int(facts["schedule"]))


def _tried(task: Task, steps: int, level: Level, dense: Level) -> _Tried:
    cut, trained = int(level.facts.get("cut", 0)), int(level.facts.get("schedule") or steps)
    return _Tried(level, cut, trained, task.metric.loss_against(level.metric, dense.metric))


def _in_doubt(tried: Sequence[_Tried], steps: int, tolerance: float, noise: float, patience: int) -> bool:
    """Whether the last levels, no more of them than `patience`, are out of tolerance by no more than noise."""
    doubtful = itertools.takewhile(
        lambda t: t.schedule == steps and tolerance < t.lost <= tolerance + noise, reversed(tried)
    )
    count = len(list(doubtful))
    return 0 < count <= patience and tried[-1].cut + 1 not in {t.cut for t in tried if t.schedule == steps}


def _plan(pruner: Pruner, rates: Rates, base: Level, levels: Sequence[Level], cut: int, steps: int) -> Plan | str:
    deeper = cut - int(base.facts.get("cut", 0))
    gone = {name: 1 - (1 - rate) ** deeper for name, rate in rates.items()}
    mask = base.mask()
    pruned = pruner(base.end(), mask, gone)
    if pruned.kept == mask.kept:
        return "nothing is left to prune at this rate"
    number = next(i for i, level in enumerate(levels) if level is base)
    return Plan(pruned, pruned.kept, number, steps=steps, cut=cut)
