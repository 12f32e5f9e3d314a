"""`lth-edge compress --store`: fewer bits a weight, at a loss that is told apart from that of pruning."""

import typing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import QUICK, Finished, lth_edge
from onnx import TensorProto, helper, numpy_helper

from lth_edge.errors import TrainingError
from lth_edge.export.onnx_export import Exported
from lth_edge.recipe import StoredValues, StoreRecipe
from lth_edge.sparse.csr import load_csr
from lth_edge.sparse.quantize import SMALLEST_FIRST, Values
from lth_edge.storage import candidates
from lth_edge.ticket import Mask, Ticket, Weights

PRUNED = ("--model-arg", "hidden=48", "--steps", 80, "--levels", 1, "--prune-rate", 0.9, "--tolerance", 100, *QUICK)


def compressed(folder: Path, *options: str | float) -> Finished:
    return Finished(folder, (), lth_edge("compress", *PRUNED, *options, "--out", folder))


def ticket_of(run: Finished) -> dict[str, Any]:
    """The row of ticket.onnx."""
    return next(form for form in run.report["forms"] if form["name"] == "ticket")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finished]:
    """The same run stored in several ways, one after the other: no level is trained twice."""
    folder = tmp_path_factory.mktemp("stored") / "run"
    asked = {"fp32": (), "int8": (), "auto": ("--storage-loss", 100), "codebook-16": ()}
    done = {}
    for store, options in asked.items():
        done[store] = compressed(folder, "--store", store, *options)
        assert done[store].done.code == 0, done[store].done.stderr
        assert done[store].report  # read before the next run writes its own
    return done


def test_the_recipe_knows_what_can_be_stored() -> None:
    assert {*typing.get_args(Values), "auto"} == set(typing.get_args(StoredValues))


def test_fewer_bits_are_smaller_files_of_the_same_mask(runs: dict[str, Finished]) -> None:
    size = {store: ticket_of(run)["bytes"] for store, run in runs.items()}
    assert size["auto"] <= size["codebook-16"] < 0.8 * size["fp32"]
    assert {run.report["chosen"]["sparsity"] for run in runs.values()} == {runs["fp32"].report["chosen"]["sparsity"]}


def test_storage_loss_stands_apart_from_pruning_loss(runs: dict[str, Finished]) -> None:
    assert runs["fp32"].report["storage"]["trials"][-1]["loss"] == 0
    for run in runs.values():
        told, exact = run.report["storage"], runs["fp32"].report["storage"]["trials"][-1]["metric"]
        chosen = {key: told[key] for key in ("values", "trained")}
        (trial,) = (each for each in told["trials"] if chosen.items() <= each.items())
        assert trial["metric"] == ticket_of(run)["validation_metric"]
        assert trial["loss"] == pytest.approx(exact - trial["metric"])
    assert runs["auto"].report["storage"]["values"] == "codebook-2"


def test_a_codebook_that_training_does_not_bear_is_passed_over() -> None:
    weight = np.random.default_rng(0).normal(size=(8, 8)).astype(np.float32)
    node = helper.make_node("Gemm", ["x", "w"], ["y"])
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8]) for name in "xy")
    graph = helper.make_graph([node], "graph", [x], [y], [numpy_helper.from_array(weight, "w")])
    exact = Exported(helper.make_model(graph), Mask({"w": np.ones((8, 8), bool)}))

    def diverges(size: int) -> Weights:
        raise TrainingError(f"the loss is nan with {size} values")

    offered = list(candidates({"w": weight}, lambda weights: exact, StoreRecipe(store="auto"), diverges))
    assert [candidate.values for candidate in offered] == list(SMALLEST_FIRST)


def test_auto_takes_what_loses_no_more_than_allowed(runs: dict[str, Finished]) -> None:
    strict = compressed(runs["fp32"].folder, "--store", "auto", "--storage-loss", 0)
    told = strict.report["storage"]
    assert all(trial["loss"] > 0 for trial in told["trials"][:-1])
    assert told["trials"][-1]["loss"] <= 0
    bits = [list(SMALLEST_FIRST).index(trial["values"]) for trial in told["trials"]]
    assert bits == sorted(bits)


@pytest.mark.parametrize("store", ["int8", "codebook-16"])
def test_each_file_is_proved_and_the_package_verifies(runs: dict[str, Finished], store: str, tmp_path: Path) -> None:
    run = compressed(tmp_path / "run", "--store", store)
    proofs = run.report["proof"]["forms"]
    assert {"dense", "ticket"} <= {proof["form"] for proof in proofs}
    assert all(proof["max_error"] <= proof["limit"] for proof in proofs)
    assert lth_edge("verify", run.folder / "package.zip").code == 0
    ticket = Ticket.load(run.folder / "seed-0" / "level-01")
    for name, (matrix, _) in load_csr(run.folder / "files" / "ticket.csr.safetensors").items():
        assert matrix.nnz == np.count_nonzero(ticket.mask[name.removeprefix("network.")])
    if store == "codebook-16":
        assert all(
            len(np.unique(matrix.data)) <= 16
            for matrix, _ in load_csr(run.folder / "files" / "ticket.csr.safetensors").values()
        )


def test_a_packed_run_is_far_smaller_than_its_zip(runs: dict[str, Finished], tmp_path: Path) -> None:
    folder = runs["codebook-16"].folder
    assert lth_edge("pack", folder, "-o", tmp_path / "p.lthe").code == 0
    assert lth_edge("unpack", tmp_path / "p.lthe", "-o", tmp_path / "back").code == 0
    assert lth_edge("verify", tmp_path / "back").code == 0
    assert (tmp_path / "p.lthe").stat().st_size < (folder / "package.zip").stat().st_size
