"""How fast multiply-adds are whose input comes from a cache: the ceiling of kernels that load one for each product.

    python -m benchmarks.kernels.ceiling

A dense kernel reuses what it has loaded and comes near the peak; a sparse one multiplies each input with the few
weights that are left, and loads it for each of them. Raw figures go to results/MACHINE-DATE/ceiling/report.json.
"""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.kernels.measure import place
from benchmarks.kernels.native import build
from benchmarks.kernels.peak import Peak
from lth_edge.bench.machine import machine
from lth_edge.files import write_json

KILOBYTES = (16, 32, 64, 128, 512)
_ROUNDS = 60
_ALIGNMENT = 64


def main() -> None:
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = machine()
    with tempfile.TemporaryDirectory(prefix="lth-edge-ceiling-") as folder:
        loop = Peak(build("peak", Path(folder)))
        memories = {size: aligned(size * 1024) for size in KILOBYTES}
        peaks: list[float] = []
        cached: dict[int, list[float]] = {size: [] for size in KILOBYTES}
        for _ in range(_ROUNDS):
            peaks.append(round(loop.gflops(), 2))
            for size, memory in memories.items():
                cached[size].append(round(loop.gflops_from_memory(memory), 2))
    out = place(about, created).with_name("ceiling")
    out.mkdir(parents=True, exist_ok=True)
    content = {"schema_version": 1, "created": created, "machine": about, "peak_gflops": peaks}
    write_json(out / "report.json", content | {"gflops_from_kilobytes": cached})
    print(out / "report.json")


def aligned(size: int) -> npt.NDArray[np.float32]:
    memory = np.zeros(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(np.float32)


if __name__ == "__main__":
    main()
