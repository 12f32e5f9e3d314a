"""Measure sparse models beside onnxruntime dense, onnxruntime int8 and DeepSparse, and keep the raw times.

    python -m benchmarks.kernels.measure                           all models of the table
    python -m benchmarks.kernels.measure conv-6 --sparsity 90 --threads 1
    python -m benchmarks.kernels.measure --deepsparse ENV/bin/python   where `pip install deepsparse==1.8.0` was done
    python -m benchmarks.kernels.measure ticket --ticket RUN/files/ticket.onnx

Every model and sparsity is measured in several processes; each holds all forms and times them in rounds (`worker.py`).
Raw times go to results/MACHINE-DATE/kernels/, a file for each; `table.py` makes the tables of them.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.kernels.forms import NULL, write_forms
from benchmarks.kernels.models import example_inputs, write_model, write_ticket
from benchmarks.kernels.native import build
from benchmarks.kernels.networks import NETWORKS
from benchmarks.kernels.work import gflop, sparsity
from lth_edge.bench.machine import machine
from lth_edge.bench.null_graph import null_graph
from lth_edge.files import write_json

RESULTS = Path(__file__).parents[1] / "results"
TICKET = "ticket"
SPARSITIES = (70, 80, 90, 95)
VALUES = {"mlp": ("fp32", "fp16", "int8")}
_CALIBRATION_BATCHES = 4


@dataclass(frozen=True)
class Plan:
    """How to measure.

    Attributes:
        threads: the numbers of threads, timed in the same rounds.
        seconds: of rounds in each process.
        deepsparse: the interpreter of an environment with DeepSparse, `None` where there is none.
    """

    threads: tuple[int, ...]
    processes: int
    seconds: float
    deepsparse: str | None


def measure(model: str, dense: Path, plan: Plan) -> dict[str, Any]:
    """The raw times of one masked dense model in all its forms, its errors, load times and peaks of memory."""
    folder = dense.parent
    batches = [example_inputs(dense, seed) for seed in range(1 + _CALIBRATION_BATCHES)]
    forms = write_forms(dense, VALUES.get(model, ("fp32",)), batches[1:])
    null = folder / "null.onnx"
    null.write_bytes(null_graph())
    from_c = model in NETWORKS and NETWORKS[model].called_from_c
    threads = (1,) if from_c else plan.threads
    job = {"threads": threads, "forms": forms, "inputs": _save(batches[0], folder), "folder": str(folder)}
    deepsparse = {"python": plan.deepsparse, "model": str(dense)} if plan.deepsparse else None
    timing = {"null": str(null), "peak": str(build("peak", folder)), "seconds": plan.seconds, "deepsparse": deepsparse}
    timing["c_calls"] = str(build("c_calls", folder)) if from_c else None
    runs = [_work(job | timing | {"mode": "latency", "seed": seed}) for seed in range(plan.processes)]
    files = {form: {form: file} for form, file in (forms | {NULL: str(null)}).items()}
    footprints = {
        form: [_work(job | {"mode": "footprint", "forms": single}) for _ in range(plan.processes)]
        for form, single in files.items()
    }
    return {
        "called_from": "C" if from_c else "Python",
        "sparsity": sparsity(dense),
        "gflop_on_nonzeros": gflop(dense),
        "bytes": {form: Path(file).stat().st_size for form, file in forms.items()},
        "runs": runs,
        "footprint": footprints,
    }


def write_dense(model: str, percent: int | None, ticket: Path | None, folder: Path) -> Path:
    """The masked dense model that all forms are made from."""
    path = folder / f"{model}.onnx"
    if percent is not None:
        write_model(model, percent / 100, path)
    elif ticket is not None:
        write_ticket(ticket, path)
    else:
        sys.exit("the model `ticket` needs --ticket FILE, a ticket.onnx of a run")
    return path


def place(about: Mapping[str, Any], created: str) -> Path:
    """The folder of this machine's results of this day."""
    cpu = re.sub(r"[^a-z0-9]+", "-", about["cpu"].lower()).strip("-")
    return RESULTS / f"{cpu}-{about['cores']}-cores-{created[:10]}" / "kernels"


def main() -> None:
    given = _arguments()
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {"schema_version": 1, "created": created, "machine": machine()}
    out = given.out or place(about["machine"], created)
    out.mkdir(parents=True, exist_ok=True)
    plan = Plan(tuple(given.threads), given.processes, given.seconds, given.deepsparse)
    for model in given.models or list(NETWORKS):
        for percent in (None,) if model == TICKET else given.sparsity:
            with tempfile.TemporaryDirectory(prefix="lth-edge-kernels-") as folder:
                dense = write_dense(model, percent, given.ticket, Path(folder))
                content = {"model": model, "percent": percent} | measure(model, dense, plan)
            file = out / (f"{model}.json" if percent is None else f"{model}-{percent}.json")
            write_json(file, content)
            write_json(out / "report.json", about | {"results": _files(out)})
            print(file, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"{', '.join([*NETWORKS, TICKET])} [all networks]")
    parser.add_argument("--sparsity", type=int, nargs="+", default=SPARSITIES, help="in percent")
    parser.add_argument("--threads", type=int, nargs="+", default=(1, 2))
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of timing in each process")
    parser.add_argument("--deepsparse", help="interpreter of an environment that has DeepSparse")
    parser.add_argument("--ticket", type=Path, help="file of the model `ticket`")
    parser.add_argument("--out", type=Path, help="folder of the raw results")
    given = parser.parse_args()
    if unknown := set(given.models) - {*NETWORKS, TICKET}:
        parser.error(f"no such model: {', '.join(sorted(unknown))}")
    return given


def _files(folder: Path) -> list[str]:
    """The raw results in a folder, in the table's order."""
    models = [*NETWORKS, TICKET]
    found = [(path, json.loads(path.read_text())) for path in folder.glob("*.json") if path.name != "report.json"]
    found.sort(key=lambda item: (models.index(item[1]["model"]), item[1]["percent"] or 0))
    return [path.name for path, _ in found]


def _save(inputs: Mapping[str, Any], folder: Path) -> dict[str, str]:
    files = {}
    for number, (name, array) in enumerate(inputs.items()):
        files[name] = str(folder / f"input-{number}.npy")
        np.save(files[name], array)
    return files


def _work(job: Mapping[str, Any]) -> dict[str, Any]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.kernels.worker"],
        input=json.dumps(job),
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        check=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
