"""README tables that hold several runs, or one run and its papers, against what is claimed of lottery tickets.

`readme.py` calls both: one row per published figure of a run, and one row per network of all kept runs.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kept
from markdown_table import table

from lth_edge.report.against_dense import against_dense, claimed, sparsest_held, write_difference, write_steps
from lth_edge.report.anchors import anchors_sentence, anchors_table
from lth_edge.report.tickets import method_name
from lth_edge.report.units import MISSING, Metric, write_share

Content = dict[str, Any]


def published(report: Content) -> str:
    """The figures that others published for a run's preset, beside ours; claims by their number in the replication."""
    shown = anchors_table(report)
    rows = [(_numbered(row[0], row[-1]), *row[1:-1]) for row in shown.rows]
    return f"{table(shown.columns[:-1], rows)}\n\n{anchors_sentence(report)}"


def _numbered(figure: str, source: str) -> str:
    claim = re.search(r"claim (C\d)", source)
    return f"{claim[1]}: {figure}" if claim else figure


def without_loss(results: Path) -> str:
    """What ">= 90% of the weights gone without loss" comes to, a row per network and method of several seeds."""
    columns = (
        "network", "method", "seeds", "margin", "first level with 90% gone", "over dense", "verdict",
        "non-inferior down to", "over dense", "steps to the lowest validation loss, over dense's",
    )  # fmt: skip
    rows = [row for report in _runs(results) if (row := _row(report)) is not None]
    told = (
        "Test accuracy in points, paired by seed, with 95% t intervals; the margin is the tolerance of the recipe. "
        "Steps: ratio of means with its 95% bootstrap interval, at the level named last."
    )
    return f"{table(columns, rows)}\n\n{told}"


def _runs(results: Path) -> Iterator[Content]:
    """The newest run of every recipe."""
    for name in kept.names(results):
        report = json.loads((kept.newest(results, name) / "report.json").read_text())
        if "levels" in report:
            yield report


def _row(report: Content) -> tuple[str, ...] | None:
    task, metric = report["task"], Metric.of(report)
    section = against_dense(report["curve"], report["levels"], task["tolerance"], task["metric"]["higher_is_better"])
    if section is None:
        return None
    levels, last = claimed(section), sparsest_held(section)
    first = levels[0] if levels else None
    named = last or first
    return (
        f"{task['model']}, {task['data']}",
        method_name(report["recipe"]),
        str(len({level["seed"] for level in report["levels"]})),
        f"{section['margin']:g}",
        *_place(first, metric),
        MISSING if first is None else first["verdict"],
        *_place(last, metric),
        MISSING if named is None else write_steps(named["steps_ratio"]),
    )


def _place(row: Mapping[str, Any] | None, metric: Metric) -> tuple[str, str]:
    """Weights left and the difference to dense; dashes where there is no such level."""
    if row is None:
        return MISSING, MISSING
    return f"{write_share(row['weights_left'])} left", write_difference(row["difference"], metric)
