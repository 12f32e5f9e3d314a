"""How sparse is it, layer by layer: a ticket, a run, a package or any ONNX file."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lth_edge.convert.model_file import layer_sparsity, read_model
from lth_edge.errors import DamagedError, InputError
from lth_edge.package.archive import unpacked
from lth_edge.package.manifest import MANIFEST, Manifest
from lth_edge.sparse.csr import load_csr
from lth_edge.ticket import Ticket, chosen_folder


@dataclass(frozen=True)
class LayerRow:
    """One layer: its weights, and how many are kept (by the mask) or not zero (in an ONNX file)."""

    name: str
    shape: tuple[int, ...]
    weights: int
    kept: int


def layers_of(path: Path) -> list[LayerRow]:
    """The layers of whatever lies at `path`.

    Raises:
        InputError: nothing there, or nothing of the kinds known.
        DamagedError: it is damaged.
    """
    if path.is_dir():
        return _folder(path)
    if path.suffix == ".zip" and path.is_file():
        with unpacked(path) as folder:
            return _package(folder)
    if path.suffix == ".safetensors" and path.is_file():
        return _csr(path)
    if path.is_file():
        return _onnx(path)
    raise InputError(f"there is nothing at {path}", "give a ticket, a run, a package or an ONNX file")


def table(rows: Sequence[LayerRow]) -> str:
    """A table for the terminal, the total last."""
    total = LayerRow("total", (), sum(row.weights for row in rows), sum(row.kept for row in rows))
    lines = [("layer", "shape", "weights", "kept", "sparsity")]
    for row in (*rows, total):
        shape = " x ".join(map(str, row.shape))
        sparsity = f"{1 - row.kept / row.weights:.2%}" if row.weights else "-"
        lines.append((row.name, shape, f"{row.weights:,}", f"{row.kept:,}", sparsity))
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    return "\n".join(
        "  ".join(cell.ljust(width) if column < 2 else cell.rjust(width) for column, (cell, width) in enumerate(cells))
        for cells in (list(zip(line, widths, strict=True)) for line in lines)
    )


def _folder(path: Path) -> list[LayerRow]:
    if (path / "mask.safetensors").exists():
        return _ticket(path)
    if (path / MANIFEST).exists():
        return _package(path)
    if (path / "run.json").exists():
        return _run(path)
    raise InputError(f"{path} is neither a ticket nor a package nor a run", "give the folder that lth-edge wrote")


def _ticket(path: Path) -> list[LayerRow]:
    mask = Ticket.load(path).mask
    return [LayerRow(name, kept.shape, kept.size, int(np.count_nonzero(kept))) for name, kept in mask.items()]


def _package(path: Path) -> list[LayerRow]:
    manifest_path = path / MANIFEST
    if not manifest_path.is_file():
        raise DamagedError(f"{path} has no {MANIFEST}", "give a package that lth-edge wrote")
    return _onnx(path / Manifest.from_json(manifest_path.read_bytes()).model)


def _run(path: Path) -> list[LayerRow]:
    """The chosen ticket of a finished run."""
    return _ticket(chosen_folder(path))


def _csr(path: Path) -> list[LayerRow]:
    return [LayerRow(name, shape, math.prod(shape), matrix.nnz) for name, (matrix, shape) in load_csr(path).items()]


def _onnx(path: Path) -> list[LayerRow]:
    rows = [LayerRow(row.name, row.shape, row.weights, row.nonzero) for row in layer_sparsity(read_model(path))]
    if not rows:
        raise InputError(f"{path} holds no constant weight of a Gemm, MatMul or Conv", "give another file")
    return rows
