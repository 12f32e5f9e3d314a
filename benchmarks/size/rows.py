"""A table of results as CSV, in which rows of the same network and seed are replaced."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Put rows into a table in the place of older ones of the same network and seed."""
    known = list(csv.DictReader(path.open())) if path.exists() else []
    fresh = {(row["network"], str(row["seed"])) for row in rows}
    kept = [row for row in known if (row["network"], row["seed"]) not in fresh]
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows([*kept, *rows])
