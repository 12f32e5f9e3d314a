"""The content of report.json, gathered from what each stage left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lth_edge._version import __version__
from lth_edge.bench.choice import SPARSE
from lth_edge.bench.size import size
from lth_edge.bench.statistics import mean_interval, paired_difference
from lth_edge.report.report import SCHEMA_VERSION
from lth_edge.runtime.library import library_path
from lth_edge.ticket import Mask


@dataclass(frozen=True)
class LevelRecord:
    """One level or control as the report tells it: its facts and what the test set said, where there is one.

    Attributes:
        test: of the checkpoint that is shipped.
        end: of the weights after the last step.
    """

    facts: Mapping[str, Any]
    test: Mapping[str, float] | None
    end: Mapping[str, float] | None
    within_tolerance: bool

    def to_dict(self) -> dict[str, Any]:
        test = self.test or {}
        return {key: self.facts[key] for key in _TOLD} | {
            "test_metric": test.get("metric"),
            "test_loss": test.get("loss"),
            "end_test_metric": None if self.end is None else self.end["metric"],
            "within_tolerance": self.within_tolerance,
        }


_TOLD = (
    "seed level control sparsity weights_left validation_metric validation_loss best_step steps seconds history".split()
)


def header(name: str, kind: str, recipe_hash: str, recipe: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "lth_edge": __version__,
        "created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "name": name,
        "kind": kind,
        "recipe_hash": recipe_hash,
        "recipe": recipe,
    }


def curve(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Means over seeds per control and level, and the paired difference to each seed's own dense net.

    Without a test set the validation figures stand in; the report says so in its verdicts.
    """
    key = "test_metric" if all(r["test_metric"] is not None for r in records) else "validation_metric"
    dense = {r["seed"]: r[key] for r in records if r["level"] == 0}
    points = []
    for control, level in sorted({(r["control"], r["level"]) for r in records}):
        same = [r for r in records if (r["control"], r["level"]) == (control, level)]
        points.append(
            {
                "control": control,
                "level": level,
                "weights_left": sum(r["weights_left"] for r in same) / len(same),
                "test": mean_interval([r[key] for r in same]).to_dict(),
                "validation": mean_interval([r["validation_metric"] for r in same]).to_dict(),
                "difference": paired_difference([r[key] for r in same], [dense[r["seed"]] for r in same]).to_dict(),
            }
        )
    return points


def layers(mask: Mask) -> list[dict[str, Any]]:
    """Density per layer, in the network's order."""
    return [
        {
            "name": name,
            "shape": list(kept.shape),
            "weights": kept.size,
            "kept": int(kept.sum()),
            "density": float(kept.mean()),
        }
        for name, kept in mask.items()
    ]


def forms(
    paths: Mapping[str, Path], validation: Mapping[str, float], test: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """One row per file: bytes, its own and of the kernels that it needs, and what it is worth on each data."""
    rows = []
    for name, path in paths.items():
        found, told = size(path), test.get(name, {"metric": None, "recall": None, "flips": None})
        rows.append(
            {
                "name": name,
                "file": path.name,
                "bytes": found.bytes,
                "gzip_bytes": found.gzip_bytes,
                "kernels_bytes": library_path().stat().st_size if name == SPARSE else 0,
                "validation_metric": validation[name],
                "test_metric": told["metric"],
                "recall": told["recall"],
                "flips": told["flips"],
            }
        )
    return rows
