"""What the figures mean, question by question: short answers, each with its numbers."""

from collections.abc import Mapping
from typing import Any

from lth_edge.bench.choice import (
    BASELINE,
    best_form,
    find_form,
    held_bytes,
    latency_of,
    size_factor,
    speed_factor,
    within_tolerance,
)
from lth_edge.bench.evidence import accuracy_verdict, controls_verdict, untouched_verdict
from lth_edge.bench.wording import change, kilobytes, overall, ratio, times, verdict

__all__ = ["best_form", "cost_verdicts", "verdicts"]

_GZIPPED = ("dense gzipped", "dense with zeros gzipped")


def verdicts(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Answer the report's questions from its own figures, the recommendation first.

    Args:
        report: the content of report.json, without "verdicts" and "package".

    Returns:
        {"question", "answer", "good"} each; `good` is of the recommended form, `None` where it is neither good nor bad.
    """
    evidence = (accuracy_verdict, controls_verdict, untouched_verdict)
    return [*cost_verdicts(report), *(question(report) for question in evidence)]


def cost_verdicts(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The verdicts that change with the machine: recommendation, size, memory and latency.

    Args:
        report: as for `verdicts`; its forms and measurements may be those of another machine.
    """
    return [question(report) for question in (_recommendation, _size, _memory, _latency)]


def _recommendation(report: Mapping[str, Any]) -> dict[str, Any]:
    best = best_form(report)
    prefer = report["recipe"]["bench"]["prefer"]
    if best != BASELINE:
        size = ratio(size_factor(report, best), "smaller", "larger")
        gains = f"{size}{_with_kernels(report, best)}, {_speed_told(report, best)}"
        answer = f"ship {best}: {gains}, within tolerance (prefer: {prefer}){_faster_one(report, best)}"
        return verdict("recommendation", answer, True)
    if within_tolerance(report) == [BASELINE]:
        return verdict("recommendation", "stay dense: no other form is within tolerance", None)
    return verdict("recommendation", f"stay dense: nothing within tolerance gains (prefer: {prefer})", None)


def _faster_one(report: Mapping[str, Any], best: str) -> str:
    """The fastest form within tolerance, where it is another one than the best."""
    fastest = max(within_tolerance(report), key=lambda form: speed_factor(report, form))
    if speed_factor(report, fastest) <= speed_factor(report, best):
        return ""
    return f"; {fastest} is {_speed_told(report, fastest)}: --prefer latency ships it"


def _with_kernels(report: Mapping[str, Any], form: str) -> str:
    """What the form's size is once its kernels are counted; empty where it needs none."""
    held = held_bytes(report, form)
    if held == find_form(report, form)["bytes"]:
        return ""
    return f" ({ratio(held_bytes(report, BASELINE) / held, 'smaller', 'larger')} with the kernels it needs)"


def _speed_told(report: Mapping[str, Any], form: str) -> str:
    if not latency_of(report):
        return "latency not measured"
    factor = speed_factor(report, form)
    return "no measurable change in latency" if factor == 1 else ratio(factor, "faster", "slower")


def _size(report: Mapping[str, Any]) -> dict[str, Any]:
    dense = find_form(report, BASELINE)
    told = [_file_size(report, form) for form in _others(report)]
    answer = f"against {dense['file']} ({kilobytes(dense['bytes'])}): " + (", ".join(told) or "no other form")
    gzipped = [f"{row['form']} {times(row['factor'])}" for row in report["sizes"] if row["form"] in _GZIPPED]
    if gzipped:
        answer += "; for comparison " + ", ".join(gzipped)
    best = held_bytes(report, best_form(report))
    return verdict("size", answer, overall([(best < dense["bytes"]) - (best > dense["bytes"])]))


def _file_size(report: Mapping[str, Any], form: Mapping[str, Any]) -> str:
    factor = ratio(size_factor(report, form["name"]), "smaller", "larger")
    kernels = form.get("kernels_bytes", 0)
    beside = f" and {kilobytes(kernels)} of kernels, once a device" if kernels else ""
    return f"{form['file']} is {factor} ({kilobytes(form['bytes'])}{beside})"


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
        told = [f"{row['form']} {change(row['speedup'])}" for row in others if row["batch"] == batch]
        sentences.append(f"batch {batch}: " + (", ".join(told) or "no other form"))
    sentences += _doubts(report, rows) + _loading(report)
    states = {"faster": 1, "slower": -1}
    recommended = [row["speedup"]["verdict"] for row in others if row["form"] == best_form(report)]
    return verdict("latency", "; ".join(sentences), overall([states.get(found, 0) for found in recommended]))


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
