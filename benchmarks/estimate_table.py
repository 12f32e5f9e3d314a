"""The table of how far off estimates are, from benchmarks/results/*/estimate/report.json."""

from collections.abc import Iterator, Mapping
from typing import Any

DENSE, INT8, SPARSE = "dense", "int8", "sparse fp32"
WITHIN = 1.6


def rows(report: Mapping[str, Any]) -> Iterator[tuple[str, int, dict[str, float], dict[str, float]]]:
    """Network, percent of zeros, and form -> microseconds, measured and estimated."""
    cases = dict.fromkeys((row["network"], row["percent"]) for row in report["networks"])
    for network, percent in cases:
        found = [row for row in report["networks"] if (row["network"], row["percent"]) == (network, percent)]
        measured = {row["form"]: row["us"] for row in found}
        yield network, percent, measured, {row["form"]: row["estimated_us"] for row in found}


def table(report: Mapping[str, Any]) -> str:
    """Estimated over measured, of every form and of the sparse form's speed-up over dense."""
    lines = [
        "| model | zeros | dense | estimated over it | int8 | sparse | speed-up measured | estimated over it |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for network, percent, measured, estimated in rows(report):
        off = {form: estimated[form] / measured[form] for form in measured}
        speedup = measured[DENSE] / measured[SPARSE]
        cells = (
            f"{network} | {percent}% | {measured[DENSE] / 1e3:.3g} ms | {off[DENSE]:.2f} | {off[INT8]:.2f} | "
            f"{off[SPARSE]:.2f} | {speedup:.1f}x | {off[DENSE] / off[SPARSE]:.2f}"
        )
        lines.append(f"| {cells} |")
    return "\n".join(lines)


def summary(report: Mapping[str, Any]) -> str:
    """How many lie within what `lth-edge estimate` claims."""
    cases = list(rows(report))
    times = [e[form] / m[form] for _, _, m, e in cases for form in (DENSE, SPARSE)]
    ratios = [(e[DENSE] / m[DENSE]) / (e[SPARSE] / m[SPARSE]) for _, _, m, e in cases]
    return (
        f"{_within(times, 2.0)} of {len(times)} times within a factor of 2, "
        f"{_within(ratios, WITHIN)} of {len(ratios)} speed-ups within {WITHIN}"
    )


def _within(ratios: list[float], factor: float) -> int:
    return sum(1 / factor <= ratio <= factor for ratio in ratios)
