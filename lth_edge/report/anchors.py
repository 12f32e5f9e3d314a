"""Published figures beside ours: what a preset's papers say, what this run found, and whether it confirms them."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from lth_edge.bench.statistics import MeanInterval, mean_interval, paired_difference, ratio_of_means
from lth_edge.presets import catalog
from lth_edge.presets.anchors import QUANTITIES, Anchor, anchors
from lth_edge.recipe import FREE, Recipe
from lth_edge.report.paired import Records, by_seed, paired
from lth_edge.report.sections import Content, Table
from lth_edge.report.units import MISSING, write_range, write_share

NEAR = 0.08
"""A level stands for a published sparsity where its weights left differ by no more than this share."""
BEST, WINS = "end-over-dense", "wins-over-reinit"
"""Quantities that stand for no one sparsity: the best level, and all pairs."""
_TRAINING = ("task", "train", "find")
"""Sections of a recipe that decide what is trained."""


def anchors_section(recipe: Recipe, records: Records) -> dict[str, Any] | None:
    """The report's "anchors": one row per published figure, none where a mask is kept; `None` where the run is of no
    preset.

    Args:
        records: the report's "levels".
    """
    preset = recipe.task.preset
    if preset is None:
        return None
    comparable = recipe.task.metric == "accuracy" and recipe.task.keep_mask is None
    found = anchors(preset, recipe.find) if comparable else []
    return {
        "preset": preset,
        "departures": _departures(preset, recipe.to_dict()),
        "rows": [_row(anchor, records) for anchor in found],
    }


def _departures(name: str, used: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the run does otherwise than the preset: its figures may differ for that alone."""
    named, whole = catalog.fields_of(name), catalog.preset(name).to_dict()
    told = {section: named.get(section, {}).keys() | (whole[section].keys() - FREE) for section in _TRAINING}
    departures = [
        f"{section}.{field} = {used[section].get(field)} (preset: {whole[section][field]})"
        for section, fields in told.items()
        for field in sorted(fields)
        if used[section].get(field) != whole[section][field]
    ]
    starts = {
        "weights": "task.weights: it starts from trained ones",
        "keep_mask": "task.keep_mask: it keeps the mask of a ticket, and prunes nothing",
    }
    return [*departures, *(departure for field, departure in starts.items() if used["task"].get(field))]


def _row(anchor: Anchor, records: Records) -> dict[str, Any]:
    level = _level(anchor, records)
    ours = _wins(records) if anchor.quantity == WINS else None if level is None else _ours(anchor, level, records)
    held = None
    if ours is not None and anchor.tolerance is not None:
        held = abs(ours.mean - anchor.figure) <= anchor.tolerance
    return asdict(anchor) | {"level": level, "ours": None if ours is None else ours.to_dict(), "held": held}


def _level(anchor: Anchor, records: Records) -> int | None:
    """The level that a figure belongs to; `None` where none does, or none comes near its sparsity."""
    shares = {r["level"]: r["weights_left"] for r in records if not r["control"]}
    if anchor.level is not None:
        return anchor.level if anchor.level in shares else None
    if anchor.quantity == BEST:
        return _best_level(anchor, [level for level in shares if level > 0], records)
    if anchor.weights_left is None:
        return None
    wanted = anchor.weights_left
    level = min(shares, key=lambda number: abs(shares[number] - wanted))
    return level if abs(shares[level] - wanted) <= NEAR * wanted else None


def _best_level(anchor: Anchor, levels: Iterable[int], records: Records) -> int | None:
    """The level of the largest mean: "up to" in a paper, which leans upwards for being the best of many."""
    means = {level: found.mean for level in levels if (found := _ours(anchor, level, records)) is not None}
    return max(means, key=lambda level: means[level], default=None)


def _ours(anchor: Anchor, level: int, records: Records) -> MeanInterval | None:
    """Our figure, paired by seed where two networks are compared; `None` where one of them was not run."""
    if anchor.quantity in _ALONE:
        key, scale = _ALONE[anchor.quantity]
        found = [scale * value for value in by_seed(records, level, key).values()]
        return mean_interval(found) if found else None
    key, control, compare = _COMPARED[anchor.quantity]
    values, reference = paired(by_seed(records, level, key), by_seed(records, level if control else 0, key, control))
    return compare(values, reference) if values else None


def _wins(records: Records) -> MeanInterval | None:
    """In how many percent of the pairs the ticket is ahead of its mask re-initialised; a tie is no win."""
    levels = sorted({r["level"] for r in records if r["control"] == "reinit"})
    pairs = [
        pair
        for level in levels
        for pair in zip(
            *paired(by_seed(records, level, "test_metric"), by_seed(records, level, "test_metric", "reinit")),
            strict=True,
        )
    ]
    won = sum(ticket > reinit for ticket, reinit in pairs)
    return MeanInterval(100 * won / len(pairs), None, None, len(pairs)) if pairs else None


def _fewer(values: list[float], reference: list[float]) -> MeanInterval:
    """Percent of the steps saved; the ends of the ratio's interval change places."""
    ratio = ratio_of_means(values, reference)
    low, high = (None if end is None else 100 * (1 - end) for end in (ratio.high, ratio.low))
    return MeanInterval(100 * (1 - ratio.mean), low, high, ratio.n)


def _sooner(values: list[float], reference: list[float]) -> MeanInterval:
    """How many times the ticket's steps the other takes."""
    return ratio_of_means(reference, values)


Compare = Callable[[list[float], list[float]], MeanInterval]
_ALONE = {"accuracy": ("test_metric", 1.0), "weights-left": ("weights_left", 100.0)}
"""Quantity -> the ticket's own figure, and what brings it to the quantity's unit."""
_COMPARED: Mapping[str, tuple[str, str, Compare]] = {
    "over-dense": ("test_metric", "", paired_difference),
    BEST: ("end_test_metric", "", paired_difference),
    "over-reinit": ("test_metric", "reinit", paired_difference),
    "earlier-than-dense": ("best_step", "", _fewer),
    "sooner-than-reinit": ("best_step", "reinit", _sooner),
}
"""Quantity -> figure, the control that it is compared with (dense where there is none), statistic."""


def anchors_table(report: Content) -> Table:
    """One row per published figure of the preset."""
    section = report.get("anchors") or {"rows": []}
    rows = [
        (
            QUANTITIES[row["quantity"]],
            _write_place(row),
            f"{row['figure']:g}",
            _write_ours(row),
            {True: "within", False: "beyond", None: MISSING}[row["held"]],
            MISSING if row["tolerance"] is None else f"±{row['tolerance']:g}",
            row["source"],
        )
        for row in section["rows"]
    ]
    columns = ("figure", "left", "published", "ours", "", "tolerance", "source")
    empty = "No figure was published for this network, data and method that we know of."
    return Table("Published figures beside ours", columns, rows, frozenset(), empty, frozenset({0, 4, 6}))


def anchors_sentence(report: Content) -> str:
    """What must be known beside the table; empty where the run is of no preset."""
    section = report.get("anchors")
    if section is None:
        return ""
    departures = "; ".join(section["departures"])
    followed = f"this run departs from it: {departures}" if departures else "followed in every field"
    sentence = f"Preset {section['preset']}, {followed}."
    if not section["rows"]:
        return sentence
    tested = f"{report['task']['examples']['test']:,} test examples"
    counted = " Steps are those to the lowest validation loss." if _tells_steps(section) else ""
    sources = "; ".join(dict.fromkeys(_work(row["source"]) for row in section["rows"]))
    return f"{sentence} Ours: mean over seeds and its 95% interval, {tested}.{counted} Published in {sources}."


def _work(source: str) -> str:
    """The paper, without the place in it."""
    return re.split(r" section| table|: | \(claim", source)[0]


def _tells_steps(section: Content) -> bool:
    return any("steps" in QUANTITIES[row["quantity"]] for row in section["rows"])


def _write_place(row: Content) -> str:
    """The published sparsity, or the level that the figure was found at."""
    if row["weights_left"] is not None:
        return write_share(row["weights_left"])
    return MISSING if row["level"] is None else f"level {row['level']}"


def _write_ours(row: Content) -> str:
    ours = row["ours"]
    if ours is None:
        return MISSING
    if row["quantity"] == WINS:
        return f"{ours['mean']:g} ({round(ours['mean'] * ours['n'] / 100)} of {ours['n']})"
    if ours["low"] in {None, ours["high"]}:
        return f"{ours['mean']:.2f}"
    return f"{ours['mean']:.2f} {write_range(*(f'{ours[end]:.2f}' for end in ('low', 'high')))}"
