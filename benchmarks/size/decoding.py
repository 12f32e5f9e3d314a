"""How fast a .lthe file of a ticket is decoded, and in how much memory: benchmarks/results/decoding.json.

    python -m benchmarks.size.decoding [--rounds 7] [--out FILE]

Masks are random at each density, with columns of an image that are kept more often than others; values are 4-bit
codebooks. Weights a second are all of a layer's, kept or not, over CPU time from bytes in memory to files in memory, on
one core. Peak memory is what Python and NumPy allocate while a file of one large layer is decoded, beside the bytes
that come of it: a pruned layer stored with its zeros, and one of which nothing was pruned, in fp32.
"""

import argparse
import json
import statistics
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from lth_edge.bench.machine import machine
from lth_edge.codec.container import read_container, write_container

RESULTS = Path(__file__).parents[1] / "results" / "decoding.json"
SHAPES = ((300, 784), (100, 300), (512, 2304))
DENSITIES = (0.1, 0.05, 0.03)
LARGE = ((2048, 2304),)


def ticket(density: float, shapes: tuple[tuple[int, int], ...] = SHAPES) -> bytes:
    """A dense ONNX file of layers with zeros."""
    random = np.random.default_rng(0)
    levels = np.sort(random.normal(size=16)).astype(np.float32)
    tensors = []
    for number, shape in enumerate(shapes):
        if density < 1:
            share = np.clip(density * random.gamma(0.7, 1.5, (1, shape[1])), 0, 1)
            kept = random.random(shape) < share
            weight = np.where(kept, levels[random.integers(16, size=shape)], np.float32(0))
        else:
            weight = random.normal(size=shape).astype(np.float32)
        tensors.append(numpy_helper.from_array(weight, f"w{number}"))
    graph = onnx.helper.make_graph([], "ticket", [], [], tensors)
    return onnx.helper.make_model(graph).SerializeToString()


def measure(density: float, best: bool, rounds: int) -> dict[str, Any]:
    files = {"ticket.onnx": ticket(density)}
    content = write_container(files, best)
    weights = sum(rows * columns for rows, columns in SHAPES)
    seconds = [_timed(content, files) for _ in range(rounds)]
    return {
        "profile": "best" if best else "fast",
        "density": density,
        "weights": weights,
        "bytes": len(content),
        "seconds": seconds,
        "million_weights_per_second": round(weights / statistics.median(seconds) / 1e6, 2),
        "million_weights_per_second_at_best": round(weights / min(seconds) / 1e6, 2),
    }


def _timed(content: bytes, files: dict[str, bytes]) -> float:
    began = time.process_time()
    found = read_container(content)
    seconds = time.process_time() - began
    assert found == files
    return seconds


def memory(density: float) -> dict[str, Any]:
    """Peak memory while one large layer is decoded."""
    files = {"ticket.onnx": ticket(density, LARGE)}
    content = write_container(files, best=True)
    tracemalloc.start()
    assert read_container(content) == files
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    decoded = len(files["ticket.onnx"])
    return {"density": density, "decoded_bytes": decoded, "peak_bytes": peak, "share": round(peak / decoded, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    rows = [measure(density, best, given.rounds) for best in (False, True) for density in DENSITIES]
    peaks = [memory(density) for density in (*DENSITIES, 1.0)]
    for row in [*rows, *peaks]:
        print({key: value for key, value in row.items() if key != "seconds"})
    content = {"date": time.strftime("%Y-%m-%d", time.gmtime()), "machine": machine(), "speed": rows, "memory": peaks}
    given.out.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
