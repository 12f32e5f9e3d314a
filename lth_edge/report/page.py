"""The report as one HTML file: no network, no script, light and dark, from a phone to a wide screen."""

from typing import Any

from lth_edge.report import against_dense, anchors, costs, facts, plots, sections, units
from lth_edge.report.sections import Content
from lth_edge.report.template import render, trusted


def to_page(report: Content) -> str:
    """A whole HTML document. Every text of the report is escaped; only our own SVG goes in as it is.

    Args:
        report: the dict of report.json.
    """
    return render(
        "page.html.j2",
        report=report,
        facts=facts,
        against_dense_sentence=against_dense.against_dense_sentence(report),
        anchors_sentence=anchors.anchors_sentence(report),
        tables=_tables(report),
        verdicts=sections.verdicts(report),
        warnings=costs.warnings(report),
        headlines=headlines(report),
        sizes=_size_bars(report),
        layers=report["layers"] or [],
        recall=recall_tracks(report),
        colours=plots.form_colours(report),
        figures={name: trusted(draw(report)) for name, draw in _FIGURES.items()},
    )


def headlines(report: Content) -> list[dict[str, str]]:
    """The few figures a reader takes along, each only where it is known."""
    chosen, found = report["chosen"], []
    if chosen:
        found.append(
            {"figure": units.write_share(chosen["weights_left"]), "words": "of the weights left in the ticket"}
        )
    found += _change_headline(report) + _size_headline(report) + _latency_headline(report)
    return found


_FIGURES = {"curve": plots.curve_figure, "latency": plots.latency_figure}


def _shipped(report: Content) -> str:
    return (report["package"] or {}).get("form") or ""


def _change_headline(report: Content) -> list[dict[str, str]]:
    """What is shipped against dense, as the other headlines tell it; where nothing is, the chosen level."""
    metric, split = units.Metric.of(report), sections.split_shown(report)
    difference = _shipped_change(report, split) if _shipped(report) else _chosen_change(report)
    if difference is None:
        return []
    words = f"{metric.difference_unit} {metric.name} against dense, {split}".strip()
    return [{"figure": metric.write_difference(difference), "words": words}]


def _shipped_change(report: Content, split: str) -> float | None:
    worth = {form["name"]: form[f"{split}_metric"] for form in report["forms"] or []}
    dense, shipped = worth.get(sections.BASELINE), worth.get(_shipped(report))
    return None if dense is None or shipped is None or _shipped(report) == sections.BASELINE else shipped - dense


def _chosen_change(report: Content) -> float | None:
    chosen = report["chosen"]
    points = sections.curve_of(report, "") if chosen else []
    return next((p["difference"]["mean"] for p in points if p["level"] == chosen["level"] and p["difference"]), None)


def _size_headline(report: Content) -> list[dict[str, str]]:
    bytes_ = {form["name"]: form["bytes"] for form in report["forms"] or []}
    dense, shipped = bytes_.get(sections.BASELINE), bytes_.get(_shipped(report))
    if not dense or not shipped or _shipped(report) == sections.BASELINE:
        return []
    factor, word = (dense / shipped, "smaller") if shipped <= dense else (shipped / dense, "larger")
    return [{"figure": units.write_factor(factor), "words": f"{word} than dense: {_shipped(report)}"}]


def _latency_headline(report: Content) -> list[dict[str, str]]:
    for entry in (report["measurements"] or {}).get("latency") or []:
        speedup = entry["speedup"] or {}
        if entry["form"] == _shipped(report) and speedup.get("median") and speedup["verdict"] != "baseline":
            words = f"the speed of dense at batch {entry['batch']}: {speedup['verdict']}"
            return [{"figure": units.write_factor(speedup["median"]), "words": words}]
    return []


def _size_bars(report: Content) -> list[dict[str, Any]]:
    sizes = report["sizes"] or []
    largest = max((size["bytes"] for size in sizes), default=0) or 1
    return [{**size, "share": size["bytes"] / largest} for size in sizes]


def recall_tracks(report: Content) -> dict[str, Any]:
    """Where each class's dots lie between the lowest recall (rounded down to 0.1) and 1."""
    classes = sections.recall(report)
    known = [value for by_form in classes.values() for value in by_form.values() if value is not None]
    low = min(0.9, int(min(known, default=0.0) * 10) / 10)
    dots = {
        label: [
            {"form": form, "value": value, "at": None if value is None else (value - low) / (1 - low)}
            for form, value in by_form.items()
        ]
        for label, by_form in classes.items()
    }
    return {"low": low, "classes": dots}


def _tables(report: Content) -> dict[str, sections.Table]:
    return {
        "levels": sections.levels_table(report),
        "against_dense": against_dense.against_dense_table(report),
        "anchors": anchors.anchors_table(report),
        "files": costs.files_table(report),
        "latency": costs.latency_table(report),
        "startup": costs.startup_table(report),
        "proof": costs.proof_table(report),
        "flips": sections.flips_table(report),
    }
