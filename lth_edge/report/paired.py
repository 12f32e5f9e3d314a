"""Figures of a run's levels, by seed, and paired by seed where two networks are compared."""

from collections.abc import Mapping, Sequence
from typing import Any

Records = Sequence[Mapping[str, Any]]
"""The report's "levels"."""


def by_seed(records: Records, level: int, key: str, control: str = "") -> dict[int, float]:
    """Seed -> figure of one level, or of one control there; seeds without it are left out."""
    same = [r for r in records if (r["level"], r["control"]) == (level, control)]
    return {r["seed"]: r[key] for r in same if r.get(key) is not None}


def paired(values: Mapping[int, float], reference: Mapping[int, float]) -> tuple[list[float], list[float]]:
    """Both figures of the seeds that have both, in the same order."""
    seeds = sorted(values.keys() & reference.keys())
    return [values[seed] for seed in seeds], [reference[seed] for seed in seeds]
