"""What the files weigh, take and get wrong: sizes, latency, load, memory and proof as tables."""

from typing import Any

from lth_edge.report.sections import BASELINE, Content, Table
from lth_edge.report.units import (
    MISSING,
    Metric,
    write_bytes,
    write_factor,
    write_power,
    write_range,
    write_share,
    write_time,
)

NOT_MEASURED = "Nothing was measured: the run did not reach the benchmark."


def files_table(report: Content) -> Table:
    """The files side by side: size, what they cost to load and to hold, how right they are."""
    metric = Metric.of(report)
    forms = report["forms"] or []
    dense = next((form["bytes"] for form in forms if form["name"] == BASELINE), None)
    loads, memory = _by_form(report, "load"), _by_form(report, "memory")
    rows = [
        (
            form["name"],
            write_bytes(form["bytes"]),
            write_factor(dense / form["bytes"] if dense and form["bytes"] else None),
            write_bytes(form["gzip_bytes"]),
            write_time(_scaled(loads.get(form["name"], {}).get("median_ms"), 1e-3)),
            write_bytes(memory.get(form["name"], {}).get("peak_bytes")),
            metric.write(form["validation_metric"]),
            metric.write(form["test_metric"]),
        )
        for form in forms
    ]
    columns = ("form", "size", "smaller", "gzipped", "load", "peak", "validation", "test")
    return Table("Files", columns, rows, _shipped(report), "No file was exported.").known()


def sizes_table(report: Content) -> Table:
    """Each form's bytes, beside dense, gzip and int8; reports from before there were more figures show fewer."""
    metric = Metric.of(report)
    rows = [
        (
            size["form"],
            write_bytes(size["bytes"]),
            write_factor(size["factor"]),
            write_factor(size.get("over_gzip")),
            write_factor(size.get("over_int8")),
            _write_bits(size.get("bits_per_nonzero")),
            write_share(size.get("share_of_limit")),
            metric.write(size.get("test_metric")),
        )
        for size in report["sizes"] or []
    ]
    columns = (
        *("stored as", "bytes", "smaller", "than zeros gzipped", "than int8"),
        *("bits per nonzero", "of the limit", "test"),
    )
    return Table("Bytes", columns, rows, frozenset(), "No size was measured.").known()


def _write_bits(bits: float | None) -> str:
    return MISSING if bits is None else f"{bits:.2f}"


def latency_table(report: Content, percentiles: tuple[str, ...] = ("p50", "p90", "p95", "p99")) -> Table:
    """Latency per form and batch, with the speed-up over dense and its interval over processes."""
    entries = (report["measurements"] or {}).get("latency") or []
    rows = [
        (
            entry["form"],
            str(entry["batch"]),
            *(write_time(_scaled(entry[f"{name}_us"], 1e-6)) for name in percentiles),
            write_speedup(entry["speedup"]),
            entry["speedup"]["verdict"] if entry["speedup"] else "",
        )
        for entry in entries
    ]
    columns = ("form", "batch", *percentiles, "speed-up", "verdict")
    return Table("Latency", columns, rows, frozenset(), NOT_MEASURED, frozenset({0, len(columns) - 1}))


def write_speedup(speedup: Content | None) -> str:
    if not speedup or speedup["median"] is None:
        return MISSING
    if speedup["verdict"] == "baseline":
        return write_factor(1.0)
    if speedup["low"] is None or speedup["high"] is None:
        return write_factor(speedup["median"])
    low, high = (f"{speedup[end]:.2f}" for end in ("low", "high"))
    return f"{write_factor(speedup['median'])} {write_range(low, high)}"


def warnings(report: Content) -> list[str]:
    """What the latency figures must be doubted for, each once."""
    entries = (report["measurements"] or {}).get("latency") or []
    return list(dict.fromkeys(entry["warning"] for entry in entries if entry["warning"]))


def startup_table(report: Content) -> Table:
    """Load time with its interval, and memory."""
    loads, memory = _by_form(report, "load"), _by_form(report, "memory")
    rows = [
        (
            form,
            write_time(_scaled(loads.get(form, {}).get("median_ms"), 1e-3)),
            _load_interval(loads.get(form)),
            write_bytes(memory.get(form, {}).get("peak_bytes")),
            write_bytes(memory.get(form, {}).get("above_empty_bytes")),
        )
        for form in dict.fromkeys([*loads, *memory])
        if form
    ]
    columns = ("form", "load", "interval", "peak memory", "above empty process")
    return Table("Load and memory", columns, rows, frozenset(), NOT_MEASURED)


def _load_interval(load: Content | None) -> str:
    if not load or load["low_ms"] is None or load["high_ms"] is None:
        return MISSING
    return f"{write_time(load['low_ms'] / 1e3)} to {write_time(load['high_ms'] / 1e3)}"


def proof_table(report: Content) -> Table:
    """The largest error of each file against PyTorch, as a fraction of the largest output."""
    forms = (report["proof"] or {}).get("forms") or []
    rows = [
        (
            form["form"],
            write_power(form["max_error"], 1),
            write_power(form["limit"], 0),
            MISSING if form["flips"] is None else str(form["flips"]),
        )
        for form in forms
    ]
    columns = ("form", "largest error", "limit", "flipped")
    return Table("Proof", columns, rows, frozenset(), "No file was proved.")


def _by_form(report: Content, part: str) -> dict[str, Any]:
    return {entry["form"]: entry for entry in (report["measurements"] or {}).get(part) or []}


def _shipped(report: Content) -> frozenset[int]:
    shipped = (report["package"] or {}).get("form")
    return frozenset(i for i, form in enumerate(report["forms"] or []) if form["name"] == shipped)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
