"""Published figures beside ours: what a preset's papers say, what this run found, and whether it confirms them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lth_edge.bench.statistics import MeanInterval, mean_interval, paired_difference, ratio_of_means
from lth_edge.presets.anchors import QUANTITIES, Anchor, anchors
from lth_edge.presets.catalog import fields_of
from lth_edge.recipe import Recipe
from lth_edge.report.sections import Content, Table
from lth_edge.report.units import MISSING, write_range, write_share

NEAR = 0.08
"""A level stands for a published sparsity where its weights left differ by no more than this share."""
Records = Sequence[Mapping[str, Any]]


def anchors_section(recipe: Recipe, records: Records) -> dict[str, Any] | None:
    """The report's "anchors": one row per published figure; `None` where the run is of no preset.

    Args:
        records: the report's "levels".
    """
    preset = recipe.task.preset
    if preset is None:
        return None
    found = anchors(preset, recipe.find) if recipe.task.metric == "accuracy" else []
    return {
        "preset": preset,
        "departures": _departures(preset, recipe.to_dict()),
        "rows": [_row(anchor, records) for anchor in found],
    }


def _departures(preset: str, used: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the run does otherwise than the preset: its figures may differ for that alone."""
    return [
        f"{section}.{name} = {used[section].get(name)} (preset: {value})"
        for section, fields in fields_of(preset).items()
        for name, value in fields.items()
        if used[section].get(name) != value
    ]


def _row(anchor: Anchor, records: Records) -> dict[str, Any]:
    level = _level(anchor.weights_left, records)
    ours = None if level is None else _ours(anchor.quantity, level, records)
    held = None
    if ours is not None and anchor.tolerance is not None:
        held = abs(ours.mean - anchor.figure) <= anchor.tolerance
    return asdict(anchor) | {"level": level, "ours": None if ours is None else ours.to_dict(), "held": held}


def _level(weights_left: float, records: Records) -> int | None:
    """The level of about as many weights; `None` where no level comes near."""
    shares = {r["level"]: r["weights_left"] for r in records if not r["control"]}
    level = min(shares, key=lambda number: abs(shares[number] - weights_left))
    return level if abs(shares[level] - weights_left) <= NEAR * weights_left else None


def _ours(quantity: str, level: int, records: Records) -> MeanInterval | None:
    """Our figure, paired by seed where two networks are compared; `None` where one of them was not run."""
    if quantity == "accuracy":
        tested = list(_by_seed(records, level, "test_metric").values())
        return mean_interval(tested) if tested else None
    key = "test_metric" if quantity.startswith("over") else "best_step"
    ticket = _by_seed(records, level, key)
    other = _by_seed(records, level, key, "reinit") if quantity.endswith("reinit") else _by_seed(records, 0, key)
    seeds = sorted(ticket.keys() & other.keys())
    if not seeds:
        return None
    values, reference = [ticket[seed] for seed in seeds], [other[seed] for seed in seeds]
    if key == "test_metric":
        return paired_difference(values, reference)
    if quantity == "sooner-than-reinit":
        return ratio_of_means(reference, values)
    return _fewer(ratio_of_means(values, reference))


def _by_seed(records: Records, level: int, key: str, control: str = "") -> dict[int, float]:
    same = [r for r in records if (r["level"], r["control"]) == (level, control)]
    return {r["seed"]: r[key] for r in same if r[key] is not None}


def _fewer(ratio: MeanInterval) -> MeanInterval:
    """A ratio of steps as percent saved; the ends of the interval change places."""
    low, high = (None if end is None else 100 * (1 - end) for end in (ratio.high, ratio.low))
    return MeanInterval(100 * (1 - ratio.mean), low, high, ratio.n)


def anchors_table(report: Content) -> Table:
    """One row per published figure of the preset."""
    section = report.get("anchors") or {"rows": []}
    rows = [
        (
            QUANTITIES[row["quantity"]],
            write_share(row["weights_left"]),
            f"{row['figure']:g}",
            _write_ours(row["ours"]),
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
    sources = "; ".join(dict.fromkeys(row["source"] for row in section["rows"]))
    return f"{sentence} Ours: mean over seeds and its 95% interval, {tested}.{counted} Published in {sources}."


def _tells_steps(section: Content) -> bool:
    return any("steps" in QUANTITIES[row["quantity"]] for row in section["rows"])


def _write_ours(ours: Content | None) -> str:
    if ours is None:
        return MISSING
    if ours["low"] is None:
        return f"{ours['mean']:.2f}"
    return f"{ours['mean']:.2f} {write_range(*(f'{ours[end]:.2f}' for end in ('low', 'high')))}"
