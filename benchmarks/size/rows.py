"""A table of results as CSV, in which rows of the same key are replaced."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Row], key: Sequence[str]) -> None:
    """Put rows into a table in the place of older ones that are alike in the columns of the key."""
    known = list(csv.DictReader(path.open())) if path.exists() else []
    fresh = {tuple(str(row[name]) for name in key) for row in rows}
    kept = [row for row in known if tuple(row[name] for name in key) not in fresh]
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows([*kept, *rows])
