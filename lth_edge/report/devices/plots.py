"""The page's figures of devices: times on one axis, and clock and temperature while they were taken."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lth_edge.devices.fields import UNKNOWN
from lth_edge.devices.result import DeviceResult
from lth_edge.report.canvas import LIGHT, SERIES
from lth_edge.report.devices.conditions import throttled_stretches
from lth_edge.report.devices.judge import Judged
from lth_edge.report.devices.verdicts import count_threads
from lth_edge.report.plots import both, latency_panel, raw_latency, time_limits
from lth_edge.report.units import shorten

Panel = tuple[str, Any, float | None]
WATCHED = {"frequency_mhz": ("clock, MHz", SERIES[0]), "temperature_c": ("temperature, °C", SERIES[1])}


def latency_figure(devices: Sequence[Judged], colours: Mapping[str, str]) -> dict[str, str]:
    """All devices at the smallest batch, under one another on one axis; empty where nothing was timed."""
    panels = [panel for device in devices for panel in _panels(device)]
    if not panels:
        return {}
    limits = _shared_limits(panels)
    height = sum(44 * len(forms) + 58 for _, forms, _ in panels)

    def draw(figure: Figure) -> None:
        ratios = [len(forms) + 0.6 for _, forms, _ in panels]
        rows = figure.subplots(len(panels), 1, squeeze=False, height_ratios=ratios)
        for axes, (title, forms, null) in zip(rows[:, 0], panels, strict=True):
            latency_panel(axes, title, forms, null, limits, colours)

    label = "Distribution of latency per form on " + ", ".join(device.label for device in devices)
    return both(draw, {"narrow": height, "wide": height}, "latency", label)


def _panels(device: Judged) -> list[Panel]:
    panels = []
    for threads, report in device.reports.items():
        for batch, forms in list(raw_latency(report).items())[:1]:
            title = f"{shorten(device.label, 24)}, {count_threads(threads)}, batch {batch}"
            panels.append((title, forms, report["measurements"]["null_us"].get(batch)))
    return panels


def _shared_limits(panels: Sequence[Panel]) -> tuple[float, float]:
    """Of all panels, wide enough for the empty graphs that any of them shows."""
    ends = [time_limits(forms) for _, forms, _ in panels]
    low, high = min(end for end, _ in ends), max(end for _, end in ends)
    shown = [0.94 * null for _, _, null in panels if null and null > low / 3]
    return min([low, *shown]), high


def watch_figure(device: DeviceResult, place: int) -> dict[str, str]:
    """Clock and temperature by second, throttled stretches shaded; empty where neither could be read.

    Args:
        place: of the device on the page, for the ids of its figure.
    """
    during = device.content["during"]
    shown = [key for key in WATCHED if any(moment[key] != UNKNOWN for moment in during)]
    if not shown:
        return {}

    def draw(figure: Figure) -> None:
        panels = figure.subplots(len(shown), 1, squeeze=False, sharex=True)
        for axes, key in zip(panels[:, 0], shown, strict=True):
            _watch_panel(axes, during, key)
        panels[-1, 0].set_xlabel("seconds")

    height = 60 + 130 * len(shown)
    label = f"Clock and temperature of {device.name} while it was measured"
    return both(draw, {"narrow": height, "wide": height}, f"watch-{place}", label)


def _watch_panel(axes: Axes, during: Sequence[Mapping[str, Any]], key: str) -> None:
    title, colour = WATCHED[key]
    known = [(moment["t"], moment[key]) for moment in during if moment[key] != UNKNOWN]
    axes.plot([t for t, _ in known], [value for _, value in known], color=LIGHT[colour], linewidth=2)
    for start, end in throttled_stretches(during):
        axes.axvspan(start, end, color=LIGHT["bad"], alpha=0.16, linewidth=0)
    lowest, highest = min(value for _, value in known), max(value for _, value in known)
    margin = max(0.15 * (highest - lowest), 0.03 * abs(highest), 1.0)
    axes.set_ylim(lowest - margin, highest + margin)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.set_title(title, loc="left", color=LIGHT["muted"])
    axes.grid(axis="y", zorder=0)
    axes.tick_params(length=0, pad=6)
    axes.spines["left"].set_visible(False)
