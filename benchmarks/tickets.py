"""Put the tickets of all kept runs into one table, results/tickets.csv, from their raw reports.

    python benchmarks/tickets.py           write it anew
    python benchmarks/tickets.py --check   fail where it says anything else

Rows are written by the product's own report (`lth_edge.report.tickets`); runs follow each other by folder.
"""

import json
import sys
import tempfile
from pathlib import Path

from lth_edge.report.tickets import write_tickets

RESULTS = Path(__file__).parent / "results"


def table(results: Path, out: Path) -> None:
    """Write one table of every run of a recipe under `results`."""
    reports = (json.loads(path.read_text()) for path in sorted(results.glob("*/*/report.json")))
    write_tickets((report for report in reports if "levels" in report), out)


if __name__ == "__main__":
    if "--check" in sys.argv:
        with tempfile.TemporaryDirectory() as folder:
            table(RESULTS, fresh := Path(folder) / "tickets.csv")
            if fresh.read_text() != (RESULTS / "tickets.csv").read_text():
                sys.exit("results/tickets.csv is not that of the raw reports; run python benchmarks/tickets.py")
    else:
        table(RESULTS, RESULTS / "tickets.csv")
