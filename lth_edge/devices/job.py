"""One bench on the device itself: `python -m lth_edge.devices.job JOB CACHE LOCK`.

    JOB/job.json      forms (form -> hash), batches (batch size -> {hash, names}), vector ({hash, names}),
                      threads (list), processes, seconds; hashes name files in CACHE/blobs
    JOB/stage         what it is doing, for whoever waits
    JOB/result.json   raw samples and what the board told; and JOB/outputs-FORM.npz, what each form gives for the vector
    JOB/failed.json   message and mend, in place of a result

LOCK is the file whose lock this process holds; it goes when the job ends. It runs on the device: Python 3.10, the
standard library, numpy, onnxruntime. What a job leaves appears whole, as the last thing that happens.
"""

import faulthandler
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from lth_edge.bench.inputs import load_feed
from lth_edge.bench.machine import UNKNOWN
from lth_edge.bench.null_graph import null_graph
from lth_edge.bench.samples import footprint_samples, latency_samples
from lth_edge.devices.board import board_facts, board_state, emulator
from lth_edge.devices.cpu_time import cpu_time, other_work
from lth_edge.devices.watch import Watch
from lth_edge.errors import LthEdgeError
from lth_edge.runtime.library import library_path
from lth_edge.runtime.session import session

RESULT, FAILED, STAGE = "result.json", "failed.json", "stage"


@dataclass(frozen=True)
class Effort:
    """As `bench.samples` takes it."""

    bench_threads: int
    processes: int
    seconds: float


def measure(job: Mapping[str, Any], folder: Path, blobs: Path) -> dict[str, Any]:
    """Measure all forms side by side, and look at the board before, during and after."""
    began, before = time.monotonic(), board_state()
    _say(folder, "computing outputs")
    for form, digest in job["forms"].items():
        _save_outputs(blobs / digest, _saved(job["vector"], blobs), folder / f"outputs-{form}.npz")
    start = cpu_time()
    with Watch() as watch:
        samples = _samples(job, folder, blobs)
    others, after = other_work(start, cpu_time()), board_state()
    return {
        "started": before["time"],
        "seconds": round(time.monotonic() - began, 2),
        "emulator": emulator(),
        "machine": board_facts() | {"threads": job["threads"]},
        "before": before,
        "during": watch.seen,
        "after": after,
        "other_work": others,
        "runtime_bytes": runtime_bytes(),
        "samples": samples,
    }


def _samples(job: Mapping[str, Any], folder: Path, blobs: Path) -> dict[str, Any]:
    """Number of threads -> raw samples, measured one after the other."""
    forms = {form: blobs / digest for form, digest in job["forms"].items()}
    batches = {size: _saved(batch, blobs) for size, batch in job["batches"].items()}
    null = folder / "null.onnx"
    null.write_bytes(null_graph())
    samples = {}
    for threads in job["threads"]:
        _say(folder, f"measuring on {threads} thread{'s' * (threads > 1)}")
        effort = Effort(threads, job["processes"], job["seconds"])
        latency = latency_samples(forms, batches, null, effort)
        footprint = footprint_samples(forms, batches[min(batches, key=int)], null, effort)
        samples[str(threads)] = {"latency": asdict(latency), "footprint": asdict(footprint)}
    return samples


def runtime_bytes() -> dict[str, int | str]:
    """What is installed here to run a model at all, in bytes."""
    try:
        kernels: int | str = library_path().stat().st_size
    except LthEdgeError:
        kernels = UNKNOWN
    return {"onnxruntime": _installed("onnxruntime"), "numpy": _installed("numpy"), "kernels": kernels}


def _installed(package: str) -> int | str:
    """A package's folder and the libraries that its wheel keeps beside it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return UNKNOWN
    folder = Path(spec.submodule_search_locations[0])
    beside = folder.with_name(f"{package}.libs")
    return sum(path.stat().st_size for top in (folder, beside) for path in top.rglob("*") if path.is_file())


def _saved(feed: Mapping[str, Any], blobs: Path) -> dict[str, Any]:
    return {"file": str(blobs / feed["hash"]), "names": feed["names"]}


def _save_outputs(model: Path, vector: Mapping[str, Any], path: Path) -> None:
    opened = session(model)
    np.savez(path, *opened.run(None, load_feed(vector)))


def _say(folder: Path, stage: str) -> None:
    _write(folder / STAGE, stage)


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(text)
    part.replace(path)


def main() -> None:
    # An illegal instruction inside onnxruntime would end this process without a word.
    faulthandler.enable()
    folder, cache, lock = map(Path, sys.argv[1:])
    try:
        job = json.loads((folder / "job.json").read_text())
        result = measure(job, folder, cache / "blobs")
        _write(folder / RESULT, json.dumps(result, allow_nan=False))
    except LthEdgeError as error:
        _write(folder / FAILED, json.dumps({"message": error.message, "mend": error.mend}))
    except Exception as error:  # whatever it is, it is told where someone reads it
        _write(folder / FAILED, json.dumps({"message": f"{type(error).__name__}: {error}", "mend": ""}))
    finally:
        lock.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
