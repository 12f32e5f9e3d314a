"""A run that was measured on devices, as a folder."""

import json
from pathlib import Path
from typing import Any

from device_samples import BYTES, FILES
from sample_report import sample


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
    (folder / "devices").mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps(run_report()))
    for found in devices:
        suffix = ".estimate.json" if found["kind"] == "estimated" else ".json"
        (folder / "devices" / f"{found['name']}{suffix}").write_text(json.dumps(found))
    return folder
