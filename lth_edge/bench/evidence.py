"""Verdicts on accuracy, and on how far it can be trusted: controls and the test set."""

from collections.abc import Mapping
from typing import Any

from lth_edge.bench.choice import BASELINE, beyond_tolerance, metric_sign, within_tolerance
from lth_edge.bench.statistics import MeanInterval, paired_difference
from lth_edge.bench.wording import quantity, verdict

RETRAINED = "retrained within a mask"
"""What a report calls the ticket of a run that kept a mask."""
_FROM_GIVEN = ("pruned from trained weights", RETRAINED)
_CONTROLS = {"reinit": "the same mask re-initialised", "random-mask": "a random mask"}
_ALL_CONTROLS = _CONTROLS | {"dense-longer": "dense trained for as many steps"}


def accuracy_verdict(report: Mapping[str, Any]) -> dict[str, Any]:
    """Validation data decides what is within tolerance; test data, where there is any, is what is told."""
    inside = within_tolerance(report)
    metric, forms = report["task"]["metric"], report["forms"]
    tested = all(form["test_metric"] is not None for form in forms)
    key, data = ("test_metric", "test") if tested else ("validation_metric", "validation")
    figures = [
        f"{form['name']} {_told(form[key], metric['unit'])}{_standing(form['name'], report, key)}" for form in forms
    ]
    tolerance = quantity(report["task"]["tolerance"], metric["unit"])
    answer = f"{metric['name']} on {data} data: {', '.join(figures)}; "
    answer += f"tolerance {tolerance}, judged on validation data"
    if report["kind"] == "no ticket within tolerance":
        return verdict("accuracy", f"no ticket stayed within tolerance; {answer}", False)
    others = [form for form in forms if form["name"] != BASELINE]
    held = {form["name"] in inside for form in others}
    # What validation data allowed may have fallen further on test data: that is no plain success.
    fell = any(form["name"] in inside and beyond_tolerance(report, form["name"], key) for form in others)
    return verdict("accuracy", answer, held.pop() if len(held) == 1 and not fell else None)


def controls_verdict(report: Mapping[str, Any]) -> dict[str, Any]:
    """Whether the ticket beats what shares its mask or its sparsity but not its weights."""
    records = _control_level(report)
    differences = {kind: _difference(report, records, kind) for kind in _ALL_CONTROLS}
    told = {kind: found for kind, found in differences.items() if found is not None}
    if not told:
        return verdict("controls", "controls not run", None)
    unit = report["task"]["metric"]["unit"]
    sentences = [_comparison(found, _ALL_CONTROLS[kind], unit) for kind, found in told.items()]
    answer = f"at level {records[0]['level']} the ticket " + " and ".join(sentences)
    # A ticket that is as good as dense trained longer has lost nothing: that one is told, not judged.
    judged = [found for kind, found in told.items() if kind in _CONTROLS]
    won = _won(judged) if judged else None
    if judged and (report.get("find") or {}).get("retraining", "rewind") != "rewind":
        # It keeps what all levels before have taught it: a win proves nothing of the mask.
        answer += "; not rewound, the ticket has more training behind it than one that is re-initialised"
        won = None if won else won
    return verdict("controls", answer, won)


def untouched_verdict(report: Mapping[str, Any]) -> dict[str, Any]:
    """Whether the figures come from data that informed no decision."""
    task = report["task"]
    if task["test_set"] == "none":
        return verdict("test set", "no untouched test set: the figures are those of validation data", False)
    origin = "given" if task["test_set"] == "given" else "set aside before training"
    reads = task["test_reads"]
    answer = f"{task['examples']['test']} test examples, {origin}, read {_count(reads)}"
    if task["test_set"] == "carved" and report["kind"] in _FROM_GIVEN:
        return verdict("test set", f"{answer}; whether the given weights had seen them is not known here", None)
    return verdict("test set", answer, True if reads == 1 else None)


def _told(value: float | None, unit: str) -> str:
    return "not evaluated" if value is None else quantity(value, unit)


def _standing(form: str, report: Mapping[str, Any], key: str) -> str:
    if form == BASELINE:
        return ""
    if beyond_tolerance(report, form):
        return " (not within tolerance)"
    if beyond_tolerance(report, form, key):
        return " (within tolerance on validation data, beyond it here)"
    return " (within tolerance)"


def _control_level(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All records of the level whose controls count: the chosen one, or else the sparsest that has any."""
    levels = {record["level"] for record in report["levels"] if record["control"]}
    if not levels:
        return []
    chosen = (report["chosen"] or {}).get("level")
    level = chosen if chosen in levels else max(levels)
    return [record for record in report["levels"] if record["level"] == level]


def _difference(report: Mapping[str, Any], records: list[dict[str, Any]], kind: str) -> MeanInterval | None:
    """How much better than the control the ticket is, paired by seed; `None` where no seed has both."""
    read = all(record["test_metric"] is not None for record in records)
    key = "test_metric" if read else "validation_metric"
    tickets = {record["seed"]: record[key] for record in records if not record["control"]}
    controls = {record["seed"]: record[key] for record in records if record["control"] == kind}
    seeds = sorted(tickets.keys() & controls.keys())
    if not seeds:
        return None
    sign = metric_sign(report)
    return paired_difference([sign * tickets[s] for s in seeds], [sign * controls[s] for s in seeds])


def _comparison(found: MeanInterval, control: str, unit: str) -> str:
    size = float(f"{abs(found.mean):.3g}")
    # A difference of two percentages is in points.
    by = quantity(size, unit.replace("%", "point" if size == 1 else "points"))
    if found.low is None or found.high is None:
        relation = f"{by} ahead of" if found.mean > 0 else f"{by} behind" if found.mean else "level with"
        return f"is {relation} {control} (one seed: no interval)"
    interval = f"({found.low:.2g} to {found.high:.2g}, {found.n} seeds)"
    if found.low > 0:
        return f"beats {control} by {by} {interval}"
    if found.high < 0:
        return f"loses to {control} by {by} {interval}"
    return f"is not measurably better than {control} {interval}"


def _won(found: list[MeanInterval]) -> bool | None:
    """Whether every control is beaten, interval and all; `None` where the figures do not tell."""
    if any((d.mean if d.high is None else d.high) < 0 for d in found):
        return False
    return True if all(d.low is not None and d.low > 0 for d in found) else None


def _count(reads: int) -> str:
    return {0: "never", 1: "once"}.get(reads, f"{reads} times")
