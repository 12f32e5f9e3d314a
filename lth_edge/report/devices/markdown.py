"""Devices side by side as Markdown, for a pull request or a README."""

from lth_edge.report.devices import estimates, facts, tables
from lth_edge.report.devices.conditions import conditions_table
from lth_edge.report.devices.judge import Judged
from lth_edge.report.devices.overview import Overview
from lth_edge.report.markdown import bullets, escape, section, table, verdict_lines


def to_markdown(overview: Overview) -> str:
    """A whole Markdown document; names of the user's cannot break out of their cell."""
    parts = [
        f"# {escape(facts.title(overview))}",
        f"Run {escape(overview.report['name'])}; {escape(facts.counted(overview))}.",
        *(_verdicts(device) for device in overview.measured),
        *(_measured(overview) if overview.measured else [facts.NOT_MEASURED]),
        *(_emulated(overview) if overview.emulated else []),
        *(_estimates(overview) if overview.estimates else []),
        *(
            section(f"Machine: {escape(device.name)}", bullets(facts.device_facts(device.result)))
            for device in overview.devices
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _verdicts(device: Judged) -> str:
    return section(escape(device.label), escape(facts.device_line(device.result)), verdict_lines(device.summary))


def _measured(overview: Overview) -> list[str]:
    devices = overview.measured
    doubts = [f"Warning: {escape(doubt)}" for doubt in facts.doubts(devices)]
    missing = [escape(sentence) for device in devices for sentence in facts.missing_sentences(device.result)]
    return [
        section("Side by side", table(tables.side_by_side(devices)), *doubts),
        section("Latency", table(tables.latency_table(devices)), *doubts),
        section("Load and memory", table(tables.startup_table(devices)), *doubts),
        section("Bytes on the device", table(tables.bytes_table(devices))),
        section("Outputs", table(tables.files_table(devices)), *missing),
        section("Clock and temperature", table(conditions_table(devices)), *doubts),
    ]


def _emulated(overview: Overview) -> list[str]:
    runtimes = [escape(facts.runtime_sentence(device.result)) for device in overview.emulated]
    return [section("Emulated", facts.EMULATED_NOTE, table(tables.files_table(overview.emulated)), *runtimes)]


def _estimates(overview: Overview) -> list[str]:
    methods = [escape(sentence) for sentence in estimates.method_sentences(overview.estimates)]
    return [section("Estimated", estimates.NOTE, table(estimates.estimates_table(overview.estimates)), *methods)]
