"""`lth-edge estimate`: what a run or any ONNX file would take on a board that is not at hand. No measurement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lth_edge.bench.choice import BASELINE, SPARSE
from lth_edge.bench.wording import times
from lth_edge.convert.inventory import inventory
from lth_edge.convert.model_file import layer_sparsity, read_model
from lth_edge.convert.sparse import to_sparse
from lth_edge.devices.boards import Board, board
from lth_edge.devices.device_file import FOLDER
from lth_edge.devices.estimated import ESTIMATED, SUFFIX, DeviceEstimate
from lth_edge.devices.roofline import (
    METHOD,
    NOTE,
    RATIO_SPREAD,
    SPREAD,
    SPREAD_INT8,
    LayerEstimate,
    estimate_layers,
    speedup_range,
)
from lth_edge.devices.schema import SCHEMA_VERSION
from lth_edge.errors import InputError
from lth_edge.files import read_json

_FILES = {BASELINE: "dense.onnx", "int8": "int8.onnx", "ticket": "ticket.onnx", SPARSE: "ticket.sparse.onnx"}


@dataclass(frozen=True)
class Estimate:
    """What was estimated for one board.

    Attributes:
        target: the board's short name.
        board: what is known of it.
        created: UTC, ISO 8601.
        layers: form -> its layers, the call first; dense first where there is one.
    """

    target: str
    board: Board
    created: str
    layers: Mapping[str, Sequence[LayerEstimate]]

    def us(self, form: str) -> tuple[float, float, float]:
        """Low, middle and high of a form: the sums over its layers."""
        layers = self.layers[form]
        return sum(x.low_us for x in layers), sum(x.us for x in layers), sum(x.high_us for x in layers)

    def speedup(self, form: str) -> tuple[float, float] | None:
        """Low and high over dense; `None` for dense, and where there is none."""
        if form == BASELINE or BASELINE not in self.layers:
            return None
        return speedup_range(self.us(BASELINE)[1] / self.us(form)[1], form)

    def to_dict(self) -> dict[str, Any]:
        """The content of RUN/devices/NAME.estimate.json."""
        forms = {form: self.us(form) for form in self.layers}
        speedups = {form: range_ for form in self.layers if (range_ := self.speedup(form)) is not None}
        return {
            "schema_version": SCHEMA_VERSION,
            "name": self.target,
            "board": self.board.name,
            "kind": ESTIMATED,
            "method": METHOD,
            "note": NOTE,
            "created": self.created,
            "threads": 1,
            "forms": {form: {"low_us": low, "high_us": high} for form, (low, _, high) in forms.items()},
            "speedup": {form: {"low": low, "high": high} for form, (low, high) in speedups.items()},
            "layers": [{"form": form, **x.to_dict()} for form, layers in self.layers.items() for x in layers],
        }


def estimate(path: Path, target: str) -> Estimate:
    """Estimate the files of a run, or an ONNX file: as it is, and sparse where its zeros allow that.

    Raises:
        RecipeError: there is no such board.
        InputError: nothing at `path` that could be estimated, or a model whose work is not known.
        DamagedError: a file cannot be read.
    """
    known = board(target)
    models = _of_run(path) if path.is_dir() else _of_file(path)
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Estimate(target, known, created, {form: estimate_layers(inventory(m), known) for form, m in models.items()})


def save(found: Estimate, run: Path) -> Path:
    """Write the estimate into the run's folder of devices.

    Raises:
        StorageError: it cannot be written.
    """
    path = run / FOLDER / f"{found.target}{SUFFIX}"
    DeviceEstimate.write(found.to_dict(), path)
    return path


def _of_run(run: Path) -> dict[str, Any]:
    if not (run / "report.json").exists():
        raise InputError(f"{run} is no finished run", "give the folder of a run that `lth-edge compress` finished")
    forms = [form["name"] for form in read_json(run / "report.json")["forms"]]
    return {form: read_model(run / "files" / _FILES[form]) for form in _FILES if form in forms}


def _of_file(path: Path) -> dict[str, Any]:
    if path.suffix == ".zip" or not path.is_file():
        raise InputError(f"{path} is neither a run nor an ONNX file", "give one of the two")
    model = read_model(path)
    if not layer_sparsity(model):
        raise InputError(f"{path} holds no constant weight of a Gemm, MatMul or Conv", "give another file")
    converted = to_sparse(model)
    if converted.sparse_before:
        return {SPARSE: model}
    return {BASELINE: model} | ({SPARSE: converted.model} if converted.any else {})


def print_estimate(found: Estimate, console: Console) -> None:
    """Print a range for each form, where the time goes, and the method."""
    console.print(Text(f"estimated for {found.board.name} ({found.board.core}), one thread, batch 1: {NOTE}"))
    console.print()
    console.print(_forms(found))
    console.print()
    console.print(_layers(found))
    for line in (f"method: {METHOD}", _accuracy(found)):
        console.print(Text(line, style="dim"), soft_wrap=True)


def _accuracy(found: Estimate) -> str:
    int8 = f"; both of int8 to {SPREAD_INT8:g}" if "int8" in found.layers else ""
    return (
        f"ranges allow for a factor of {SPREAD:g} in times, {RATIO_SPREAD:g} in speed-ups over dense{int8}: "
        f"calibrated on x86, unchecked on Arm, for a model in a loop of its own; {NOTE}"
    )


def _forms(found: Estimate) -> Table:
    grid = _grid("form", "milliseconds", "over dense")
    for form in found.layers:
        low, _, high = found.us(form)
        speedup = found.speedup(form)
        over = "" if speedup is None else f"{times(speedup[0])} to {times(speedup[1])}"
        grid.add_row(form, f"{low / 1e3:.3g} to {high / 1e3:.3g}", over)
    return grid


def _layers(found: Estimate) -> Table:
    """Of the last form, the one that matters: its layers that take most."""
    form = list(found.layers)[-1]
    layers, total = found.layers[form], found.us(form)[1]
    grid = _grid(f"where {form} spends it", "share", "kernel", "multiply-adds", "bytes", "bound by")
    for layer in sorted(layers, key=lambda layer: -layer.us)[:8]:
        cells = f"{layer.us / total:.0%}", layer.kernel, f"{layer.multiply_adds:,}", f"{layer.bytes:,}", layer.bound
        grid.add_row(layer.name, *cells)
    return grid


def _grid(first: str, *others: str) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    grid.add_column(first, overflow="fold")
    for title in others:
        grid.add_column(title, justify="right", no_wrap=True)
    return grid
