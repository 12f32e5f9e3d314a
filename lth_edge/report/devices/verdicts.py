"""What a device's own figures say of the run: which form to ship there, what it gains, and whether it is right."""

from collections.abc import Mapping
from typing import Any

from lth_edge.bench.choice import BASELINE, best_form, latency_of
from lth_edge.bench.verdicts import cost_verdicts
from lth_edge.bench.wording import change, overall, verdict
from lth_edge.devices.result import DeviceResult
from lth_edge.package.replay import tolerance_of
from lth_edge.report.sections import Content
from lth_edge.report.units import write_power

Verdict = dict[str, Any]


def verdicts(device: DeviceResult, reports: Mapping[int, Content], summary: Content) -> list[Verdict]:
    """The recommendation first; size and memory are those of the fewest threads.

    A tainted device recommends as its figures say, and calls none of them good.

    Args:
        reports: number of threads -> the run's report with what was measured on the device with so many.
        summary: that of the fewest threads, or of none where nothing was timed.
    """
    found = {question["question"]: question for question in cost_verdicts(summary)}
    if len(reports) > 1:
        found["recommendation"] = _recommendation(reports, found["recommendation"])
        found["latency"] = _latency(reports)
    if device.taints:
        found = {name: verdict(name, question["answer"], None) for name, question in found.items()}
        doubt = f"; tainted, measure again before trusting it: {', '.join(device.taints)}"
        found["recommendation"]["answer"] += doubt
    return [*found.values(), outputs_verdict(device)]


def outputs_verdict(device: DeviceResult) -> Verdict:
    """Whether the files give the recorded outputs on the device; the figures of one that does not are left out."""
    checked = {form: error for form in device.content["forms"] if (error := device.error(form)) is not None}
    wrong = [form for form in checked if not is_right(device, form)]
    right = {form: write_power(error, 1) for form, error in checked.items() if form not in wrong}
    told = [f"{form} is off by {write_power(checked[form], 1)}: not to be shipped there" for form in wrong]
    if right:
        who = "the others give" if wrong else "all files give"
        errors = ", ".join(f"{form} {error}" for form, error in right.items())
        told.append(f"{who} the recorded outputs, largest error {errors} of the largest output")
    told += [f"{form} was not checked" for form in device.content["forms"] if form not in checked]
    return verdict("outputs", "; ".join(told) or "nothing was checked", not wrong if checked else None)


def is_right(device: DeviceResult, form: str) -> bool:
    """Whether a form gives the recorded outputs there; what was not checked is not known to be wrong."""
    error = device.error(form)
    return error is None or error <= tolerance_of(form)


def _recommendation(reports: Mapping[int, Content], first: Verdict) -> Verdict:
    """One form where it is the best with any number of threads, else one for each."""
    forms = {best_form(report) for report in reports.values()}
    if len(forms) > 1:
        answers = {count: _of(report, "recommendation")["answer"] for count, report in reports.items()}
        told = [f"with {count_threads(count)} {answer}" for count, answer in answers.items()]
        return verdict("recommendation", "; ".join(told), first["good"])
    more = [
        f"; with {count_threads(count)} {change(row['speedup'])}"
        for count, report in list(reports.items())[1:]
        if (row := at_smallest_batch(report, *forms)) and forms != {BASELINE}
    ]
    return verdict("recommendation", first["answer"] + "".join(more), first["good"])


def _latency(reports: Mapping[int, Content]) -> Verdict:
    found = {count: _of(report, "latency") for count, report in reports.items()}
    told = [f"{count_threads(count)}: {question['answer']}" for count, question in found.items()]
    states = {True: 1, None: 0, False: -1}
    return verdict("latency", "; ".join(told), overall([states[question["good"]] for question in found.values()]))


def _of(report: Content, name: str) -> Verdict:
    return next(question for question in cost_verdicts(report) if question["question"] == name)


def at_smallest_batch(report: Content, form: str) -> Content | None:
    """The latency row that decides about a form; `None` where it was not timed."""
    rows = [row for row in latency_of(report) if row["form"] == form]
    return min(rows, key=lambda row: row["batch"], default=None)


def count_threads(count: int) -> str:
    return f"{count} thread" if count == 1 else f"{count} threads"
