"""How far off are the times that `lth-edge estimate` tells? Its method on this machine, beside what was measured here.

    python -m benchmarks.estimate                calibrate, then check
    python -m benchmarks.estimate --check-only   with the machine and the blocks of the last report

Blocks of layers, timed now, give the shares of its inner loop and of a cache's bandwidth that each kind of kernel
reaches: `lth_edge.devices.roofline.SHARES`. Whole networks are the check: the sums of their layers under the shares in
that table, beside what `benchmarks.kernels.measure` measured last. Raw rows go to
results/MACHINE-DATE/estimate/report.json.
"""

import argparse
import math
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.estimate_layers import SPARSITY, Block, blocks
from benchmarks.kernels.ceiling import aligned
from benchmarks.kernels.forms import DENSE, INT8, NULL, sparse_form, write_forms
from benchmarks.kernels.measure import RESULTS, place
from benchmarks.kernels.models import example_inputs, write_model
from benchmarks.kernels.native import build
from benchmarks.kernels.peak import Peak
from benchmarks.kernels.table import Result, results
from benchmarks.kernels.worker import Bound
from benchmarks.loops import OUT as LOOPS
from lth_edge.bench.machine import machine
from lth_edge.convert.int8 import to_int8
from lth_edge.convert.inventory import inventory
from lth_edge.convert.model_file import read_model, save_model
from lth_edge.convert.sparse import to_sparse
from lth_edge.convert.work import Work
from lth_edge.devices.boards import Board
from lth_edge.devices.roofline import SHARES, Share, bounds_us, estimate_layers
from lth_edge.files import read_json, write_json

PERCENT = (80, 95)
SPARSE = sparse_form("fp32")
_LOOPS_OF = "sapphirerapids"
_VECTOR_PRODUCTS = 32
"""Multiply-adds a cycle of two AVX-512 units: what the clock is told from."""
_ROUNDS, _RUNS = 11, 5
_GRID = np.geomspace(0.01, 1.0, 60).round(3)
_LEAST_BANDWIDTH = 0.1
_READ_ONCE = ("vector", "int8 vector")
"""Each weight is used once: bytes alone explain the time."""
_COPIES = 3


@dataclass(frozen=True)
class Timed:
    """A block in one of its forms, the bytes of all weights beside it, and what it takes: microseconds."""

    block: str
    form: str
    works: Sequence[Work]
    weights: int
    us: float


def this_machine(folder: Path) -> Board:
    """This machine as a board: its loops and bandwidths are measured, that of single vectors is simulated."""
    loop = Peak(build("peak", folder))
    held = aligned(32 * 1024)
    dense = median(loop.gflops() for _ in range(40)) / 2
    sparse = median(loop.gflops_from_memory(held) for _ in range(40)) / 2
    clock = dense / _VECTOR_PRODUCTS
    vector = median(read_json(LOOPS)["multiply_adds_a_cycle"][_LOOPS_OF]["sparse vector"])
    loops = {"dense": dense / clock, "int8": 4 * dense / clock, "sparse": sparse / clock, "vector": vector}
    caches = [(size, _read_gb_s(size // 2)) for size in _cache_sizes()]
    return Board("this machine", "this core", clock, loops, caches, _read_gb_s(1 << 28))


def _cache_sizes() -> list[int]:
    """Of the data caches of a core; of a large server's last one, what a core may have for itself."""
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
    return round(data.nbytes / min(times) / 1e9, 1)


def calibrate(folder: Path) -> Iterator[Timed]:
    """Every block in its forms, and what one costs inside a network."""
    for block in blocks():
        files = {copies: _forms(block, copies, folder) for copies in (1, _COPIES)}
        feed = {"x": np.random.default_rng(1).standard_normal(block.shape, np.float32)}
        timed = {
            (form, copies): Bound((1, form), str(path), feed)
            for copies in files
            for form, path in files[copies].items()
        }
        times = _fastest(timed)
        for form, path in files[1].items():
            us = round((times[form, _COPIES] - times[form, 1]) / (_COPIES - 1), 2)
            works = inventory(read_model(path))
            print(f"{block.name:30}{form:12}{us:10.1f} us", flush=True)
            yield Timed(block.name, form, works, _COPIES * sum(work.weight_bytes for work in works), us)


def _fastest(timed: Mapping[Any, Bound]) -> dict[Any, float]:
    """Microseconds of each: the fastest of rounds in which each runs several times; others may use the machine too."""
    order, rounds = random.Random(0), {case: [] for case in timed}
    for _ in range(_ROUNDS):
        for case in order.sample(list(timed), len(timed)):
            rounds[case].append(median(timed[case].time(1 + _RUNS)[1:]) / 1000)
    return {case: min(found) for case, found in rounds.items()}


def _forms(block: Block, copies: int, folder: Path) -> dict[str, Path]:
    files = {DENSE: folder / f"dense-{copies}.onnx"}
    save_model(block.model(copies), files[DENSE])
    if block.has_weights:
        files |= {INT8: folder / f"int8-{copies}.onnx", SPARSE: folder / f"sparse-{copies}.onnx"}
        example = {"x": np.random.default_rng(2).standard_normal(block.shape, np.float32)}
        to_int8(files[DENSE], files[INT8], [example])
        save_model(to_sparse(block.model(copies, SPARSITY), min_sparsity=0.0).model, files[SPARSE])
    return files


def fit(board: Board, blocks_timed: Sequence[Timed]) -> dict[str, dict[str, float]]:
    """The shares of each kind of kernel that come nearest to its blocks: the least mean distance, on a log scale."""
    found = {}
    for kernel, share in SHARES.items():
        timed = [block for block in blocks_timed if block.works[0].kernel == kernel and block.us > 0]
        tried = {
            pair: mean(_distance(block, board, Share(share.loop, *pair)) for block in timed)
            for pair in product([1.0] if kernel in _READ_ONCE else _GRID, _GRID[_GRID >= _LEAST_BANDWIDTH])
        }
        compute, bandwidth = min(tried, key=lambda pair: (round(tried[pair], 3), -pair[0], -pair[1]))
        off = {"mean_factor": math.exp(tried[compute, bandwidth]), "blocks": len(timed)}
        found[kernel] = {"compute": float(compute), "bandwidth": float(bandwidth), **off}
    return found


def _distance(block: Timed, board: Board, share: Share) -> float:
    us = sum(max(bounds_us(work, board, block.weights, share).values()) for work in block.works)
    return abs(math.log(us / block.us))


def check(board: Board, measured: Sequence[Result], folder: Path) -> Iterator[dict[str, Any]]:
    """Every network in its forms: estimated and measured microseconds, beyond an empty call."""
    for result in measured:
        network, percent = result.content["model"], result.content["percent"]
        if percent not in PERCENT:
            continue
        dense = folder / f"{network}-{percent}.onnx"
        write_model(network, percent / 100, dense)
        files = write_forms(dense, ("fp32",), [example_inputs(dense, 1)])
        # The clock of that day: it is not the same on all.
        then = replace(board, clock_ghz=result.peak() / 2 / _VECTOR_PRODUCTS)
        for form, path in files.items():
            _, *layers = estimate_layers(inventory(read_model(Path(path))), then)  # without the call, as measured
            us = median(result.times(form)) - median(result.times(NULL))
            row = {"network": network, "percent": percent, "form": form}
            yield row | {"estimated_us": sum(layer.us for layer in layers), "us": us}


def _row(timed: Timed) -> dict[str, Any]:
    return {"block": timed.block, "form": timed.form, "kernel": timed.works[0].kernel, "us": timed.us}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check-only", action="store_true", help="keep what the last report has of single blocks")
    check_only = parser.parse_args().check_only
    created, about = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), machine()
    out = place(about, created).with_name("estimate")
    same_machine = f"{out.parent.name[:-10]}*"
    kernels = sorted(RESULTS.glob(f"{same_machine}/kernels/report.json"))[-1].parent
    with tempfile.TemporaryDirectory(prefix="lth-edge-estimate-") as name:
        folder = Path(name)
        if check_only:
            report = read_json(sorted(RESULTS.glob(f"{same_machine}/estimate/report.json"))[-1])
            board = Board(**report["board"])
        else:
            board = this_machine(folder)
            timed = list(calibrate(folder))
            report = {"schema_version": 1, "created": created, "machine": about, "board": vars(board)}
            report |= {"shares": fit(board, timed), "blocks": [_row(block) for block in timed]}
        for kernel, found in report["shares"].items():
            print(f"{kernel:18}" + "  ".join(f"{key} {figure:.3g}" for key, figure in found.items()))
        report["measured"], report["networks"] = str(kernels.relative_to(RESULTS)), []
        for row in check(board, list(results(kernels)), folder):
            report["networks"].append(row)
            off = row["estimated_us"] / row["us"]
            print(f"{row['network']:20}{row['percent']:3} {row['form']:14}{row['us']:10.1f} us, {off:.2f}x", flush=True)
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "report.json", report)
    print(out / "report.json")


if __name__ == "__main__":
    main()
