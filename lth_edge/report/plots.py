"""The page's figures, each drawn for a narrow and a wide place, so that its text never shrinks away."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from lth_edge.report.canvas import LIGHT, SERIES, Draw, inline_svg
from lth_edge.report.curve import curve_picture, draw_curve
from lth_edge.report.facts import curve_sentence
from lth_edge.report.sections import BASELINE, Content
from lth_edge.report.units import shorten, write_time

__all__ = [
    "NARROW", "WIDE", "both", "curve_figure", "curve_picture", "form_colours", "latency_figure", "latency_panel",
    "raw_latency", "time_limits",
]  # fmt: skip

NARROW, WIDE = 320, 760
Samples = npt.NDArray[np.float64]


def curve_figure(report: Content) -> dict[str, str]:
    """The sparsity-accuracy curve as {"narrow": svg, "wide": svg}; empty where no level was finished."""
    if not report["curve"]:
        return {}
    heights = {"narrow": 420, "wide": 450}
    return both(lambda figure: draw_curve(report, figure), heights, "curve", curve_sentence(report))


def latency_figure(report: Content) -> dict[str, str]:
    """Per batch and form: the cloud of all times, their median, a dot per process; empty if not measured."""
    measured = report["measurements"]
    raw = {batch: forms for batch, forms in raw_latency(report).items() if forms}
    if not measured or not raw:
        return {}
    height = sum(50 * len(forms) + 62 for forms in raw.values())
    label = "Distribution of latency per form at batch " + " and ".join(raw)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(len(raw), 1, squeeze=False, height_ratios=[len(forms) + 0.6 for forms in raw.values()])
        for axes, (batch, forms) in zip(panels[:, 0], raw.items(), strict=True):
            null = (measured["null_us"] or {}).get(batch)
            latency_panel(axes, f"batch {batch}", forms, null, time_limits(forms), form_colours(report))

    return both(draw, {"narrow": height, "wide": height}, "latency", label)


def form_colours(report: Content) -> dict[str, str]:
    """Form -> name of its colour; the baseline is grey, so that colour means a change."""
    names = [form["name"] for form in report["forms"] or []]
    names += [name for forms in raw_latency(report).values() for name in forms]
    others = [name for name in dict.fromkeys(names) if name != BASELINE]
    # the ticket wears the colour it has in the curve
    others.sort(key=lambda name: name != "ticket")
    return {BASELINE: "muted", **{name: _form_colour(index) for index, name in enumerate(others)}}


def _form_colour(index: int) -> str:
    order = [0, 3, 4, 5, 1, 2]  # after the ticket, the hues that the controls do not use
    return SERIES[order[index % len(order)]]


def both(draw: Draw, heights: dict[str, int], name: str, label: str) -> dict[str, str]:
    """One figure as {"narrow": svg, "wide": svg}; heights in CSS pixels, the rest as for `inline_svg`."""
    widths = {"narrow": NARROW, "wide": WIDE}
    return {size: inline_svg(draw, width, heights[size], f"{name}-{size}", label) for size, width in widths.items()}


def raw_latency(report: Content) -> dict[str, dict[str, list[Samples]]]:
    """Batch -> form -> one array of microseconds per process, without processes that timed nothing."""
    by_batch = ((report["measurements"] or {}).get("raw") or {}).get("latency_us") or {}
    return {
        batch: {form: kept for form, runs in forms.items() if (kept := [_array(run) for run in runs if len(run)])}
        for batch, forms in sorted(by_batch.items(), key=lambda item: int(item[0]))
    }


def _array(run: list[float]) -> Samples:
    return np.asarray(run, dtype=np.float64)


def latency_panel(
    axes: Axes,
    title: str,
    forms: Mapping[str, list[Samples]],
    null: float | None,
    limits: tuple[float, float],
    colours: Mapping[str, str],
) -> None:
    """Draw the times of one batch size: a row per form.

    Args:
        forms: form -> microseconds, one array per process.
        null: of an empty graph, in microseconds.
        limits: of the axis, in microseconds.
        colours: form -> name of its colour.
    """
    axes.set_xscale("log")
    for row, (form, runs) in enumerate(forms.items()):
        _latency_row(axes, -row, runs, LIGHT[colours[form]])
    low, high = limits
    # an empty graph far below would squeeze the clouds into needles: its time then stands in the text alone
    if null and low / 3 < null:
        low, high = min(low, null * 0.94), max(high, null * 1.06)
        axes.axvline(null, color=LIGHT["muted"], linewidth=1.2, linestyle=(0, (2, 2)))
        axes.text(null, 0.62, " empty graph", fontsize=12, color=LIGHT["muted"], va="bottom", ha="left")
    axes.set_xlim(low, high)
    axes.set_ylim(-len(forms) + 0.5, 0.95)
    _time_ticks(axes, low, high)
    axes.set_yticks([-row for row in range(len(forms))], [shorten(form, 14) for form in forms])
    axes.tick_params(axis="y", labelcolor=LIGHT["ink"])
    axes.set_title(title, loc="left", color=LIGHT["muted"])
    axes.spines["left"].set_visible(False)


def _latency_row(axes: Axes, y: float, runs: list[Samples], hue: str) -> None:
    pooled = np.concatenate(runs)
    x, height = _cloud(pooled)
    axes.fill_between(x, y, y + 0.62 * height, color=hue, alpha=0.28, linewidth=0)
    axes.plot(x, y + 0.62 * height, color=hue, linewidth=1.2)
    medians = [float(np.median(run)) for run in runs]
    axes.scatter(medians, [y - 0.16] * len(medians), s=16, color=hue, alpha=0.5, linewidths=0)
    axes.vlines(float(np.median(pooled)), y - 0.28, y + 0.7, color=hue, linewidth=2)


def _cloud(times: Samples, bins: int = 90) -> tuple[Samples, Samples]:
    """A smoothed histogram over log time, from the 0.5th to the 99th percentile, its peak at 1."""
    logs = np.log10(np.maximum(times, 1e-3))
    low, high = np.percentile(logs, (0.5, 99))
    margin = max(0.08 * (high - low), 0.004)
    counts, edges = np.histogram(logs, bins=bins, range=(low - margin, high + margin))
    kernel = np.exp(-0.5 * (np.arange(-6, 7) / 2.2) ** 2)
    smooth = np.convolve(counts, kernel, mode="same")
    return 10 ** ((edges[:-1] + edges[1:]) / 2), smooth / max(smooth.max(), 1e-12)


def time_limits(forms: Mapping[str, list[Samples]]) -> tuple[float, float]:
    """From the shortest to the longest time that a panel shows, in microseconds."""
    ends = [_cloud(np.concatenate(runs))[0] for runs in forms.values()]
    return min(end[0] for end in ends) * 0.97, max(end[-1] for end in ends) * 1.03


def _time_ticks(axes: Axes, low: float, high: float) -> None:
    if high / low < 5:
        ticks = [float(tick) for tick in MaxNLocator(4).tick_values(low, high)]
    else:
        bases = (1, 2, 5) if high / low < 100 else (1,)  # more would run into each other on a phone
        ticks = [base * 10.0**power for power in range(-1, 9) for base in bases]
    ticks = [tick for tick in ticks if low <= tick <= high]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(ticks, [_tick_label(tick) for tick in ticks])
    axes.grid(axis="x", zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, pad=6)


def _tick_label(us: float) -> str:
    number, unit = write_time(us / 1e6).split(" ")
    return f"{float(number):g} {unit}"
