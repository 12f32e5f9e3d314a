"""What a bench and the devices file come to, as short tables for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lth_edge.bench.machine import UNKNOWN
from lth_edge.bench.wording import change, kilobytes
from lth_edge.devices.bench_devices import Outcome
from lth_edge.devices.last_seen import Seen
from lth_edge.devices.result import MEASURED

_BATCH = 1


def print_result(result: Mapping[str, Any], console: Console) -> None:
    """Print one device's result. Of an emulated one no time is shown: it would say nothing about the device."""
    console.print(Text(_headline(result), style="bold"), soft_wrap=True)
    for threads, measured in result["measurements"].items():
        if result["kind"] == MEASURED:
            console.print(_timed(result, threads, measured))
    if result["kind"] != MEASURED:
        console.print(_emulated(result))
    for line in _footnotes(result):
        console.print(Text(line), soft_wrap=True)


def print_outcomes(outcomes: Sequence[Outcome], console: Console) -> None:
    """Print what each device gave that gave something, and where it lies."""
    for outcome in outcomes:
        if outcome.result is not None:
            print_result(outcome.result, console)
            console.print(Text(f"{outcome.path}\n"), soft_wrap=True)


def print_devices(devices: Sequence[Seen], console: Console) -> None:
    """Print a line a device."""
    grid = _grid(("device", "address", "board", "doctor", "bench"))
    for device in devices:
        grid.add_row(
            *map(Text, (device.name, device.address, device.board, device.verdict or "-", device.measured or "-"))
        )
    console.print(grid)


def _headline(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    board = machine["cpu"] if machine["model"] == UNKNOWN else machine["model"]
    kind = "" if result["kind"] == MEASURED else f" ({result['kind']}, not measured on the device)"
    return f"{result['name']}: {board}, onnxruntime {machine['onnxruntime']}{kind}"


def _timed(result: Mapping[str, Any], threads: str, measured: Mapping[str, Any]) -> Table:
    title = "1 thread" if threads == "1" else f"{threads} threads"
    grid = _grid((title, "bytes", "latency", "against dense", "load", "memory"))
    memory = {row["form"]: row["above_empty_bytes"] for row in measured["memory"]}
    load = {row["form"]: row["median_ms"] for row in measured["load"]}
    for row in measured["latency"]:
        if row["batch"] == _BATCH:
            form = row["form"]
            told = "" if row["speedup"]["verdict"] == "baseline" else change(row["speedup"])
            held = kilobytes(memory[form]) if form in memory else UNKNOWN
            cells = form, f"{result['forms'][form]['bytes']:,}", f"{row['p50_us']:.3g} us", told, f"{load[form]:.1f} ms"
            grid.add_row(*map(Text, (*cells, held)))
    return grid


def _emulated(result: Mapping[str, Any]) -> Table:
    grid = _grid(("form", "bytes", "results against here"))
    for form, file in result["forms"].items():
        error = float(result["checked"][form])
        told = f"largest error {error:.1e} of the largest output" if error else "the same to the bit"
        grid.add_row(*map(Text, (form, f"{file['bytes']:,}", told)))
    return grid


def _footnotes(result: Mapping[str, Any]) -> list[str]:
    heat = [look["temperature_c"] for look in result["during"] if look["temperature_c"] != UNKNOWN]
    warm = [f"at most {max(heat):.0f} degrees Celsius while measuring"] if heat else []
    missing = [f"no {form}: {why}" for form, why in result["missing"].items()]
    return [*missing, *warm, *(f"tainted: {taint}" for taint in result["taints"])]


def _grid(titles: Sequence[str]) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for title in titles:
        grid.add_column(title, overflow="fold")
    return grid
