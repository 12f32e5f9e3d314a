"""Anchors: figures that others published for a preset, each with its source and the tolerance that it is held to.

`anchors.csv` has one a line. `retraining` says which method it belongs to: "reset" (to step 0), "late" (to a later
step), "learning-rate", "fine-tune"; empty belongs to all. Without a tolerance the figure is told and not judged.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from lth_edge.recipe import FindRecipe

QUANTITIES = {
    "accuracy": "test accuracy, %",
    "over-dense": "points over dense",
    "end-over-dense": "points over dense after the last step, best level",
    "over-reinit": "points over re-initialised",
    "wins-over-reinit": "% of pairs more accurate than re-initialised",
    "earlier-than-dense": "% fewer steps than dense",
    "sooner-than-reinit": "times fewer steps than re-initialised",
    "weights-left": "% of the weights left",
}
"""Steps are those to the lowest validation loss; a pair is one seed at one level of the controls."""


@dataclass(frozen=True)
class Anchor:
    """A published figure.

    Attributes:
        quantity: one of `QUANTITIES`, which name its unit.
        weights_left: of the ticket that it was published for; 1 is dense; `None` where it stands for no one sparsity.
        level: the number of levels that it was published for, where it was.
        tolerance: how far ours may lie from it to confirm it, in the same unit.
    """

    quantity: str
    weights_left: float | None
    level: int | None
    figure: float
    tolerance: float | None
    source: str


def anchors(preset: str, find: FindRecipe) -> list[Anchor]:
    """What was published for a preset, found by the method that the recipe uses."""
    with (Path(__file__).parent / "anchors.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["preset"] == preset]
    return [
        Anchor(
            row["quantity"],
            float(row["weights_left"]) if row["weights_left"] else None,
            int(row["level"]) if row["level"] else None,
            float(row["figure"]),
            float(row["tolerance"]) if row["tolerance"] else None,
            row["source"],
        )
        for row in rows
        if row["retraining"] in {"", _method(find)}
    ]


def _method(find: FindRecipe) -> str:
    if find.retraining == "rewind":
        return "late" if find.rewind_step else "reset"
    return str(find.retraining)
