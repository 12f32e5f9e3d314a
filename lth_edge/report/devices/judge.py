"""What a device's own figures say of the run: which form to ship there, and what it gains."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lth_edge.bench.choice import BASELINE, SPARSE, best_form, latency_of
from lth_edge.bench.verdicts import cost_verdicts
from lth_edge.bench.wording import change, overall, verdict
from lth_edge.devices.result import DeviceResult
from lth_edge.package.replay import tolerance_of
from lth_edge.report.sections import Content
from lth_edge.report.units import write_power

Verdict = dict[str, Any]


@dataclass(frozen=True)
class Judged:
    """A device, and the run's report as it would read had the run been measured there.

    Attributes:
        reports: number of threads -> that report with the forms that give the right outputs there; empty where
            nothing was timed.
        summary: that of the fewest threads, with verdicts over all threads.
    """

    result: DeviceResult
    reports: Mapping[int, Content]
    summary: Content

    @property
    def name(self) -> str:
        return self.result.name

    @property
    def label(self) -> str:
        """The device's name, with the doubt where there is one."""
        return f"{self.name} (tainted)" if self.result.taints and not self.result.emulated else self.name

    @property
    def shipped(self) -> dict[int, str]:
        """Number of threads -> the form to ship."""
        return {threads: best_form(report) for threads, report in self.reports.items()}


def judge(report: Content, device: DeviceResult) -> Judged:
    """Judge a device by the figures that count: an emulator's times and memory do not."""
    threads = [] if device.emulated else device.threads
    reports = {count: as_measured(report, device, device.measurements(count)) for count in threads}
    summary = next(iter(reports.values()), as_measured(report, device, None))
    verdicts = [outputs_verdict(device)] if device.emulated else _verdicts(device, reports, summary)
    return Judged(device, reports, {**summary, "verdicts": verdicts})


def as_measured(report: Content, device: DeviceResult, measurements: Content | None) -> Content:
    """The run's report with a device's machine and figures, and without the forms that are wrong or missing there."""
    kernels = device.content["runtime_bytes"].get("kernels")
    forms = [
        {
            **form,
            "bytes": device.content["forms"][form["name"]]["bytes"],
            "kernels_bytes": _kernels(form, kernels) if form["name"] == SPARSE else 0,
        }
        for form in report["forms"] or []
        if form["name"] in device.content["forms"] and (form["name"] == BASELINE or is_right(device, form["name"]))
    ]
    found = {"machine": device.content["machine"], "forms": forms, "sizes": [], "verdicts": []}
    return {**report, **found, "measurements": measurements and _only(measurements, [form["name"] for form in forms])}


def is_right(device: DeviceResult, form: str) -> bool:
    """Whether a form gives the recorded outputs there; what was not checked is not known to be wrong."""
    error = device.error(form)
    return error is None or error <= tolerance_of(form)


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


def _kernels(form: Content, bytes_there: float | str | None) -> Any:
    """The size of the kernels on the device, or that of this machine's where it is not known."""
    return bytes_there if isinstance(bytes_there, int) else form.get("kernels_bytes", 0)


def _only(measurements: Content, forms: list[str]) -> dict[str, Any]:
    """The figures of these forms."""
    rows = {part: [row for row in measurements[part] if row["form"] in forms] for part in ("latency", "load", "memory")}
    times = measurements["raw"]["latency_us"]
    kept = {batch: {form: runs[form] for form in forms if form in runs} for batch, runs in times.items()}
    return {**measurements, **rows, "raw": {**measurements["raw"], "latency_us": kept}}


def _verdicts(device: DeviceResult, reports: Mapping[int, Content], summary: Content) -> list[Verdict]:
    """Size and memory are those of the fewest threads; the others can differ with the threads."""
    recommendation, size, memory, latency = cost_verdicts(summary)
    if len(reports) > 1:
        recommendation, latency = _recommendation(reports, recommendation), _latency(reports)
    found = [recommendation, size, memory, latency]
    if device.taints:
        doubt = f"{recommendation['answer']}; tainted, measure again before trusting it: {', '.join(device.taints)}"
        found = [verdict(question["question"], question["answer"], None) for question in found]
        found[0]["answer"] = doubt
    return [*found, outputs_verdict(device)]


def _recommendation(reports: Mapping[int, Content], first: Verdict) -> Verdict:
    """One form where it is the best with any number of threads, else one for each."""
    forms = {best_form(report) for report in reports.values()}
    if len(forms) > 1:
        told = [f"with {count_threads(count)} {_answer(report, 0)}" for count, report in reports.items()]
        return verdict("recommendation", "; ".join(told), first["good"])
    more = [
        f"; with {count_threads(count)} {change(row['speedup'])}"
        for count, report in list(reports.items())[1:]
        if (row := at_smallest_batch(report, *forms)) and forms != {BASELINE}
    ]
    return verdict("recommendation", first["answer"] + "".join(more), first["good"])


def _latency(reports: Mapping[int, Content]) -> Verdict:
    told = [f"{count_threads(count)}: {_answer(report, 3)}" for count, report in reports.items()]
    states = {True: 1, None: 0, False: -1}
    goods = [states[cost_verdicts(report)[3]["good"]] for report in reports.values()]
    return verdict("latency", "; ".join(told), overall(goods))


def _answer(report: Content, place: int) -> str:
    return str(cost_verdicts(report)[place]["answer"])


def at_smallest_batch(report: Content, form: str) -> Content | None:
    """The latency row that decides about a form; `None` where it was not timed."""
    rows = [row for row in latency_of(report) if row["form"] == form]
    return min(rows, key=lambda row: row["batch"], default=None)


def count_threads(count: int) -> str:
    return f"{count} thread" if count == 1 else f"{count} threads"
