"""Late rewinding against reset to the initialisation: two runs that differ in nothing else, level by level.

`readme.py` calls it. Runs pair up by their recipes' names, NETWORK-late and NETWORK-reset.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kept
from markdown_table import table

from lth_edge.bench.statistics import mean_interval, paired_difference
from lth_edge.report.against_dense import write_difference
from lth_edge.report.paired import by_seed, paired
from lth_edge.report.units import Metric, write_share

Content = dict[str, Any]


def late_against_reset(results: Path) -> str:
    """One row per network and level that both runs have on test data."""
    columns = ("network", "weights left", "rewound late", "reset", "late over reset")
    rows = [row for late, reset in _pairs(results) for row in _rows(late, reset)]
    told = "Test accuracy, %: means over seeds with their 95% t intervals; the difference in points, paired by seed."
    return f"{table(columns, rows)}\n\n{told}"


def _pairs(results: Path) -> Iterator[tuple[Content, Content]]:
    for name in kept.names(results):
        runs = [kept.newest(results, f"{name.removesuffix('-late')}-{kind}") for kind in ("late", "reset")]
        if name.endswith("-late") and None not in runs:
            late, reset = (json.loads((run / "report.json").read_text()) for run in runs if run is not None)
            yield late, reset


def _rows(late: Content, reset: Content) -> Iterator[tuple[str, ...]]:
    metric = Metric.of(late)
    shares = {row["level"]: row["weights_left"] for row in late["levels"] if not row["control"]}
    for level, left in sorted(shares.items()):
        values = paired(*(by_seed(report["levels"], level, "test_metric") for report in (late, reset)))
        if all(values):
            means = (metric.write_estimate(mean_interval(side).to_dict()) for side in values)
            difference = write_difference(paired_difference(*values).to_dict(), metric)
            yield f"{late['task']['model']}, {late['task']['data']}", write_share(left), *means, difference
