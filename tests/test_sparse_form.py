"""The ticket in lth-edge's own kernels: written, proved, measured, shipped and inspected with all other forms."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from command import QUICK, Done, Finished, lth_edge
from onnx import numpy_helper

from lth_edge import Ticket, session, verify_package
from lth_edge.convert.sparse_layers import OPERATORS
from lth_edge.errors import InputError
from lth_edge.export.onnx_export import Exported
from lth_edge.forms import write_sparse
from lth_edge.package.ship import ship
from lth_edge.runtime import library
from lth_edge.runtime.library import library_path

PRUNED = ("--model-arg", "hidden=48", "--steps", 60, "--levels", 1, "--prune-rate", 0.9, "--tolerance", 100, *QUICK)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """One level of nine tenths zeros, whatever becomes of the accuracy."""
    folder = tmp_path_factory.mktemp("pruned") / "run"
    return Finished(folder, (), lth_edge("compress", *PRUNED, "--prefer", "latency", "--out", folder))


def row(rows: list[dict[str, Any]], form: str, key: str = "form") -> dict[str, Any]:
    return next(entry for entry in rows if entry[key] == form)


def operators(path: Path) -> set[str]:
    return {f"{node.domain}.{node.op_type}" for node in onnx.load(path).graph.node}


def test_compress_writes_the_ticket_for_the_kernels_and_proves_it(run: Finished) -> None:
    assert run.done.code == 0, run.done.stderr
    assert "sparse" not in run.report["missing_forms"]
    assert operators(run.folder / "files" / "ticket.sparse.onnx") & set(OPERATORS)
    proof = row(run.report["proof"]["forms"], "sparse")
    assert proof["max_error"] <= proof["limit"] == 1e-5


def test_its_accuracy_is_that_of_the_ticket_on_validation_and_test_data(run: Finished) -> None:
    ticket, sparse = (row(run.report["forms"], form, "name") for form in ("ticket", "sparse"))
    for key in ("validation_metric", "test_metric", "recall"):
        assert sparse[key] == ticket[key]
    assert run.report["task"]["test_reads"] == 1


def test_it_is_measured_beside_the_others(run: Finished) -> None:
    measured = run.report["measurements"]
    for part in ("latency", "load", "memory"):
        assert {entry["form"] for entry in measured[part]} == {"dense", "int8", "ticket", "sparse"}
    assert {entry["batch"] for entry in measured["latency"] if entry["form"] == "sparse"} == {1, 32}
    assert "sparse" in row(run.report["verdicts"], "latency", "question")["answer"]


def test_the_sizes_count_its_kernels_too(run: Finished) -> None:
    sizes = {entry["form"]: entry["bytes"] for entry in run.report["sizes"]}
    bytes = (run.folder / "files" / "ticket.sparse.onnx").stat().st_size
    kernels = library_path().stat().st_size
    assert sizes["ticket.sparse.onnx"] == bytes
    assert sizes["ticket.sparse.onnx and kernels"] == bytes + kernels
    assert row(run.report["forms"], "sparse", "name")["kernels_bytes"] == kernels
    assert sizes["package.zip"] == (run.folder / "package.zip").stat().st_size


def test_the_forecast_tells_the_gain_before_the_first_level(run: Finished) -> None:
    gain = run.report["forecast"]["gain"]
    told = f"forecast: sparse with {gain['sparsity']:.1%} zeros (random mask) takes"
    assert told in run.done.stderr.partition("seed 0, level 0")[0]
    assert [form["form"] for form in gain["forms"]] == ["dense", "int8", "sparse"]
    assert gain["sparsity"] == pytest.approx(run.report["chosen"]["sparsity"], abs=0.001)
    forms = {form["form"]: form for form in gain["forms"]}
    assert 0 < forms["sparse"]["bytes"] < forms["dense"]["bytes"]
    assert forms["sparse"]["speedup"]["low"] <= forms["sparse"]["speedup"]["median"]


def test_inspect_reads_the_tickets_sparsity_from_it(run: Finished) -> None:
    mask = Ticket.load(run.chosen).mask
    done = lth_edge("inspect", run.folder / "files" / "ticket.sparse.onnx")
    assert done.code == 0, done.stderr
    assert done.stdout.splitlines()[-1].split()[1:] == [f"{mask.size:,}", f"{mask.kept:,}", f"{mask.sparsity:.2%}"]


@pytest.fixture(scope="module")
def shipped(run: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of its package, whichever form the figures of this machine chose."""
    folder = tmp_path_factory.mktemp("shipped")
    paths = {form["name"]: run.folder / "files" / form["file"] for form in run.report["forms"]}
    (given,) = session(paths["dense"]).get_inputs()
    inputs = np.random.default_rng(0).random((3, *given.shape[1:]), np.float32)
    section = ship(folder, run.report, "sparse", paths, {given.name: inputs}, ("unknown", "unknown"))
    assert section["bytes"] == (folder / "package.zip").stat().st_size
    return folder / "package"


def test_its_package_holds_kernels_and_the_standard_ticket_as_fallback(run: Finished, shipped: Path) -> None:
    manifest = json.loads((shipped / "manifest.json").read_text())
    assert {library.this_machine()} <= set(manifest["libraries"]) <= {library.this_machine(), "linux-aarch64"}
    assert (shipped / manifest["fallback"]).read_bytes() == (run.folder / "files" / "ticket.onnx").read_bytes()
    assert operators(shipped / manifest["model"]) & set(OPERATORS)
    assert manifest["kind"] == "winning ticket"


def test_its_package_verifies_and_runs(shipped: Path) -> None:
    assert set(verify_package(shipped).errors) == {"model.onnx", "fallback.onnx"}
    for path in (shipped, shipped.with_name("package.zip")):
        done = lth_edge("verify", path)
        assert done.code == 0, done.stderr
        assert "model.onnx: gives the recorded outputs" in done.stdout
        assert "fallback.onnx: gives the recorded outputs" in done.stdout
    ran = subprocess.run([sys.executable, shipped / "run.py"], capture_output=True, text=True, check=True)
    assert "model.onnx repeats the test vector" in ran.stdout and not ran.stderr


def test_verify_says_what_it_cannot_replay(shipped: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(library, "_FOLDER", tmp_path)
    done = lth_edge("verify", shipped)
    assert done.code == 0, done.stderr
    assert "model.onnx: not replayed: this installation lacks the sparse kernels" in done.stdout


def compressed(folder: Path, *arguments: Any) -> Done:
    return lth_edge("compress", *PRUNED, *arguments, "--out", folder)


def test_coded_weights_are_proved_shipped_and_smaller(run: Finished, tmp_path: Path) -> None:
    done = compressed(tmp_path / "run", "--prefer", "size", "--sparse-weights", "best")
    assert done.code == 0, done.stderr
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    proof = row(report["proof"]["forms"], "sparse")
    assert proof["max_error"] <= proof["limit"]
    plain, coded = (folder / "files" / "ticket.sparse.onnx" for folder in (run.folder, tmp_path / "run"))
    assert coded.stat().st_size < 0.9 * plain.stat().st_size
    assert row(report["forms"], "sparse", "name")["validation_metric"] is not None
    assert lth_edge("verify", tmp_path / "run" / "package.zip").code == 0


def test_where_nothing_pays_there_is_none_and_the_report_says_why(here: Path) -> None:
    assert compressed(here / "run", "--prune-rate", 0.1).code == 0
    report = json.loads((here / "run" / "report.json").read_text())
    assert "no layer gains by sparse kernels: the sparsest" in report["missing_forms"]["sparse"]
    assert "sparse" not in {form["name"] for form in report["forms"]}
    assert not (here / "run" / "files" / "ticket.sparse.onnx").exists()
    for name in ("report.md", "report.html"):
        assert "There is no sparse file: no layer gains" in (here / "run" / name).read_text()


def test_where_there_are_no_kernels_the_run_ends_without_the_form(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_FOLDER", here / "nothing")
    done = compressed(here / "run")
    assert done.code == 0, done.stderr
    assert "forecast: no sparse file: sparse kernels do not run on this machine" in done.stderr
    report = json.loads((here / "run" / "report.json").read_text())
    assert f"do not run on this machine ({library.this_machine()})" in report["missing_forms"]["sparse"]
    assert report["package"]["form"] != "sparse"
    assert not list((here / "run" / "files").glob("*.sparse.onnx"))


def exported(weight: Any, kept: Any) -> Exported:
    """y = x @ weight."""
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    values = [
        onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ["N", s])
        for n, s in zip("xy", weight.shape, strict=True)
    ]
    graph = onnx.helper.make_graph([node], "g", values[:1], values[1:], [numpy_helper.from_array(weight, "w")])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8)
    return Exported(model, {"w": kept})


def test_the_mask_decides_and_zeros_that_it_keeps_are_stored(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kept = rng.random((64, 32)) < 0.1
    weight = np.where(kept, rng.standard_normal((64, 32)), 0).astype(np.float32)
    weight[tuple(np.argwhere(kept)[0])] = 0
    write_sparse(exported(weight, kept), tmp_path / "sparse.onnx")
    arrays = {t.name: numpy_helper.to_array(t) for t in onnx.load(tmp_path / "sparse.onnx").graph.initializer}
    data = next(array for name, array in arrays.items() if name.endswith(".data"))
    assert data.size == kept.sum() and np.count_nonzero(data) == kept.sum() - 1


def test_a_model_of_no_known_layer_has_no_sparse_form(tmp_path: Path) -> None:
    dense = np.ones((8, 8), np.float32)
    with pytest.raises(InputError, match="the sparsest, w, is left dense"):
        write_sparse(exported(dense, np.ones((8, 8), bool)), tmp_path / "sparse.onnx")
    assert not list(tmp_path.iterdir())
