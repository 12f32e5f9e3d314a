"""Devices side by side in a terminal: verdicts first; readable at 80 columns and in a pipe."""

from rich.console import Console

from lth_edge.report.devices import estimates, facts, tables
from lth_edge.report.devices.overview import Overview
from lth_edge.report.sections import Content
from lth_edge.report.table import literal, print_table, verdict_grid


def print_devices(overview: Overview, console: Console) -> None:
    """Print what each device's figures say, then the devices side by side.

    Args:
        console: where to; colours and encoding are its own affair.
    """
    console.print(literal(console, f"{facts.title(overview)}: {facts.counted(overview)}", "bold"))
    if not overview.measured:
        console.print(literal(console, facts.NOT_MEASURED))
    for device in overview.devices:
        console.print()
        console.print(literal(console, device.label + (", emulated" if device.result.emulated else ""), "bold"))
        console.print(literal(console, facts.device_line(device.result), "dim"))
        console.print(verdict_grid(_in_short(device.summary), console))
    if overview.measured:
        print_table(tables.side_by_side(overview.measured).without("smaller", "memory"), console)
        print_table(tables.bytes_table(overview.measured), console)
    for doubt in facts.doubts(overview.measured):
        console.print(literal(console, f"Warning: {doubt}", "yellow"))
    if overview.emulated:
        console.print()
        console.print(literal(console, facts.EMULATED_NOTE, "dim"))
    if overview.estimates:
        print_table(estimates.estimates_table(overview.estimates), console)
        for sentence in estimates.method_sentences(overview.estimates):
            console.print(literal(console, sentence, "dim"))


def _in_short(report: Content) -> Content:
    """What to ship and whether it is right; the page tells the rest."""
    told = [verdict for verdict in report["verdicts"] if verdict["question"] in {"recommendation", "outputs"}]
    return {**report, "verdicts": told}
