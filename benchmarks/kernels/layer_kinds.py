"""The layers of sparse models by their kind: what multiplying takes beyond its inner loop, and what packing takes."""

from collections import defaultdict
from math import isqrt
from pathlib import Path

from .share_results import Content, Shares, results

_LINE_FLOATS = 16


def layer_kinds(folder: Path) -> str:
    """A table: for each model, its layers with the same window and number of positions together."""
    lines = [
        "| model | zeros | layers | multiplying | its loop | nonzeros a row and block | beyond the loop: each of these "
        "| each line of sums | packing | each line packed |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    return "\n".join([*lines, *(_row(shares, *kind) for shares in results(folder) for kind in _kinds(shares).items())])


def _kinds(shares: Shares) -> dict[str, list[Content]]:
    kinds: dict[str, list[Content]] = defaultdict(list)
    for layer in shares.tiled("random"):
        window, side = layer["shape"][2:], isqrt(layer["positions"])
        place = f"{side} x {side}" if side * side == layer["positions"] else f"{layer['positions']} positions"
        kinds[f"{'x'.join(map(str, window))} of {layer['shape'][1]} channels at {place}"].append(layer)
    return kinds


def _row(shares: Shares, kind: str, layers: list[Content]) -> str:
    multiplying, packing = (sum(layer["us"].get(part, 0.0) for layer in layers) for part in ("multiply", "pack"))
    loop = sum(map(shares.loop_of, layers))
    rows, nonzeros = (sum(layer[key] for layer in layers) for key in ("rows", "nonzeros"))
    stored, packed = (sum(layer[key] for layer in layers) / _LINE_FLOATS for key in ("stored_floats", "packed_floats"))
    cells = [
        shares.content["model"],
        f"{shares.content['percent']}%",
        f"{len(layers)} of {kind}",
        f"{multiplying:.1f} us",
        f"{loop:.1f} us",
        f"{nonzeros / rows:.1f}",
        f"{1000 * (multiplying - loop) / rows:.1f} ns",
        f"{1000 * (multiplying - loop) / stored:.2f} ns",
        f"{packing:.1f} us",
        f"{1000 * packing / packed:.2f} ns" if packed else "",
    ]
    return f"| {' | '.join(cells)} |"
