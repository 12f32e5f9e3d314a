"""How fast a .lthe file of a ticket is decoded, and in how much memory: benchmarks/results/decoding.json.

    python -m benchmarks.size.decoding [--rounds 7] [--out FILE]

Masks are random at each density, with columns of an image that are kept more often than others; values are 4-bit
codebooks. Weights a second are all of a layer's, kept or not, over the time from bytes in memory to files in memory, on
one core. Peak memory is that of a process of its own which reads the file and writes its contents, less that of one
which only imports what this takes; beside it stands the size of the contents.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from lth_edge.bench.machine import machine
from lth_edge.codec.container import read_container, write_container

RESULTS = Path(__file__).parents[1] / "results" / "decoding.json"
SHAPES = ((300, 784), (100, 300), (512, 4608))
DENSITIES = (0.1, 0.05, 0.03)


def ticket(density: float) -> bytes:
    """A dense ONNX file of three layers with zeros."""
    random = np.random.default_rng(0)
    levels = np.sort(random.normal(size=16)).astype(np.float32)
    tensors = []
    for number, shape in enumerate(SHAPES):
        share = np.clip(density * random.gamma(0.7, 1.5, (1, shape[1])), 0, 1)
        kept = random.random(shape) < share
        weight = np.where(kept, levels[random.integers(16, size=shape)], np.float32(0))
        tensors.append(numpy_helper.from_array(weight, f"w{number}"))
    graph = onnx.helper.make_graph([], "ticket", [], [], tensors)
    return onnx.helper.make_model(graph).SerializeToString()


def measure(density: float, best: bool, rounds: int) -> dict[str, Any]:
    files = {"ticket.onnx": ticket(density)}
    content = write_container(files, best)
    weights = sum(rows * columns for rows, columns in SHAPES)
    seconds = [_timed(content, files) for _ in range(rounds)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ticket.lthe"
        path.write_bytes(content)
        alone, reading = _peak(), _peak(path)
    return {
        "profile": "best" if best else "fast",
        "density": density,
        "weights": weights,
        "bytes": len(content),
        "seconds": seconds,
        "million_weights_per_second": round(weights / statistics.median(seconds) / 1e6, 2),
        "million_weights_per_second_at_best": round(weights / min(seconds) / 1e6, 2),
        "decoded_bytes": len(files["ticket.onnx"]),
        "peak_bytes_above_imports": reading - alone,
    }


def _timed(content: bytes, files: dict[str, bytes]) -> float:
    began = time.perf_counter()
    found = read_container(content)
    seconds = time.perf_counter() - began
    assert found == files
    return seconds


def _peak(*arguments: Path) -> int:
    """Peak memory in bytes of a process that reads a file, or that only imports what this takes."""
    command = [sys.executable, "-m", "benchmarks.size.decoding", "--read", *map(str, arguments)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _read(paths: list[Path]) -> None:
    for path in paths:
        for name, content in read_container(path.read_bytes()).items():
            path.with_name(name).write_bytes(content)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--read", nargs="*", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read is not None:
        _read(given.read)
        return
    rows = [measure(density, best, given.rounds) for best in (False, True) for density in DENSITIES]
    for row in rows:
        print({key: value for key, value in row.items() if key != "seconds"})
    given.out.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
