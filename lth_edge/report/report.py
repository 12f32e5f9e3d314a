"""The report: what a run found, measured and concludes, as one versioned dict."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from lth_edge.errors import DamagedError
from lth_edge.files import read_json, write_json, write_text

SCHEMA_VERSION = 1
PARTS = (
    "schema_version", "lth_edge", "created", "name", "kind", "recipe_hash", "recipe", "task", "find",
    "machine", "forecast", "levels", "curve", "chosen", "layers", "csr", "compact", "proof", "forms", "sizes",
    "measurements", "verdicts", "package",
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """A run's report.

    Attributes:
        content: the dict of `report.json`, schema version 1. A part that the run never reached is null.
        folder: where it was saved or read.
    """

    content: dict[str, Any]
    folder: Path | None = None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read `report.json`.

        Raises:
            DamagedError: not JSON, of another schema version, or a part is missing.
        """
        content = read_json(path)
        if not isinstance(content, dict):
            raise DamagedError(f"{path} is not a report", "give the report.json of a run")
        version = content.get("schema_version")
        if version != SCHEMA_VERSION:
            raise DamagedError(
                f"{path} has schema version {version!r}, this lth-edge reads {SCHEMA_VERSION}",
                "read it with the lth-edge that wrote it, or run the same command again",
            )
        missing = [part for part in PARTS if part not in content]
        if missing:
            raise DamagedError(f"{path} lacks {', '.join(missing)}", "run the same command again to write it anew")
        return cls(content, path.parent)

    def save(self, folder: Path) -> Self:
        """Write `report.json`, `report.md`, `report.html` and `tickets.csv` into `folder`, each whole or not at all.

        Returns:
            The report and where it lies.
        """
        # here, so that reading a report does not load matplotlib
        from lth_edge.report.markdown import to_markdown
        from lth_edge.report.page import to_page
        from lth_edge.report.tickets import write_tickets

        write_json(folder / "report.json", self.content)
        write_text(folder / "report.md", to_markdown(self.content))
        write_text(folder / "report.html", to_page(self.content))
        write_tickets([self.content], folder / "tickets.csv")
        return replace(self, folder=folder)
