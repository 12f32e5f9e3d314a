"""The run's report as each device would have written it, from its own figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lth_edge.bench.choice import BASELINE, SPARSE, best_form
from lth_edge.devices.fields import UNKNOWN
from lth_edge.devices.result import DeviceResult
from lth_edge.report.devices.verdicts import is_right, outputs_verdict, verdicts
from lth_edge.report.sections import Content


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
    found = [outputs_verdict(device)] if device.emulated else verdicts(device, reports, summary)
    return Judged(device, reports, {**summary, "verdicts": found})


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


def _kernels(form: Content, bytes_there: float | str | None) -> Any:
    """The size of the kernels on the device, or that of this machine's where it is not known."""
    return form.get("kernels_bytes", 0) if bytes_there in {None, UNKNOWN} else bytes_there


def _only(measurements: Content, forms: list[str]) -> dict[str, Any]:
    """The figures of these forms."""
    rows = {part: [row for row in measurements[part] if row["form"] in forms] for part in ("latency", "load", "memory")}
    times = measurements["raw"]["latency_us"]
    kept = {batch: {form: runs[form] for form in forms if form in runs} for batch, runs in times.items()}
    return {**measurements, **rows, "raw": {**measurements["raw"], "latency_us": kept}}
