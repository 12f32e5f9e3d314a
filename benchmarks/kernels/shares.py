"""Where the time of sparse models goes, part by part: why the speed table's targets are met or missed.

    python -m benchmarks.kernels.shares                            the convolutional models of the table
    python -m benchmarks.kernels.shares conv-6 --sparsity 90 --seconds 10

One thread. A build of the kernels with marks (`marks.py`) tells what packing, multiplying and the rest take, layer by
layer, in rounds with onnxruntime's dense model, the kernels as they are shipped, the fastest that multiply-adds with an
operand from memory run, and what cache lines take that are written. Models with other masks (`patterns.py`) tell what
multiplication loses to what. Raw results go to results/MACHINE-DATE/shares/, a file for each model and sparsity;
`limits.py` makes the tables of them.
"""

import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.kernels.arguments import arguments
from benchmarks.kernels.clock import time_runs
from benchmarks.kernels.dense_layers import layer_times
from benchmarks.kernels.forms import DENSE, NULL, open_form
from benchmarks.kernels.library_session import bind, open_with
from benchmarks.kernels.marks import Events, Marks, Part, build_marked, parts
from benchmarks.kernels.measure import place
from benchmarks.kernels.models import example_inputs, write_model
from benchmarks.kernels.networks import NETWORKS
from benchmarks.kernels.patterns import PATTERNS
from benchmarks.kernels.roof import Roof
from benchmarks.kernels.undisturbed import undisturbed
from lth_edge.bench.machine import machine
from lth_edge.bench.null_graph import null_feed, null_graph
from lth_edge.convert.inventory import inventory
from lth_edge.convert.model_file import read_model, save_model
from lth_edge.convert.sparse import to_sparse
from lth_edge.convert.work import Work
from lth_edge.files import write_json
from lth_edge.runtime.library import library_path

MODELS = ("conv-6", "vgg-16", "resnet-20", "resnet-18", "mobilenet-v1")
SPARSITIES = (90, 95)
RELEASED = "sparse"
MARKED = "sparse with marks"
_WARM_RUNS, _LEAST_ROUNDS, _RUNS, _SHORT_RUNS = 40, 7, 3, 12
_SHORT_US = 1000


@dataclass
class Layer:
    """A layer of a chain.

    Attributes:
        name: of its weight.
        kernel: of `lth_edge.convert.work.KERNELS`.
        shape: of its weight.
        multiply_adds: with a nonzero weight, at the positions of the output.
        us: part -> microseconds.
        positions: of the output.
        activation_bytes: read and written.
        vector_floats: multiply-adds that its vectors did, those at no position of the output included.
        nonzeros: read, each as often as it was.
        rows: ends of rows, likewise.
        stored_floats: sums that left the registers, those at no position included.
        packed_floats: inputs that were packed, padding included.
    """

    name: str
    kernel: str
    shape: Sequence[int]
    multiply_adds: int
    positions: int
    activation_bytes: int
    us: dict[str, float] = field(default_factory=dict)
    vector_floats: int = 0
    nonzeros: int = 0
    rows: int = 0
    stored_floats: int = 0
    packed_floats: int = 0

    def add(self, part: Part) -> None:
        self.us[part.kind] = self.us.get(part.kind, 0.0) + part.us
        if part.kind == "pack":
            self.packed_floats += part.details[0]
        if part.kind == "multiply":
            nonzeros, rows, floats, strips = part.details
            self.vector_floats += nonzeros * floats * strips
            self.nonzeros += nonzeros * strips
            self.rows += rows * strips
            self.stored_floats += rows * floats * strips


def measure(model: str, percent: int, library: Path, seconds: float, folder: Path) -> dict[str, Any]:
    """The raw times of a model, and of its layers under each pattern of masks."""
    dense = folder / f"{model}.onnx"
    sparse = {name: folder / f"{model}.{name}.onnx" for name in PATTERNS}
    for name, path in sparse.items():
        masked = dense if name == "random" else folder / "masked.onnx"
        write_model(model, percent / 100, masked, name)
        save_model(to_sparse(read_model(masked)).model, path)
    inputs = example_inputs(dense, 0)
    null = folder / "null.onnx"
    null.write_bytes(null_graph())
    with undisturbed() as priority:
        marks = Marks(library)
        runs = {DENSE: _run(open_form(DENSE, str(dense), 1), inputs), NULL: _run(open_form(NULL, str(null), 1))}
        runs[RELEASED] = _run(open_with(sparse["random"], library_path()), inputs)
        marked = {name: _run(open_with(path, library), inputs) for name, path in sparse.items()}
        timed = _Rounds(runs, marked, marks, Roof(folder))
        timed.go_on(seconds)
        by_shape = layer_times(dense, inputs, folder)
    works = {name: inventory(read_model(path)) for name, path in sparse.items()}
    found = {name: _layers(parts(events, marks), works[name]) for name, events in timed.events.items()}
    kept = {tuple(work.shape) for work in works["random"] if _is_dense(work)}
    return {
        "priority": priority,
        "rounds_us": timed.rounds_us,
        "roof": timed.roof.told(),
        "marks": {"runs": len(timed.events["random"]), "each_ns": 1000 * marks.cost_ticks / marks.ticks_per_us},
        "kept_dense_us": {"x".join(map(str, shape)): us for shape, us in by_shape.items() if shape in kept},
        "patterns": found,
    }


class _Rounds:
    """Every form in every round, in random order."""

    def __init__(
        self,
        runs: Mapping[str, Callable[[], None]],
        marked: Mapping[str, Callable[[], None]],
        marks: Marks,
        roof: Roof,
    ) -> None:
        self._runs, self._marked, self._marks, self.roof = runs, marked, marks, roof
        self._order = random.Random(0)
        self.rounds_us: dict[str, list[float]] = {name: [] for name in (*runs, MARKED)}
        self.events: dict[str, list[Events]] = {name: [] for name in marked}

    def go_on(self, seconds: float) -> None:
        """Time for so long, or a few rounds."""
        for run in (*self._runs.values(), *self._marked.values()):
            took = median(time_runs(run, _RUNS, threads=1)) / 1000
            time_runs(run, _RUNS if took > 10 * _SHORT_US else _WARM_RUNS, threads=1)
        end = perf_counter() + seconds
        while perf_counter() < end or len(self.rounds_us[DENSE]) < _LEAST_ROUNDS:
            self._round()

    def _round(self) -> None:
        turns: list[Callable[[], None]] = [lambda name=name: self._time(name) for name in self._runs]  # type: ignore[misc]
        turns += [lambda name=name: self._mark(name) for name in self._marked]  # type: ignore[misc]
        self._order.shuffle(turns)
        for turn in turns:
            turn()
        self.roof.measure()

    def _time(self, name: str) -> None:
        # The first run brings its own data back into the caches.
        self.rounds_us[name].append(
            round(median(time_runs(self._runs[name], 1 + self._count(name), threads=1)[1:]) / 1000, 3)
        )

    def _count(self, name: str) -> int:
        last = self.rounds_us[name][-1:] or [_SHORT_US]
        return _SHORT_RUNS if last[0] < _SHORT_US else _RUNS

    def _mark(self, name: str) -> None:
        run = self._marked[name]
        run()
        found = [self._marks.of(run) for _ in range(self._count(RELEASED))]
        self.events[name] += found
        if name == "random":
            took = [float(np.ptp(events["tick"])) / self._marks.ticks_per_us for events in found]
            self.rounds_us[MARKED].append(round(median(took), 3))


def _run(session: Any, inputs: Mapping[str, Any] | None = None) -> Callable[[], None]:
    given = null_feed(1) if inputs is None else inputs
    return bind(session, given, session.run(None, dict(given)))


def _is_dense(work: Work) -> bool:
    return "depthwise" in work.kernel or work.kernel in ("conv", "gemm", "vector")


def _layers(found: Sequence[Part], works: Sequence[Work]) -> dict[str, Any]:
    """The parts by layer, and what lies outside of all."""
    chains = _chains(works)
    layers: dict[tuple[int, int], Layer] = {}
    outside: dict[str, float] = {}
    for part in found:
        if part.layer < 0:
            outside[part.kind] = outside.get(part.kind, 0.0) + part.us
            continue
        work = chains[part.operator][part.layer]
        key = (part.operator, part.layer)
        about = work.name, work.kernel, work.shape, work.multiply_adds, work.positions, work.activation_bytes
        layer = layers.setdefault(key, Layer(*about))
        layer.add(part)
    return {"outside_us": outside, "layers": [asdict(layer) for layer in layers.values()]}


def _chains(works: Sequence[Work]) -> list[list[Work]]:
    """The layers of each of our operators: a chain's first starts an operator, and its weight is sparse."""
    chains: list[list[Work]] = []
    ours = False
    for work in works:
        if work.starts:
            ours = work.kernel.startswith("sparse")
            if ours:
                chains.append([])
        if ours:
            chains[-1].append(work)
    return chains


def main() -> None:
    asked = arguments(__doc__, MODELS, SPARSITIES, 6.0, "folder of the raw results")
    created, about = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), machine()
    out = asked.out or place(about, created).with_name("shares")
    library = build_marked()
    for model in asked.models:
        for percent in asked.sparsity:
            with tempfile.TemporaryDirectory(prefix="lth-edge-shares-") as folder:
                content = {"model": model, "percent": percent}
                content |= measure(model, percent, library, asked.seconds, Path(folder))
            write_json(out / f"{model}-{percent}.json", content)
            print(out / f"{model}-{percent}.json", flush=True)
    files = [f"{model}-{percent}.json" for model in NETWORKS for percent in SPARSITIES]
    results = [name for name in files if (out / name).is_file()]
    write_json(out / "report.json", {"schema_version": 1, "created": created, "machine": about, "results": results})


if __name__ == "__main__":
    main()
