"""Devices side by side as one HTML file, in the frame and the look of the run's report."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from lth_edge.devices.device_file import FOLDER
from lth_edge.devices.fields import UNKNOWN
from lth_edge.report import sections
from lth_edge.report.canvas import SERIES
from lth_edge.report.devices import estimates, facts, tables
from lth_edge.report.devices.conditions import conditions_table
from lth_edge.report.devices.judge import Judged
from lth_edge.report.devices.overview import Overview
from lth_edge.report.devices.plots import latency_figure, watch_figure
from lth_edge.report.plots import form_colours
from lth_edge.report.template import render, trusted
from lth_edge.report.units import write_known_bytes

_PART_COLOURS = (SERIES[0], SERIES[3], SERIES[1], SERIES[4])


def to_page(overview: Overview) -> str:
    """A whole HTML document that opens from disk; the raw files are linked, not held."""
    colours = form_colours(overview.report)
    return render(
        "devices/page.html.j2",
        overview=overview,
        report=overview.report,
        facts=facts,
        colours=colours,
        bars=byte_bars(overview.measured),
        tables=_tables(overview),
        estimates=estimates,
        verdicts={device.name: sections.verdicts(device.summary) for device in overview.devices},
        doubts=facts.doubts(overview.measured),
        latency=trusted(latency_figure(overview.measured, colours)),
        watched={
            device.name: trusted(watch_figure(device.result, place)) for place, device in enumerate(overview.measured)
        },
        origin=_origin(overview),
        raw=lambda found: f"{FOLDER}/{quote(found.file)}",
    )


def byte_bars(devices: Sequence[Judged]) -> list[dict[str, Any]]:
    """A bar a device, its parts in their share of the longest; a part of unknown size has its name alone."""
    held = [tables.held_bytes(device) for device in devices]
    totals = [sum(count for count in parts.values() if count != UNKNOWN) for parts in held]
    longest = max(totals, default=0) or 1
    return [
        {
            "device": device.name,
            "total": total,
            "unknown": UNKNOWN in parts.values(),
            "parts": [
                {
                    "name": name,
                    "colour": colour,
                    "bytes": write_known_bytes(count),
                    "share": count / longest if count != UNKNOWN else None,
                }
                for colour, (name, count) in zip(_PART_COLOURS, parts.items(), strict=False)
            ],
        }
        for device, parts, total in zip(devices, held, totals, strict=True)
    ]


def _tables(overview: Overview) -> dict[str, sections.Table]:
    return {
        "side": tables.side_by_side(overview.measured),
        "latency": tables.latency_table(overview.measured, ("p50", "p99")),
        "startup": tables.startup_table(overview.measured),
        "outputs": tables.files_table(overview.measured).without("bytes", "limit"),
        "conditions": conditions_table(overview.measured),
        "emulated": tables.files_table(overview.emulated),
        "estimates": estimates.estimates_table(overview.estimates),
    }


def _origin(overview: Overview) -> str:
    """What the run's own machine recommended."""
    found = [verdict for verdict in sections.verdicts(overview.report) if verdict["question"] == "recommendation"]
    cpu = (overview.report["machine"] or {}).get("cpu", "unknown")
    return f"On the machine that made the run ({cpu}): {found[0]['answer'] if found else 'nothing was measured'}"
