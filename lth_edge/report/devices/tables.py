"""Devices side by side, as plain texts: the terminal, Markdown and the page all show these."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lth_edge.bench.choice import BASELINE, SPARSE, find_form, size_factor
from lth_edge.devices.fields import UNKNOWN
from lth_edge.devices.result import DeviceResult
from lth_edge.package.replay import tolerance_of
from lth_edge.report import costs
from lth_edge.report.devices.judge import Judged
from lth_edge.report.devices.verdicts import at_smallest_batch, is_right
from lth_edge.report.sections import Content, Table
from lth_edge.report.units import MISSING, write_bytes, write_factor, write_known_bytes, write_power, write_time

NOT_TIMED = "Nothing was timed on a real device."
RUNTIME = ("onnxruntime", "numpy", "kernels")


def side_by_side(devices: Sequence[Judged]) -> Table:
    """A row per device and number of threads: what to ship, and what it gains at the smallest batch."""
    rows = [
        _side_row(device, threads, report, device.shipped[threads])
        for device in devices
        for threads, report in device.reports.items()
    ]
    columns = ("device", "threads", "ship", "faster", "smaller", "dense takes", "it takes", "memory")
    return Table("Side by side", columns, rows, empty=NOT_TIMED, texts=frozenset({0, 2})).known()


def _side_row(device: Judged, threads: int, report: Content, form: str) -> tuple[str, ...]:
    dense, shipped = at_smallest_batch(report, BASELINE), at_smallest_batch(report, form)
    memory = {row["form"]: row["above_empty_bytes"] for row in report["measurements"]["memory"]}
    return (
        device.label,
        str(threads),
        form,
        costs.write_speedup(shipped["speedup"]) if shipped else MISSING,
        write_factor(size_factor(report, form)),
        write_time(dense["p50_us"] / 1e6) if dense else MISSING,
        write_time(shipped["p50_us"] / 1e6) if shipped else MISSING,
        write_bytes(memory.get(form)),
    )


def latency_table(devices: Sequence[Judged], percentiles: tuple[str, ...] = ("p50", "p90", "p99")) -> Table:
    """Every form, batch and number of threads, with the speed-up over dense and its interval over processes."""
    return _joined(devices, lambda report: costs.latency_table(report, percentiles))


def startup_table(devices: Sequence[Judged]) -> Table:
    """Load time with its interval, and memory."""
    return _joined(devices, costs.startup_table)


def _joined(devices: Sequence[Judged], of: Callable[[Content], Table]) -> Table:
    """The tables of all devices and numbers of threads in one."""
    tables = [
        ((device.label, str(threads)), of(report))
        for device in devices
        for threads, report in device.reports.items()
    ]  # fmt: skip
    if not tables:
        return Table("", (), [], empty=NOT_TIMED)
    _, first = tables[0]
    rows = [(*where, *row) for where, table in tables for row in table.rows]
    columns = ("device", "threads", *first.columns)
    texts = frozenset({0, *(2 + index for index in first.texts)})
    return Table(first.title, columns, rows, frozenset(), NOT_TIMED, texts).known()


def bytes_table(devices: Sequence[Judged]) -> Table:
    """What the device holds: the form that it ships, and the runtime's own bytes by name."""
    rows = []
    for device in devices:
        held = held_bytes(device)
        known = [count for count in held.values() if count != UNKNOWN]
        total = write_bytes(sum(known)) + (" at least" if len(known) < len(held) else "")
        parts = [write_known_bytes(held.get(part)) for part in RUNTIME]
        model = write_bytes(find_form(device.summary, shipped_form(device))["bytes"])
        rows.append((device.name, shipped_form(device), model, *parts, total))
    columns = ("device", "ship", "model", *RUNTIME, "in all")
    return Table("Bytes on the device", columns, rows, empty=NOT_TIMED, texts=frozenset({0, 1}))


def shipped_form(device: Judged) -> str:
    """The form to ship with the fewest threads."""
    return next(iter(device.shipped.values()), BASELINE)


def held_bytes(device: Judged) -> dict[str, Any]:
    """Bytes, or "unknown": of the file that is shipped there, then of the parts of the runtime that it needs."""
    form, runtime = find_form(device.summary, shipped_form(device)), device.result.content["runtime_bytes"]
    needed = [part for part in RUNTIME if part != "kernels" or form["name"] == SPARSE]
    return {form["file"]: form["bytes"]} | {part: runtime.get(part, UNKNOWN) for part in needed}


def files_table(devices: Iterable[Judged]) -> Table:
    """The files on each device, and whether they give the recorded outputs there."""
    rows = []
    for device in devices:
        content = device.result.content
        rows += [
            (device.name, form, write_bytes(found["bytes"]), *_checked(device.result, form))
            for form, found in content["forms"].items()
        ]
        rows += [(device.name, form, MISSING, MISSING, MISSING, why) for form, why in content["missing"].items()]
    columns = ("device", "form", "bytes", "largest error", "limit", "")
    return Table("Outputs", columns, rows, empty="Nothing was checked.", texts=frozenset({0, 1, 5}))


def _checked(device: DeviceResult, form: str) -> tuple[str, str, str]:
    error = device.error(form)
    if error is None:
        return MISSING, write_power(tolerance_of(form), 0), "not checked"
    told = "as recorded" if is_right(device, form) else "other outputs than recorded"
    return write_power(error, 1), write_power(tolerance_of(form), 0), told
