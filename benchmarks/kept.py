"""The raw reports kept under results/MACHINE-DATE/NAME; dates end the folders' names."""

from pathlib import Path


def newest(results: Path, name: str) -> Path | None:
    """The folder of the newest result of a recipe, or of what else was measured under a name."""
    found = sorted(results.glob(f"*/{name}/report.json"), key=lambda path: path.parent.parent.name[-10:])
    return found[-1].parent if found else None


def names(results: Path) -> list[str]:
    """All names that something was kept under."""
    return sorted({path.parent.name for path in results.glob("*/*/report.json")})
