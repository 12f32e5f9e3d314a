"""The picture of a run: accuracy against the weights that are left, with controls and seeds."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from lth_edge.files import whole_file
from lth_edge.report import canvas
from lth_edge.report.canvas import LIGHT, SERIES
from lth_edge.report.sections import CONTROLS, Content, controls, curve_of, seeds, split_shown
from lth_edge.report.units import Metric, shorten, write_share

TICKS = [base * 10.0**power for power in (2, 1, 0, -1, -2, -3) for base in (5, 2, 1)]
MARKERS = {"reinit": "s", "random-mask": "^"}


def draw_curve(report: Content, figure: Figure) -> None:
    """Put the curve on an empty figure: x is the weights left in percent, log, falling to the right."""
    axes = figure.add_subplot()
    split = split_shown(report)
    _ticket(axes, report, split)
    for control, colour in _control_colours(report).items():
        _control(axes, report, split, control, LIGHT[colour])
    _reference_lines(axes, report, split)
    _single_seeds(axes, report, split)
    _finish_axes(axes, report, split)
    _chosen(axes, report, split)
    columns = 1 if figure.get_figwidth() < 7 else 3
    figure.legend(loc="outside upper left", ncols=columns, handlelength=1.6, columnspacing=1.6, borderpad=0)


def curve_picture(report: Content, path: Path) -> None:
    """Save the curve on white, for a README.

    Args:
        report: the dict of report.json.
        path: ends in .svg or .png.
    """
    name = "curve"
    with whole_file(path) as temporary:
        if path.suffix == ".png":
            temporary.write_bytes(canvas.png(lambda figure: draw_curve(report, figure), 760, 400, name))
        else:
            svg = canvas.standalone_svg(lambda figure: draw_curve(report, figure), 760, 400, name)
            temporary.write_text(svg, encoding="utf-8")


def _control_colours(report: Content) -> dict[str, str]:
    return {control: SERIES[1 + index % (len(SERIES) - 1)] for index, control in enumerate(controls(report))}


def _known(points: list[dict[str, Any]], split: str) -> list[dict[str, Any]]:
    return [point for point in points if point[split] and point[split]["mean"] is not None]


def _ticket(axes: Axes, report: Content, split: str) -> None:
    points, hue, count = _known(curve_of(report, ""), split), LIGHT[SERIES[0]], len(seeds(report))
    label = f"ticket, mean of {count} seeds, t interval" if count > 1 else "ticket"
    axes.plot(*_means(points, split), "o-", color=hue, markersize=4.5, linewidth=2.2, zorder=4, label=label)
    if x_low_high := _intervals(points, split):
        axes.fill_between(*x_low_high, color=hue, alpha=0.16, linewidth=0, zorder=2)


def _control(axes: Axes, report: Content, split: str, control: str, hue: str) -> None:
    """A control runs at a few levels only: its intervals are bars, not a band."""
    points = _known(curve_of(report, control), split)
    look: dict[str, Any] = {
        "marker": MARKERS.get(control, "D"),
        "markersize": 5.5,
        "linewidth": 1.4,
        "linestyle": (0, (4, 2)),
    }
    label = f"control: {CONTROLS.get(control, control)}"
    axes.plot(*_means(points, split), color=hue, zorder=3, label=label, **look)
    if x_low_high := _intervals(points, split):
        axes.vlines(*x_low_high, color=hue, linewidth=1.4, alpha=0.55, zorder=3)


def _means(points: list[dict[str, Any]], split: str) -> tuple[list[float], list[float]]:
    return [100 * point["weights_left"] for point in points], [point[split]["mean"] for point in points]


def _intervals(points: list[dict[str, Any]], split: str) -> tuple[list[float], list[float], list[float]] | None:
    """x, low and high of the points that have an interval: those of more than one seed."""
    bounded = [point for point in points if None not in (point[split]["low"], point[split]["high"])]
    if not bounded:
        return None
    low, high = ([point[split][end] for point in bounded] for end in ("low", "high"))
    return [100 * point["weights_left"] for point in bounded], low, high


def _single_seeds(axes: Axes, report: Content, split: str) -> None:
    if len(seeds(report)) < 2:
        return
    for control, colour in {"": SERIES[0], **_control_colours(report)}.items():
        levels = [lev for lev in report["levels"] if lev["control"] == control and lev[f"{split}_metric"] is not None]
        x = [100 * level["weights_left"] for level in levels]
        y = [level[f"{split}_metric"] for level in levels]
        axes.scatter(x, y, s=11, color=LIGHT[colour], alpha=0.35, linewidths=0, zorder=2)


def _reference_lines(axes: Axes, report: Content, split: str) -> None:
    points = _known([point for point in curve_of(report, "") if point["level"] == 0], split)
    if not points:
        return
    dense, metric = points[0][split]["mean"], Metric.of(report)
    worst = dense - report["task"]["tolerance"] * (1 if metric.higher_is_better else -1)
    axes.axhspan(min(dense, worst), max(dense, worst), color=LIGHT["good"], alpha=0.06, linewidth=0, zorder=1)
    axes.axhline(dense, color=LIGHT["muted"], linewidth=1.2, zorder=1, label=f"dense {metric.write(dense)}")
    limit = f"tolerance, {'down' if metric.higher_is_better else 'up'} to {metric.write(worst)}"
    axes.axhline(worst, color=LIGHT["good"], linewidth=1.2, linestyle=(0, (2, 2)), zorder=1, label=limit)


def _finish_axes(axes: Axes, report: Content, split: str) -> None:
    left = [100 * point["weights_left"] for point in report["curve"] or []] or [100.0]
    high, low = max(left) * 1.06, min(left) / 1.12
    axes.set_xscale("log")
    axes.set_xlim(high, low)
    ticks = [tick for tick in TICKS if low <= tick <= high]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(ticks, [f"{tick:g}%" for tick in ticks])
    axes.set_xlabel("weights left")
    axes.set_title(f"{shorten(Metric.of(report).title, 24)}, {split}", loc="left", color=LIGHT["muted"], pad=10)
    axes.grid(axis="y", zorder=0)
    axes.tick_params(length=0, pad=6)
    axes.spines["left"].set_visible(False)
    axes.margins(y=0.1)


def _chosen(axes: Axes, report: Content, split: str) -> None:
    """A line at the chosen level and a ring on it, the label in room made under the data."""
    chosen = report["chosen"]
    if not chosen:
        return
    x = 100 * chosen["weights_left"]
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom - 0.09 * (top - bottom), top)
    axes.axvline(x, color=LIGHT["ink"], linewidth=1.2, linestyle=(0, (1, 2)), zorder=1)
    for point in _known(curve_of(report, ""), split):
        if point["level"] == chosen["level"]:
            ring: dict[str, Any] = {
                "s": 110,
                "facecolors": "none",
                "edgecolors": LIGHT["ink"],
                "linewidths": 1.6,
                "zorder": 5,
            }
            axes.scatter([100 * point["weights_left"]], [point[split]["mean"]], **ring)
    left_half = axes.transLimits.transform(axes.transScale.transform((x, bottom)))[0] < 0.5
    axes.annotate(
        f"chosen: {write_share(chosen['weights_left'])} left", (x, 0), xycoords=("data", "axes fraction"),
        xytext=(8 if left_half else -8, 7), textcoords="offset points", ha="left" if left_half else "right",
        va="bottom", color=LIGHT["ink"], fontweight="bold", zorder=5,
    )  # fmt: skip
