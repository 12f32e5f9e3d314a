"""What the figures mean, question by question: short answers, each with its numbers."""

from collections.abc import Mapping
from typing import Any

from lth_edge.bench.choice import (
    BASELINE,
    best_form,
    find_form,
    latency_of,
    size_factor,
    speed_factor,
    within_tolerance,
)
from lth_edge.bench.evidence import accuracy_verdict, controls_verdict, untouched_verdict
from lth_edge.bench.wording import kilobytes, overall, ratio, times, verdict

__all__ = ["best_form", "verdicts"]

_GZIPPED = ("dense gzipped", "dense with zeros gzipped")


def verdicts(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Answer the report's questions from its own figures, the recommendation first.

    Args:
        report: the content of report.json, without "verdicts" and "package".

    Returns:
        {"question", "answer", "good"} each; `good` is of the recommended form, `None` where it is neither good nor bad.
    """
    questions = (
        _recommendation,
        _size,
        _memory,
        _latency,
        accuracy_verdict,
        controls_verdict,
        untouched_verdict,
    )
    return [question(report) for question in questions]


def _recommendation(report: Mapping[str, Any]) -> dict[str, Any]:
    best = best_form(report)
    prefer = report["recipe"]["bench"]["prefer"]
    if best != BASELINE:
        gains = f"{ratio(size_factor(report, best), 'smaller', 'larger')}, {_speed_told(report, best)}"
        return verdict("recommendation", f"ship {best}: {gains}, within tolerance (prefer: {prefer})", True)
    if within_tolerance(report) == [BASELINE]:
        return verdict("recommendation", "stay dense: no other form is within tolerance", None)
    return verdict("recommendation", f"stay dense: nothing within tolerance gains (prefer: {prefer})", None)


def _speed_told(report: Mapping[str, Any], form: str) -> str:
    if not latency_of(report):
        return "latency not measured"
    factor = speed_factor(report, form)
    return "no measurable change in latency" if factor == 1 else ratio(factor, "faster", "slower")


def _size(report: Mapping[str, Any]) -> dict[str, Any]:
    dense = find_form(report, BASELINE)
    factors = {form["file"]: size_factor(report, form["name"]) for form in _others(report)}
    told = [
        f"{file} is {ratio(factor, 'smaller', 'larger')} ({kilobytes(dense['bytes'] / factor)})"
        for file, factor in factors.items()
    ]
    answer = f"against {dense['file']} ({kilobytes(dense['bytes'])}): " + (", ".join(told) or "no other form")
    gzipped = [f"{row['form']} {times(row['factor'])}" for row in report["sizes"] if row["form"] in _GZIPPED]
    if gzipped:
        answer += "; for comparison " + ", ".join(gzipped)
    best = size_factor(report, best_form(report))
    return verdict("size", answer, overall([(best > 1) - (best < 1)]))


def _memory(report: Mapping[str, Any]) -> dict[str, Any]:
    measured = report.get("measurements") or {}
    rows = {row["form"]: row for row in measured.get("memory") or []}
    if BASELINE not in rows:
        return verdict("memory", "peak memory was not measured", None)
    raw = measured["raw"]["memory_bytes"]
    states = {form: _apart(raw[BASELINE], raw[form]) for form in rows if form != BASELINE}
    words = {1: "less", 0: "no measurable change", -1: "more"}
    told = [f"{form} {_above_empty(rows[form])} ({words[state]})" for form, state in states.items()]
    answer = "peak above an empty graph: " + ", ".join([f"dense {_above_empty(rows[BASELINE])}", *told])
    return verdict("memory", answer, overall([states.get(best_form(report), 0)]))


def _apart(baseline: list[int], form: list[int]) -> int:
    """1 where every process of `form` stayed below every one of `baseline`, -1 for the reverse, else 0."""
    return (max(form) < min(baseline)) - (min(form) > max(baseline))


def _above_empty(row: Mapping[str, Any]) -> str:
    return kilobytes(row["above_empty_bytes"])


def _latency(report: Mapping[str, Any]) -> dict[str, Any]:
    rows = latency_of(report)
    if not rows:
        return verdict("latency", "latency was not measured", None)
    others = [row for row in rows if row["form"] != BASELINE]
    sentences = []
    for batch in sorted({row["batch"] for row in rows}):
        told = [f"{row['form']} {_change(row['speedup'])}" for row in others if row["batch"] == batch]
        sentences.append(f"batch {batch}: " + (", ".join(told) or "no other form"))
    sentences += _doubts(report, rows) + _loading(report)
    states = {"faster": 1, "slower": -1}
    recommended = [row["speedup"]["verdict"] for row in others if row["form"] == best_form(report)]
    return verdict("latency", "; ".join(sentences), overall([states.get(found, 0) for found in recommended]))


def _change(speedup: Mapping[str, Any]) -> str:
    median, low, high = speedup["median"], speedup["low"], speedup["high"]
    if speedup["verdict"] == "slower":
        return f"{times(1 / median)} slower ({1 / high:.2f} to {1 / low:.2f})"
    if speedup["verdict"] == "faster":
        return f"{times(median)} faster ({low:.2f} to {high:.2f})"
    return f"{speedup['verdict']} ({low:.2f} to {high:.2f})"


def _doubts(report: Mapping[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    null = report["measurements"]["null_us"]
    batches = sorted({row["batch"] for row in rows if row["warning"]})
    return [
        f"at batch {batch} the call itself weighs in (an empty graph takes {null[str(batch)]:.1f} us)"
        for batch in batches
    ]


def _loading(report: Mapping[str, Any]) -> list[str]:
    rows = report["measurements"].get("load") or []
    return ["loading: " + ", ".join(f"{row['form']} {row['median_ms']:.3g} ms" for row in rows)] if rows else []


def _others(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [form for form in report["forms"] if form["name"] != BASELINE]
