"""What the report says of tickets, as plain texts: the terminal, Markdown and the page all show these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lth_edge.bench.evidence import RETRAINED
from lth_edge.report.units import (
    MISSING,
    Metric,
    write_share,
    write_signed,
    write_sparsity,
)

Content = Mapping[str, Any]
BASELINE = "dense"
CONTROLS = {
    "": "ticket",
    "reinit": "re-initialised",
    "random-mask": "random mask",
    "dense-longer": "dense, as many steps",
}
SYMBOLS = {True: "✓", False: "✗", None: "•"}


@dataclass(frozen=True)
class Table:
    """Written figures, row by row.

    Attributes:
        title: what the table shows.
        columns: headings, one per cell of a row.
        rows: cells; the first column names the row.
        marked: rows that stand out.
        empty: the sentence that stands in for a table without rows.
        texts: columns of words, aligned left; figures are aligned right.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    marked: frozenset[int] = frozenset()
    empty: str = ""
    texts: frozenset[int] = frozenset({0})

    def without(self, *columns: str) -> "Table":
        """The same table, the named columns left out."""
        return self._only([index for index, column in enumerate(self.columns) if column not in columns])

    def known(self) -> "Table":
        """The same table, columns that hold no figure left out."""
        kept = [i for i in range(len(self.columns)) if any(row[i] != MISSING for row in self.rows)]
        return self._only(kept) if self.rows else self

    def _only(self, kept: list[int]) -> "Table":
        return replace(
            self,
            columns=tuple(self.columns[index] for index in kept),
            rows=[tuple(row[index] for index in kept) for row in self.rows],
            texts=frozenset(new for new, old in enumerate(kept) if old in self.texts),
        )


def verdicts(report: Content) -> list[dict[str, Any]]:
    """The verdicts, the recommendation first, each with its symbol."""
    found = [{**verdict, "symbol": SYMBOLS[verdict["good"]]} for verdict in report["verdicts"] or []]
    return sorted(found, key=lambda verdict: verdict["question"] != "recommendation")


def curve_of(report: Content, control: str) -> list[dict[str, Any]]:
    """The points of the ticket ("") or of one control, the densest first: an automatic search goes back and forth."""
    points = [point for point in report["curve"] or [] if point["control"] == control]
    return sorted(points, key=lambda point: (-point["weights_left"], point["level"]))


def controls(report: Content) -> list[str]:
    """The controls that were run, in the order they appear."""
    return list(dict.fromkeys(point["control"] for point in report["curve"] or [] if point["control"]))


def seeds(report: Content) -> list[int]:
    return sorted({level["seed"] for level in report["levels"] or []})


def split_shown(report: Content) -> str:
    """test, or validation where there is no test set and its figures stand in for the curve's."""
    levels = report["levels"] or []
    return "test" if all(level["test_metric"] is not None for level in levels) else "validation"


def levels_table(report: Content) -> Table:
    """One row per level, mean over seeds; the chosen one is marked, controls follow."""
    metric = Metric.of(report)
    points = [point for control in ("", *controls(report)) for point in curve_of(report, control)]
    rows = [
        (
            str(point["level"]),
            write_share(point["weights_left"]),
            write_sparsity(point["weights_left"]),
            metric.write_estimate(point["validation"]),
            metric.write_estimate(point["test"]),
            _level_note(report, point),
        )
        for point in points
    ]
    marked = frozenset(i for i, point in enumerate(points) if _is_chosen(report, point))
    columns = ("level", "weights left", "sparsity", "validation", "test", "")
    title = f"Levels: {metric.title}"
    table = Table(title, columns, rows, marked, "No level was finished.", frozenset({5}))
    return table if split_shown(report) == "test" else table.without("test")


def _is_chosen(report: Content, point: Content) -> bool:
    chosen = report["chosen"]
    return bool(chosen) and not point["control"] and point["level"] == chosen["level"]


def _level_note(report: Content, point: Content) -> str:
    if point["control"]:
        return CONTROLS.get(point["control"], str(point["control"]))
    if _is_chosen(report, point):
        return "← chosen"
    if point["level"] == 0:
        return "as it was" if report["kind"] == RETRAINED else BASELINE
    levels = [lev for lev in report["levels"] if lev["level"] == point["level"] and not lev["control"]]
    within = sum(bool(level["within_tolerance"]) for level in levels)
    if within == len(levels):
        return "within"
    return f"{within} of {len(levels)} within" if within else "below"


def flips_table(report: Content) -> Table:
    """Predictions on test data that changed against dense, in both directions."""
    rows = [
        (form["name"], str(gained), str(lost), write_signed(gained - lost))
        for form in report["forms"] or []
        if (flips := form["flips"])
        for gained, lost in [(flips["gained"], flips["lost"])]
    ]
    columns = ("form", "now right", "now wrong", "net")
    return Table("Predictions flipped against dense", columns, rows)


def recall(report: Content) -> dict[str, dict[str, float | None]]:
    """Class -> form -> recall, the classes in the order of the labels; empty where there are no classes."""
    forms = [form for form in report["forms"] or [] if form["recall"]]
    known = dict.fromkeys(label for form in forms for label in form["recall"])
    labels = [label for label in report["task"]["labels"] or [] if label in known]
    return {
        label: {form["name"]: form["recall"].get(label) for form in forms} for label in dict.fromkeys([*labels, *known])
    }


def recall_table(report: Content) -> Table:
    classes = recall(report)
    forms = tuple(dict.fromkeys(form for by_form in classes.values() for form in by_form))
    rows = [
        (label, *(MISSING if by_form.get(form) is None else f"{by_form[form]:.3f}" for form in forms))
        for label, by_form in classes.items()
    ]
    return Table("Recall per class", ("class", *forms), rows)


def layers_table(report: Content) -> Table:
    rows = [
        (layer["name"], "×".join(map(str, layer["shape"])), f"{layer['kept']:,}", f"{layer['weights']:,}",
         write_share(layer["density"]))
        for layer in report["layers"] or []
    ]  # fmt: skip
    columns = ("layer", "shape", "kept", "weights", "density")
    return Table("Density per layer", columns, rows, frozenset(), "No ticket was chosen.", frozenset({0, 1}))
