"""Which form to ship: decided by validation data and measurements, never by test data."""

import math
from collections.abc import Mapping
from typing import Any

BASELINE = "dense"
SPARSE = "sparse"
"""The form that needs lth-edge's kernels beside it."""

# Differences of metrics in floating point: 97.9 - 96.9 is a little more than 1.
_ROUNDING = 1e-9


def best_form(report: Mapping[str, Any]) -> str:
    """The form within tolerance that gains most over dense, by the recipe's `prefer`; dense wins ties.

    Args:
        report: the content of report.json, at least recipe, task, forms and measurements.
    """
    best, best_gain = BASELINE, 1.0
    for form in within_tolerance(report):
        gain = preferred_gain(report, form)
        if gain > best_gain * (1 + _ROUNDING):
            best, best_gain = form, gain
    return best


def within_tolerance(report: Mapping[str, Any]) -> list[str]:
    """The forms whose validation metric is worse than that of dense by the tolerance at most."""
    return [form["name"] for form in report["forms"] if not beyond_tolerance(report, form["name"])]


def beyond_tolerance(report: Mapping[str, Any], form: str, key: str = "validation_metric") -> bool:
    """Whether a form's metric, on the data that `key` names, is worse than that of dense by more than the tolerance."""
    return bool(_loss(report, form, key) > report["task"]["tolerance"] + _ROUNDING)


def preferred_gain(report: Mapping[str, Any], form: str) -> float:
    """The factor that decides: of size (`held_bytes`), of speed, or the geometric mean of both."""
    size, speed = held_bytes(report, BASELINE) / held_bytes(report, form), speed_factor(report, form)
    gains = {"size": size, "latency": speed, "balanced": math.sqrt(size * speed)}
    return gains[report["recipe"]["bench"]["prefer"]]


def size_factor(report: Mapping[str, Any], form: str) -> float:
    """Bytes of dense over bytes of the form."""
    return float(find_form(report, BASELINE)["bytes"] / find_form(report, form)["bytes"])


def held_bytes(report: Mapping[str, Any], form: str) -> int:
    """What a device must hold to run the form: the file, and the kernels where it needs them."""
    found = find_form(report, form)
    return int(found["bytes"] + found.get("kernels_bytes", 0))


def speed_factor(report: Mapping[str, Any], form: str) -> float:
    """The speed-up at the smallest batch; 1 where no change was measurable, or nothing was measured."""
    rows = [row for row in latency_of(report) if row["form"] == form]
    if not rows:
        return 1.0
    found = min(rows, key=lambda row: row["batch"])["speedup"]
    return float(found["median"]) if found["verdict"] in {"faster", "slower"} else 1.0


def latency_of(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    return (report.get("measurements") or {}).get("latency") or []


def find_form(report: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The entry of a form under "forms".

    Raises:
        KeyError: the report has no such form.
    """
    for form in report["forms"]:
        if form["name"] == name:
            return dict(form)
    raise KeyError(name)


def metric_sign(report: Mapping[str, Any]) -> int:
    """1 where a higher metric is better, else -1."""
    return 1 if report["task"]["metric"]["higher_is_better"] else -1


def _loss(report: Mapping[str, Any], name: str, key: str) -> float:
    """How much worse than dense, in the metric's units; infinite where not evaluated."""
    if name == BASELINE:
        return 0.0
    found, dense = (find_form(report, form)[key] for form in (name, BASELINE))
    if found is None or dense is None:
        return math.inf
    return float(metric_sign(report) * (dense - found))
