"""tickets.csv: one row per network, method, seed and level, controls among them, to be put beside those of other runs.

Weights left and sparsity are fractions of the prunable weights; the two accuracies are the metric in its own unit
(accuracy in percent), empty where there is no test set; steps and seconds are of that level's training alone.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lth_edge.files import whole_file
from lth_edge.report.sections import Content

COLUMNS = (
    "network", "data", "method", "control", "seed", "level", "weights_left", "sparsity", "val_accuracy",
    "test_accuracy", "best_step", "steps", "seconds", "device",
)  # fmt: skip


def write_tickets(reports: Iterable[Content], path: Path) -> None:
    """Write the rows of some reports, in their order.

    Args:
        reports: dicts of report.json.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for report in reports:
        writer.writerows(_row(report, level) for level in report["levels"])
    with whole_file(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", errors="replace")


def method_name(recipe: Mapping[str, Mapping[str, Any]], rewind_step: int | None = None) -> str:
    """How a run prunes and goes back, in one word: "iterative-layer-rewind-0".

    Args:
        recipe: the report's, with every value set; one of an earlier release lacks what that could not choose.
        rewind_step: what weights went back to, where a training loop of one's own named another than the recipe.
    """
    find = recipe["find"]
    units = ["units"] if find.get("granularity") == "unit" else []
    rank = ["clustered"] if find.get("rank") == "clustered" else []
    step = find["rewind_step"] if rewind_step is None else rewind_step
    back = [str(step)] if find["retraining"] == "rewind" else []
    return "-".join([find.get("find", "iterative"), find["scope"], *units, *rank, find["retraining"], *back])


def _row(report: Content, level: Mapping[str, Any]) -> dict[str, Any]:
    told = {
        "network": report["task"]["model"],
        "data": report["task"]["data"],
        "method": method_name(report["recipe"], report["find"].get("rewind_step")),
        "weights_left": f"{level['weights_left']:.6f}",
        "sparsity": f"{level['sparsity']:.6f}",
        "val_accuracy": _figure(level["validation_metric"]),
        "test_accuracy": _figure(level["test_metric"]),
        "seconds": f"{level['seconds']:.1f}",
        "device": report["find"].get("device") or report["machine"]["cpu"],
    }
    return told | {name: level[name] for name in COLUMNS if name not in told}


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
