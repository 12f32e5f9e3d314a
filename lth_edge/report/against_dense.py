"""Each level against dense, over the seeds: what "no loss" and "faster to train" come to, judged by intervals.

The margin is the task's tolerance, which a recipe sets before anything is trained. A level is "non-inferior" where the
whole 95% interval of its paired difference lies above a loss of the margin, "worse" where the whole interval lies below
it, and "not shown" where the margin lies within. From the first level with 90% of the weights gone, levels are judged
one after the other and the first that is not non-inferior ends it: judged in that order they need no correction for
being many (a fixed sequence, Maurer, Hothorn and Lehmacher 1995).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lth_edge.bench.statistics import ratio_of_means
from lth_edge.report.paired import Records, by_seed, paired
from lth_edge.report.sections import Content, Table, split_shown
from lth_edge.report.units import MISSING, Metric, write_factor, write_range, write_share

CLAIMED_LEFT = 0.1
"""The popular claim: at least 90% of the weights gone without loss."""
_DIGITS = 3
"""Of a share of weights left, as it is shown: a sparsity of 90% leaves 10.00002%, as what is kept is rounded up."""
HELD, WORSE, OPEN = "non-inferior", "worse", "not shown"


def against_dense(
    curve: Sequence[Content], records: Records, margin: float, higher_is_better: bool
) -> dict[str, Any] | None:
    """The report's "against_dense": one row per pruned level.

    `None` for a single seed, which shows nothing, and where a mask is kept: level 0 is then a ticket, not dense.

    Args:
        curve: the report's "curve".
        records: the report's "levels".
        margin: the loss that counts as none, in the metric's unit.
    """
    points = [point for point in curve if not point["control"] and point["level"] > 0]
    kept = any(record["level"] == 0 and record["weights_left"] < 1 for record in records if not record["control"])
    if kept or len({record["seed"] for record in records}) < 2:
        return None
    return {
        "margin": margin,
        "rows": [
            {key: point[key] for key in ("level", "weights_left", "difference")}
            | {"verdict": _verdict(point["difference"], margin, higher_is_better)}
            | {"steps_ratio": _steps_ratio(records, point["level"])}
            for point in points
        ],
    }


def claimed(section: Content) -> list[Mapping[str, Any]]:
    """The levels that the claim of 90% speaks of, the one with most weights first."""
    rows = [row for row in section["rows"] if round(row["weights_left"], _DIGITS) <= CLAIMED_LEFT]
    return sorted(rows, key=lambda row: -row["weights_left"])


def sparsest_held(section: Content) -> Mapping[str, Any] | None:
    """The last of the claimed levels of which it and all before it are non-inferior."""
    held = None
    for row in claimed(section):
        if row["verdict"] != HELD:
            break
        held = row
    return held


def _verdict(difference: Mapping[str, Any], margin: float, higher_is_better: bool) -> str:
    low, high = difference["low"], difference["high"]
    if low is None or high is None:
        return OPEN
    worst, best = (low, high) if higher_is_better else (-high, -low)
    return HELD if worst > -margin else WORSE if best < -margin else OPEN


def _steps_ratio(records: Records, level: int) -> dict[str, Any] | None:
    """Steps to the lowest validation loss over dense's; `None` where dense was given, not trained."""
    steps, dense = paired(by_seed(records, level, "best_step"), by_seed(records, 0, "best_step"))
    return ratio_of_means(steps, dense).to_dict() if any(dense) else None


def against_dense_table(report: Content) -> Table:
    """One row per pruned level."""
    section, metric = report.get("against_dense") or {"rows": []}, Metric.of(report)
    rows = [
        (
            str(row["level"]),
            write_share(row["weights_left"]),
            str(row["difference"]["n"]),
            write_difference(row["difference"], metric),
            row["verdict"],
            write_steps(row["steps_ratio"]),
        )
        for row in section["rows"]
    ]
    unit = f" ({metric.difference_unit})" if metric.unit else ""
    difference = f"{metric.name} over dense{unit}, {split_shown(report)}"
    columns = ("level", "weights left", "seeds", difference, "", "steps to the lowest validation loss, over dense's")
    return Table("Against dense, seed by seed", columns, rows, frozenset(), "No level was pruned.", frozenset({4}))


def against_dense_sentence(report: Content) -> str:
    """What the claim of 90% comes to; empty for a single seed."""
    section, metric = report.get("against_dense"), Metric.of(report)
    if not section:
        return ""
    margin = f"{section['margin']:g} {metric.difference_unit}".strip()
    judged = f"Judged by 95% intervals against the margin of {margin}, the tolerance of the recipe."
    levels = claimed(section)
    if not levels:
        return f"{judged} No level has 90% of its weights gone."
    first, last = levels[0], sparsest_held(section)
    if last is None:
        told = f"{write_share(first['weights_left'])} left, {write_difference(first['difference'], metric)}"
        return f"{judged} At least 90% of the weights gone without loss: {first['verdict']} ({told})."
    told = f"{write_share(last['weights_left'])} left, {write_difference(last['difference'], metric)}"
    return f"{judged} At least 90% of the weights gone without loss: {HELD}, down to {told}."


def write_difference(difference: Mapping[str, Any], metric: Metric) -> str:
    """+0.12 (−0.05 to +0.29)."""
    return _with_range(difference, metric.write_difference)


def write_steps(ratio: Mapping[str, Any] | None) -> str:
    """0.62× (0.41× to 0.90×)."""
    return MISSING if ratio is None else _with_range(ratio, write_factor)


def _with_range(interval: Mapping[str, Any], write: Callable[[float], str]) -> str:
    if interval["low"] is None:
        return write(interval["mean"])
    return f"{write(interval['mean'])} {write_range(write(interval['low']), write(interval['high']))}"
