"""How far off are the times that `lth-edge estimate` tells? Its method on this machine, beside what is measured here.

    python -m benchmarks.estimate            calibrate on single layers, check on whole networks
    python -m benchmarks.estimate --no-layers    check alone, with the shares of `lth_edge.devices.roofline`

Single layers give the share of its inner loop that each kind of kernel reaches: the table `SHARES`. Whole networks
give how far off the sum of their layers is. Raw rows go to
results/MACHINE-DATE/estimate/report.json.
"""

import argparse
import math
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.estimate_layers import Layer, layers
from benchmarks.kernels import peak
from benchmarks.kernels.ceiling import aligned
from benchmarks.kernels.forms import DENSE, INT8, sparse_form, write_forms
from benchmarks.kernels.measure import place
from benchmarks.kernels.models import example_inputs, write_model
from benchmarks.loops import OUT as LOOPS
from lth_edge.bench.inputs import save_feed
from lth_edge.bench.latency import null_medians
from lth_edge.bench.machine import machine
from lth_edge.bench.null_graph import null_graph
from lth_edge.bench.samples import latency_samples
from lth_edge.convert.int8 import to_int8
from lth_edge.convert.inventory import inventory
from lth_edge.convert.model_file import read_model, save_model
from lth_edge.convert.sparse import to_sparse
from lth_edge.convert.work import Work
from lth_edge.devices.boards import Board
from lth_edge.devices.roofline import SHARES, Share, bounds_us, estimate_layers
from lth_edge.files import read_json, write_json
from lth_edge.recipe import BenchRecipe

NETWORKS = ("lenet-300-100", "mlp", "conv-6", "vgg-16", "resnet-20", "resnet-18", "mobilenet-v1", "mobilenet-v2",
            "vit-tiny-ffn")  # fmt: skip
PERCENT = (80, 95)
SPARSE = sparse_form("fp32")
_LOOPS_OF = "sapphirerapids"
_VECTOR_PRODUCTS = 32
"""Multiply-adds a cycle of two AVX-512 units: what the clock is told from."""
_SECONDS = 0.3
_GRID = np.geomspace(0.01, 1.0, 60).round(3)
_LEAST_BANDWIDTH = 0.1
_READ_ONCE = ("vector", "int8 vector")
"""Each weight is used once: bytes alone explain the time."""


def this_machine(folder: Path) -> Board:
    """This machine as a board: its loops and bandwidths are measured, that of single vectors is simulated."""
    loop = peak.Peak(peak.build(folder))
    held = aligned(32 * 1024)
    dense = median(loop.gflops() for _ in range(40)) / 2
    sparse = median(loop.gflops_from_memory(held) for _ in range(40)) / 2
    clock = dense / _VECTOR_PRODUCTS
    vector = median(read_json(LOOPS)["multiply_adds_a_cycle"][_LOOPS_OF]["sparse vector"])
    loops = {"dense": dense / clock, "int8": 4 * dense / clock, "sparse": sparse / clock, "vector": vector}
    caches = [(size, _read_gb_s(size // 2)) for size in _cache_sizes()]
    return Board("this machine", "this core", clock, loops, caches, _read_gb_s(1 << 28), 1.0)


def _cache_sizes() -> list[int]:
    """Of the data caches of a core, and of the last no more than two cores' share of a large server's."""
    found = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        if (index / "type").read_text().strip() != "Instruction":
            found.append(int((index / "size").read_text().strip().rstrip("K")) * 1024)
    return [min(size, 1 << 26) for size in found]


def _read_gb_s(size: int) -> float:
    """Of numpy looking for the largest of so many bytes' numbers, again and again."""
    data = np.zeros(size // 4, np.float32)
    times = []
    rounds = max(1, (1 << 24) // data.nbytes)
    for _ in range(9):
        start = perf_counter()
        for _ in range(rounds):
            data.max()
        times.append((perf_counter() - start) / rounds)
    return round(data.nbytes / median(times) / 1e9, 1)


def measured(files: Mapping[str, Path], feed: Mapping[str, Any], folder: Path) -> dict[str, float]:
    """Median microseconds of each form, and of an empty call as ""."""
    null = folder / "null.onnx"
    null.write_bytes(null_graph())
    recipe = BenchRecipe(processes=2, seconds=_SECONDS * len(files))
    samples = latency_samples(files, {"1": save_feed(folder / "in.npz", feed)}, null, recipe)
    times = {form: median([t for process in found for t in process]) for form, found in samples.forms_us["1"].items()}
    return times | {"": null_medians(samples)["1"]}


def calibrate(folder: Path) -> Iterator[tuple[Work, dict[str, Any]]]:
    """Every layer in its forms, and what it takes beyond an empty call."""
    for layer in layers():
        files = _layer_forms(layer, folder)
        feed = {"x": np.random.default_rng(1).standard_normal(layer.shape, np.float32)}
        times = measured(files, feed, folder)
        for form, path in files.items():
            (work,) = inventory(read_model(path))
            us = round(times[form] - times[""], 2)
            print(f"{layer.name:36}{form:12}{us:10.1f} us", flush=True)
            yield work, {"layer": layer.name, "form": form, "kernel": work.kernel, "us": us}


def fit(board: Board, works: list[tuple[Work, dict[str, Any]]]) -> dict[str, dict[str, float]]:
    """The shares of each kind of kernel that come nearest to its layers: the least mean distance, on a log scale."""
    found = {}
    for kernel, share in SHARES.items():
        timed = [(work, row["us"]) for work, row in works if work.kernel == kernel and row["us"] > 0]
        tried = {
            pair: mean(_distance(work, us, board, Share(share.loop, *pair)) for work, us in timed)
            for pair in product([1.0] if kernel in _READ_ONCE else _GRID, _GRID[_GRID >= _LEAST_BANDWIDTH])
        }
        compute, bandwidth = min(tried, key=lambda pair: (round(tried[pair], 3), -pair[0], -pair[1]))
        off = {"mean_factor": math.exp(tried[compute, bandwidth]), "layers": len(timed)}
        found[kernel] = {"compute": float(compute), "bandwidth": float(bandwidth), **off}
    return found


def _distance(work: Work, us: float, board: Board, share: Share) -> float:
    return abs(math.log(max(bounds_us(work, board, work.weight_bytes, share).values()) / us))


def _layer_forms(layer: Layer, folder: Path) -> dict[str, Path]:
    files = {DENSE: folder / "dense.onnx"}
    save_model(layer.dense, files[DENSE])
    if layer.masked is not None:
        files |= {INT8: folder / "int8.onnx", SPARSE: folder / "sparse.onnx"}
        to_int8(files[DENSE], files[INT8], [{"x": np.random.default_rng(2).standard_normal(layer.shape, np.float32)}])
        save_model(to_sparse(layer.masked, min_sparsity=0.0).model, files[SPARSE])
    return files


def check(board: Board, folder: Path) -> Iterator[dict[str, Any]]:
    """Every network in its forms: estimated and measured microseconds."""
    for network in NETWORKS:
        for percent in PERCENT:
            dense = folder / f"{network}-{percent}.onnx"
            write_model(network, percent / 100, dense)
            files = {
                form: Path(file) for form, file in write_forms(dense, ("fp32",), [example_inputs(dense, 1)]).items()
            }
            times = measured(files, example_inputs(dense, 0), folder)
            for form, path in files.items():
                us = sum(layer.us for layer in estimate_layers(inventory(read_model(path)), board))
                yield {"network": network, "percent": percent, "form": form, "estimated_us": us, "us": times[form]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", action=argparse.BooleanOptionalAction, default=True, help="calibrate first")
    given = parser.parse_args()
    created, about = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), machine()
    with tempfile.TemporaryDirectory(prefix="lth-edge-estimate-") as name:
        folder = Path(name)
        board = this_machine(folder)
        print(board, flush=True)
        works = list(calibrate(folder)) if given.layers else []
        shares = fit(board, works) if works else {}
        for kernel, found in shares.items():
            print(f"{kernel:18}{ {key: round(figure, 3) for key, figure in found.items()} }")
        checked = []
        for row in check(board, folder):
            checked.append(row)
            off = row["estimated_us"] / row["us"]
            print(f"{row['network']:16}{row['percent']:3} {row['form']:14}{row['us']:10.1f} us, {off:.2f}x", flush=True)
    out = place(about, created).with_name("estimate")
    out.mkdir(parents=True, exist_ok=True)
    content = {"schema_version": 1, "created": created, "machine": about, "board": vars(board), "shares": shares}
    write_json(out / "report.json", content | {"layers": [row for _, row in works], "networks": checked})
    print(out / "report.json")


if __name__ == "__main__":
    main()
