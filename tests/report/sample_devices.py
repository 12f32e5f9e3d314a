"""A run that was measured on devices, as a folder."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from device_samples import BYTES, FILES
from sample_report import sample

from lth_edge.report.devices.overview import Overview


def run_report() -> dict[str, Any]:
    """The report of the run, with a sparse form."""
    report = sample(seeds=(0,), controls=False)
    report["recipe"] = {**report["recipe"], "bench": {**report["recipe"]["bench"], "prefer": "balanced"}}
    ticket = report["forms"][2]
    report["forms"].append(ticket | {"name": "sparse", "file": FILES["sparse"], "bytes": BYTES["sparse"]})
    report["forms"][-1]["kernels_bytes"] = 486_000
    return report


def write_run(folder: Path, *devices: dict[str, Any]) -> Path:
    """A finished run with these devices and estimates."""
    (folder / "devices").mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(run_report()))
    for found in devices:
        suffix = ".estimate.json" if found["kind"] == "estimated" else ".json"
        (folder / "devices" / f"{found['name']}{suffix}").write_text(json.dumps(found))
    return folder


def overview(*devices: dict[str, Any]) -> Overview:
    """A run with these devices and estimates, read."""
    with TemporaryDirectory() as folder:
        return Overview.read(write_run(Path(folder) / "run", *devices))


def recommendation(found: Overview, place: int = 0) -> dict[str, Any]:
    """What is said to ship on a measured device."""
    return next(v for v in found.measured[place].summary["verdicts"] if v["question"] == "recommendation")
