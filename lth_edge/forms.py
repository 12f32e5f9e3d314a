"""The files of a run: the dense baseline, its int8 version, the ticket as CSR, as standard and as sparse ONNX."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import nn

from lth_edge.bench.size import gzipped, size
from lth_edge.convert.coded_weights import held_as
from lth_edge.convert.compact import remove_dead_units
from lth_edge.convert.int8 import to_int8
from lth_edge.convert.model_file import save_model
from lth_edge.convert.outcome import LayerOutcome
from lth_edge.convert.reorder import reorder_units
from lth_edge.convert.sparse import to_sparse
from lth_edge.convert.sparse_node import Values as SparseValues
from lth_edge.convert.standard import to_standard
from lth_edge.errors import InputError
from lth_edge.export.onnx_export import Exported, export_onnx
from lth_edge.find.heads import without_lost_heads
from lth_edge.find.train import load
from lth_edge.recipe import SparseWeights, StoreRecipe
from lth_edge.runtime.library import this_machine
from lth_edge.runtime.session import session
from lth_edge.sparse.csr import CsrMatrix, save_csr
from lth_edge.sparse.limit import independent_bits
from lth_edge.storage import Candidate, Retrain, Storage, candidates, choose_storage, sparse_values
from lth_edge.tasks.examples import batches, some
from lth_edge.tasks.task import Task
from lth_edge.ticket import Ticket, Weights
from lth_edge.verify import Proof, prove, prove_rounded

CALIBRATION_EXAMPLES = 256


@dataclass(frozen=True)
class Baseline:
    """The dense network's files.

    Attributes:
        paths: form -> file, dense first.
        proof: dense.onnx against PyTorch; int8 is judged by its accuracy alone.
        missing: form -> why there is none.
    """

    paths: dict[str, Path]
    proof: Proof
    missing: dict[str, str]


@dataclass(frozen=True)
class Stored:
    """The ticket's files.

    Attributes:
        paths: form -> file.
        proofs: of each file against PyTorch.
        missing: form -> why there is none.
        csr: CSR bytes, per layer and of the file; bits that its masks and values take as independent symbols.
        masked_gzip_bytes: the dense file with the ticket's zeros in place, gzipped.
        compact: what the removal of dead units did.
        storage: how finely values are stored, and what that costs.
    """

    paths: dict[str, Path]
    proofs: list[Proof]
    missing: dict[str, str]
    csr: dict[str, Any]
    masked_gzip_bytes: int
    compact: dict[str, Any]
    storage: Storage


def make_baseline(task: Task, dense: Ticket, recipe: StoreRecipe, folder: Path) -> Baseline:
    """Export the dense network, prove the file, and quantise it to int8.

    Raises:
        ProofError: the file computes something else than PyTorch.
    """
    network = _network(task, dense.weights)
    path, quantised = folder / "dense.onnx", folder / "int8.onnx"
    save_model(export_onnx(task, network, None, recipe.opset).model, path)
    proof = prove("dense", path, task, network, task.splits.validation)
    try:
        quantise(task, path, quantised)
    except InputError as error:
        return Baseline({"dense": path}, proof, {"int8": error.message})
    return Baseline({"dense": path, "int8": quantised}, proof, {})


def store_ticket(
    task: Task, ticket: Ticket, recipe: StoreRecipe, folder: Path, retrain: Retrain | None = None
) -> Stored:
    """Export the ticket, store its weights as CSR, write the compact and the sparse file from them, and prove both.

    Args:
        retrain: trains the ticket within a codebook; `None` where that is not to be had.

    Raises:
        ProofError: a file computes something else than PyTorch.
    """
    exported = export_onnx(task, _network(task, ticket.weights), ticket.mask, recipe.opset)
    masked = gzipped(exported.to_bytes())

    def export(weights: Weights) -> Exported:
        return export_onnx(task, *without_lost_heads(_network(task, weights), ticket.mask), recipe.opset)

    exact, compact = _arranged(export(ticket.weights), recipe, folder)

    def arrange(weights: Weights) -> Exported:
        return exact if weights is ticket.weights else _arranged(export(weights), recipe, folder)[0]

    offered = candidates(ticket.weights, arrange, recipe, retrain)
    storage, chosen = choose_storage(task, offered, exact, recipe, folder)
    held = chosen.held
    csr = _store_csr(held, folder / "ticket.csr.safetensors")
    paths, missing = {"ticket": folder / "ticket.onnx"}, {}
    save_model(to_standard(held.model, held.masks), paths["ticket"])
    sparse = folder / "ticket.sparse.onnx"
    try:
        write_sparse(held, sparse, sparse_values(storage.values), recipe.sparse_weights)
        paths["sparse"] = sparse
    except InputError as error:
        missing["sparse"] = error.message
    proofs = _prove(task, chosen, paths, folder)
    return Stored(paths, proofs, missing, csr, masked, compact, storage)


def _prove(task: Task, chosen: Candidate, paths: Mapping[str, Path], folder: Path) -> list[Proof]:
    """Prove each file; rounded ones against the dense file of what they store, and its export against PyTorch."""
    examples, network = task.splits.validation, _network(task, chosen.weights)
    if chosen.values == "fp32":
        return [prove(form, path, task, network, examples) for form, path in paths.items()]
    with TemporaryDirectory(dir=folder) as name:
        exact, reference = Path(name) / "exact.onnx", Path(name) / "rounded.onnx"
        save_model(chosen.exact.model, exact)
        save_model(chosen.held.model, reference)
        limit = prove("ticket", exact, task, network, examples).limit
        return [prove_rounded(form, path, reference, task, examples, limit) for form, path in paths.items()]


def write_sparse(
    exported: Exported, path: Path, values: SparseValues = "fp32", weights: SparseWeights = "plain"
) -> None:
    """Write the form that runs in lth-edge's kernels; the mask says what is stored, zeros that it keeps included.

    Raises:
        InputError: no layer gains by it, or there are no kernels for this machine; nothing is left behind.
    """
    converted = to_sparse(exported.model, exported.masks, values=values)
    if not converted.any:
        raise InputError(f"no layer gains by sparse kernels: {_sparsest(converted.layers)}")
    save_model(held_as(converted.model, weights), path)
    try:
        session(path)
    except InputError as error:
        path.unlink()
        lacking = f"sparse kernels do not run on this machine ({this_machine()}); {error.mend}"
        raise InputError(lacking) from error


def _sparsest(layers: Sequence[LayerOutcome]) -> str:
    if not layers:
        return "none is a Gemm, MatMul or Conv with a constant weight"
    sparsest = max(layers, key=lambda layer: layer.sparsity)
    return f"the sparsest, {sparsest.name}, is {sparsest.reason}"


def quantise(task: Task, dense: Path, out: Path, examples: int = CALIBRATION_EXAMPLES) -> None:
    """Write the int8 form of a dense file, calibrated on training examples.

    Raises:
        InputError: onnxruntime cannot quantise it.
    """
    calibration = batches(some(task.splits.train, examples), 32)
    to_int8(dense, out, (task.feed(inputs) for inputs, _ in calibration))


def _network(task: Task, weights: Weights) -> nn.Module:
    network = task.network(0)
    load(network, weights)
    return network


def _without_dead_units(exported: Exported, recipe: StoreRecipe, folder: Path) -> tuple[Exported, dict[str, Any]]:
    """The model without units that can no longer matter, where the recipe asks for it, and the effect on bytes."""
    nothing: dict[str, Any] = {"removals": [], "refusals": [], "bytes_before": None, "bytes_after": None}
    if not recipe.compact:
        return exported, {"applied": False, **nothing}
    smaller = remove_dead_units(exported.model, exported.masks)
    after = Exported(smaller.model, dict(smaller.masks))
    before_bytes, after_bytes = (_standard_bytes(form, folder) for form in (exported, after))
    return after, {
        "applied": True,
        "removals": [vars(removal) for removal in smaller.removals],
        "refusals": [vars(refusal) for refusal in smaller.refusals],
        "bytes_before": before_bytes,
        "bytes_after": after_bytes,
    }


def _arranged(exported: Exported, recipe: StoreRecipe, folder: Path) -> tuple[Exported, dict[str, Any]]:
    """The model with its units as the recipe wants them, and what became of dead ones."""
    kept, compact = _without_dead_units(exported, recipe, folder)
    if not recipe.reorder:
        return kept, compact
    turned = reorder_units(kept.model, kept.masks)
    return Exported(turned.model, turned.masks), compact


def _standard_bytes(exported: Exported, folder: Path) -> int:
    path = folder / "measured.onnx"
    save_model(to_standard(exported.model, exported.masks), path)
    found = size(path).bytes
    path.unlink()
    return found


def _store_csr(exported: Exported, path: Path) -> dict[str, Any]:
    """Write every masked weight of the exported model as CSR, as the mask says, never as `w != 0` would."""
    arrays = exported.masked_arrays()
    matrices = {name: (CsrMatrix.from_mask(arrays[name], kept), kept.shape) for name, kept in exported.masks.items()}
    save_csr(path, matrices)
    layers = [{"name": name, "nnz": m.nnz, "bytes": m.nbytes} for name, (m, _) in matrices.items()]
    limit = independent_bits(matrix for matrix, _ in matrices.values())
    return {"bytes": path.stat().st_size, "layers": layers, "limit_bits": limit}
