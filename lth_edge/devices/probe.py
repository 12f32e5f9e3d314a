"""Time the forms of one model on a machine, interleaved, and tell what sparsity gains there."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lth_edge.bench.latency import latency_rows
from lth_edge.bench.null_graph import null_graph
from lth_edge.bench.samples import LatencySamples
from lth_edge.devices.visit import Ended, Visit
from lth_edge.errors import DeviceError

PROCESSES, SECONDS = 3, 1.0
"""Of timing; the fewest processes that make an interval of medians."""
_TIMEOUT = 300.0
_WORKER = "lth_edge.bench.worker"
_INPUTS, _NULL = "inputs.npz", "null.onnx"
_BATCH = "1"


@dataclass(frozen=True)
class FormTime:
    """One form on the machine: bytes of its file, median microseconds at batch 1, speed-up over dense."""

    form: str
    bytes: int
    p50_us: float
    speedup: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def probe(
    there: Visit, forms: Mapping[str, Path], feed: Mapping[str, Any], folder: Path, threads: int
) -> list[FormTime]:
    """Time all forms in each of several processes there.

    Args:
        there: with the kernels.
        forms: form -> file here; the first is the baseline.
        feed: saved inputs of one example (`bench.inputs.save_feed`).
        folder: for files on the way.
        threads: of onnxruntime.

    Raises:
        DeviceError: a form does not run there.
    """
    null = folder / _NULL
    null.write_bytes(null_graph())
    names = {form: f"form-{place}.onnx" for place, form in enumerate(forms)}
    there.put({_INPUTS: Path(feed["file"]), _NULL: null, **{names[form]: path for form, path in forms.items()}})
    job = {
        "mode": "latency",
        "threads": threads,
        "seconds": SECONDS,
        "null": there.path(_NULL),
        "forms": {form: there.path(name) for form, name in names.items()},
        "batches": {_BATCH: {"file": there.path(_INPUTS), "names": feed["names"]}},
    }
    answers = [_timed(there.run(_WORKER, job | {"seed": seed}, _TIMEOUT), there) for seed in range(PROCESSES)]
    times = {form: [answer["latency_us"][_BATCH][form] for answer in answers] for form in forms}
    samples = LatencySamples({_BATCH: [answer["null_us"][_BATCH] for answer in answers]}, {_BATCH: times})
    sizes = {form: path.stat().st_size for form, path in forms.items()}
    return [FormTime(row["form"], sizes[row["form"]], row["p50_us"], row["speedup"]) for row in latency_rows(samples)]


def _timed(ended: Ended, there: Visit) -> dict[str, Any]:
    if ended.answer:
        return ended.answer
    last = ended.lines[-1] if ended.lines else f"exit code {ended.code}"
    killed = f" (killed by {ended.signal})" if ended.signal else ""
    raise DeviceError(
        f"timing the model on {there.target.name} failed: {last}{killed}", "see that it has enough free memory"
    )
