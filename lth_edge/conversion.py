"""`lth-edge convert`: a file in, a file with sparse layers out, proved to compute the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lth_edge.agreement import Agreement, agreement
from lth_edge.convert.coded_weights import held_as
from lth_edge.convert.model_file import file_bytes, read_model, save_model
from lth_edge.convert.outcome import LayerOutcome
from lth_edge.convert.sparse import Converted, to_sparse
from lth_edge.convert.sparse_node import Values
from lth_edge.convert.tune import TunedLayer, tune
from lth_edge.convert.tune_candidates import in_words
from lth_edge.errors import InputError, ProofError, RecipeError
from lth_edge.files import whole_file
from lth_edge.recipe import SparseWeights

LIMIT = 1e-5
"""Largest difference allowed in float32, as a share of the largest output."""


@dataclass(frozen=True)
class Conversion:
    """A converted file.

    Attributes:
        layers: what became of each layer.
        bytes_before: of the model, weights in files of their own included, coded ones as arrays.
        bytes_after: of the file written.
        proof: how far the two are apart; `None` where that was not asked for, or no inputs could be guessed.
        tuned: what timing changed, convolution by convolution; `None` where that was not asked for.
    """

    layers: Sequence[LayerOutcome]
    bytes_before: int
    bytes_after: int
    proof: Agreement | None
    tuned: Sequence[TunedLayer] | None = None


def convert_file(
    source: Path,
    out: Path,
    min_sparsity: float | None = None,
    values: Values = "fp32",
    verify: bool = True,
    tuned: bool = False,
    weights: SparseWeights | None = None,
) -> Conversion:
    """Convert a file; it is written whole and proved, or not at all.

    Args:
        source: any ONNX model.
        out: the file to write.
        min_sparsity: convert layers from this fraction of zeros on, rather than by rule.
        values: how weights are stored.
        verify: run both files on random inputs and compare.
        tuned: choose how convolutions are computed by timing on this machine, rather than by rule.
        weights: how sparse layers hold their weights, those that the model has already included; `None`: plain.

    Raises:
        RecipeError: the output would overwrite the input or what is no .onnx file, or the sparsity is no fraction.
        InputError: there is no such file, or it holds no layer that gains.
        ProofError: the new file does not compute what the old one does.
    """
    if min_sparsity is not None and not 0 <= min_sparsity <= 1:
        raise RecipeError(f"a sparsity of {min_sparsity} is no fraction", "give a number from 0 to 1, such as 0.5")
    if out.resolve() == source.resolve() or (out.exists() and source.exists() and out.samefile(source)):
        raise RecipeError(f"{out} is the file to convert", "give another name to -o")
    if out.is_file() and out.suffix != ".onnx":
        raise RecipeError(f"{out} is there, and is no .onnx file", "give another name to -o, or remove it")
    model = read_model(source)
    converted = to_sparse(model, min_sparsity=min_sparsity, values=values)
    if not converted.any and not (weights and converted.sparse_before):
        raise _nothing(source, converted)
    timed = tune(converted.model) if tuned else None
    with whole_file(out) as temporary:
        save_model(held_as(converted.model, weights or "plain"), temporary)
        proof = _prove(source, temporary, out, values) if verify else None
        size = temporary.stat().st_size
    return Conversion(converted.layers, file_bytes(source), size, proof, timed)


def _nothing(source: Path, converted: Converted) -> InputError:
    layers = converted.layers
    if converted.sparse_before:
        return InputError(f"{source} is sparse already; no other layer would gain", "use it as it is")
    if not layers:
        return InputError(f"{source} holds no constant weight of a Gemm, MatMul or Conv", "give another file")
    sparsest = max(layers, key=lambda layer: (layer.could_gain, layer.sparsity))
    mend = "prune the network further, or lower --min-sparsity" if sparsest.sparsity else "prune the network first"
    if not sparsest.could_gain:
        mend = "that is not a matter of sparsity: export the network another way"
    return InputError(f"no layer of {source} would gain; the sparsest is {sparsest.name!r}, {sparsest.reason}", mend)


def _prove(source: Path, written: Path, out: Path, values: Values) -> Agreement | None:
    found = agreement(source, written)
    if found is not None and values == "fp32" and not found.error <= LIMIT:
        raise ProofError(
            f"{out.name} would differ from {source.name} by {found.error:.1e} of the largest output",
            f"{LIMIT:.0e} is allowed; nothing was written; see with --no-verify which layers were converted",
        )
    return found


def print_conversion(conversion: Conversion, out: Path, verify: bool, console: Console) -> None:
    """Print what became of each layer, the sizes and the proof."""
    console.print(_table(conversion.layers))
    done = sum(layer.converted for layer in conversion.layers)
    before, after = conversion.bytes_before, conversion.bytes_after
    lines = [
        f"{out}: {done} of {len(conversion.layers)} layers sparse, {before:,} -> {after:,} bytes",
        *([_proof(conversion.proof)] if verify else []),
        *_tuning(conversion.tuned),
        "run it with lth_edge.session(path), or any onnxruntime that lth_edge.library_path() is registered with",
    ]
    for line in lines:
        console.print(Text(line), soft_wrap=True)


def _proof(proof: Agreement | None) -> str:
    if proof is None:
        return "not proved: no random inputs could be guessed that the model takes"
    if not proof.error <= LIMIT:  # float32 would have been refused
        return f"run on random inputs: its rounded weights change up to {proof.error:.1e} of the largest output"
    return f"proved on random inputs: largest error {proof.error:.1e} of the largest output"


def _tuning(layers: Sequence[TunedLayer] | None) -> list[str]:
    """A line a convolution; none where tuning was not asked for."""
    if layers is None:
        return []
    if not layers:
        return ["nothing to tune: there is no sparse convolution; linear layers have no choice to make"]
    gained = sum(layer.speedup > 1 for layer in layers)
    lines = [f"  {layer.name}: {_gain(layer)}" for layer in layers]
    return [f"tuned for this machine, one thread: {gained} of {len(layers)} convolutions faster", *lines]


def _gain(layer: TunedLayer) -> str:
    if layer.reason:
        return f"not tuned: {layer.reason}"
    faster = f"{layer.speedup:.2f}x by " if layer.speedup > 1 else ""
    return faster + in_words(layer.way)


def _table(layers: Sequence[LayerOutcome]) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for title in ("layer", "was", "shape"):
        grid.add_column(title, overflow="fold")
    grid.add_column("sparsity", justify="right", no_wrap=True)
    grid.add_column("is", overflow="fold")
    for layer in layers:
        cells = layer.name, layer.op, " x ".join(map(str, layer.shape)), f"{layer.sparsity:.1%}", layer.reason
        grid.add_row(*map(Text, cells), style="" if layer.converted else "dim")
    return grid
