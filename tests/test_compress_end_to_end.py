"""The main job on digits, as one command: what it leaves behind, and that what it leaves is true."""

import csv
import fcntl
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from command import Done, Finished, lth_edge
from onnx import helper, numpy_helper

from lth_edge import Report, Ticket, session
from lth_edge.recipe import Recipe
from lth_edge.sparse.csr import load_csr
from lth_edge.ticket import Array

TICKET = {"mask.safetensors", "weights.safetensors", "end.safetensors", "ticket.json"}
REWIND = {"start.safetensors", "state.safetensors"}


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_it_ends_well_and_says_the_verdicts(finished: Finished) -> None:
    assert finished.done.code == 0, finished.done.stderr
    assert "Traceback" not in finished.done.stderr
    assert "recommendation" in finished.done.stdout


def test_the_folder_holds_exactly_the_documented_tree(finished: Finished) -> None:
    chosen = finished.report["chosen"]["level"]
    levels = ["level-00", "level-01", "level-02", "level-03", *(f"level-{chosen:02d}-{c}" for c in CONTROLS)]
    expected = {f"seed-{s}/{level}/{file}" for s in (0, 1) for level in levels for file in TICKET}
    expected |= {f"seed-{s}/level-00/{file}" for s in (0, 1) for file in REWIND}
    expected |= {f"files/{name}" for name in ("dense.onnx", "int8.onnx", "ticket.onnx", "ticket.csr.safetensors")}
    expected |= {"files/ticket.sparse.onnx"} if "sparse" not in finished.report["missing_forms"] else set()
    expected |= {"recipe.toml", "run.json", "test.json", "report.json", "report.md", "report.html", "tickets.csv"}
    expected |= {"package.zip"}
    package = {"manifest.json", "SHA256SUMS", "model.onnx", "run.py", "test_vector.npz", "README.md", "LICENSE-runner"}
    if finished.report["package"]["form"] == "sparse":
        package |= {"fallback.onnx", "LICENSE-kernels", *kernels_in(finished.folder / "package")}
    assert files_below(finished.folder) - {".lock"} == expected | {f"package/{name}" for name in package}


def kernels_in(package: Path) -> set[str]:
    return set(json.loads((package / "manifest.json").read_text())["libraries"].values())


CONTROLS = ("reinit", "random-mask")


def test_the_report_loads_and_answers_every_question(finished: Finished) -> None:
    report = Report.load(finished.folder / "report.json").content
    questions = [verdict["question"] for verdict in report["verdicts"]]
    assert questions[0] == "recommendation"
    assert {"size", "memory", "latency", "accuracy", "controls", "test set"} <= set(questions)
    assert all(verdict["answer"] for verdict in report["verdicts"])
    assert report["kind"] == "winning ticket"


def test_the_ticket_file_is_smaller_than_the_dense_file(finished: Finished) -> None:
    dense, ticket = (finished.folder / "files" / f"{form}.onnx" for form in ("dense", "ticket"))
    assert ticket.stat().st_size < 0.9 * dense.stat().st_size
    onnx.checker.check_model(onnx.load(ticket), full_check=True)


def test_a_flag_wins_over_the_recipe_and_the_rest_of_the_recipe_holds(finished: Finished) -> None:
    used = Recipe.from_toml(finished.folder / "recipe.toml")
    assert (used.find.levels, used.find.seeds, used.train.steps) == (3, (0, 1), 200)
    assert max(row["level"] for row in finished.report["levels"]) == 3


def test_every_level_and_control_of_every_seed_is_in_the_report(finished: Finished) -> None:
    rows = {(row["seed"], row["level"], row["control"]) for row in finished.report["levels"]}
    chosen = finished.report["chosen"]["level"]
    assert rows == {(s, n, "") for s in (0, 1) for n in range(4)} | {(s, chosen, c) for s in (0, 1) for c in CONTROLS}
    assert all(point["difference"]["n"] == 2 for point in finished.report["curve"])


def test_tickets_csv_holds_a_row_for_each_of_them(finished: Finished) -> None:
    rows = list(csv.DictReader((finished.folder / "tickets.csv").open()))
    assert len(rows) == len(finished.report["levels"])
    assert {row["control"] for row in rows} == {"", *CONTROLS}
    assert {row["method"] for row in rows} == {"iterative-layer-rewind-0"}


def test_the_network_has_learnt_digits(finished: Finished) -> None:
    """Chance is 10 %: a pipeline that mixes up labels, splits or weights would stay there."""
    assert all(form["test_metric"] > 80 for form in finished.report["forms"])
    assert all(row["test_metric"] > 80 for row in finished.report["levels"] if not row["control"])


def test_the_test_set_was_opened_once_and_after_all_else(finished: Finished) -> None:
    assert finished.report["task"]["test_reads"] == 1
    news = finished.done.stderr.splitlines()
    opened = [i for i, line in enumerate(news) if line.startswith("test set: opened")]
    assert opened == [len(news) - 1]


def test_a_ticket_shares_its_initialisation_with_the_dense_network(finished: Finished) -> None:
    """The reported accuracy is that of the shipped weights, which are zero wherever the mask prunes."""
    ticket = Ticket.load(finished.chosen)
    assert ticket.mask.sparsity == pytest.approx(finished.report["chosen"]["sparsity"])
    assert ticket.facts["rewind_step"] == 0 and ticket.facts["steps"] == 200


def weight_in_file(path: Path, name: str) -> Any:
    """A weight as onnxruntime computes it from the file."""
    model = onnx.load(path)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    if name in constants:
        return constants[name]
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    changed = path.with_name(f"read-{path.name}")
    onnx.save(model, changed)
    running = session(changed)
    return running.run(None, {i.name: np.zeros((1, *i.shape[1:]), np.float32) for i in running.get_inputs()})[0]


def test_csr_file_and_onnx_file_hold_the_tickets_weights_bit_for_bit(finished: Finished, tmp_path: Path) -> None:
    """In another order of units: each keeps its weights, and of what the first layer reads their places as well."""
    ticket = Ticket.load(finished.chosen)
    shutil.copy(finished.folder / "files" / "ticket.onnx", tmp_path)
    stored = load_csr(finished.folder / "files" / "ticket.csr.safetensors")
    assert {name.removesuffix(".T") for name in stored} == set(ticket.mask)
    for name, (matrix, shape) in stored.items():
        weight, kept = ticket.weights[name.removesuffix(".T")], ticket.mask[name.removesuffix(".T")]
        dense = matrix.to_dense().reshape(shape)
        assert weight_in_file(tmp_path / "ticket.onnx", name).tobytes() == dense.tobytes()
        units = dense.T if name.endswith(".T") else dense
        assert units.shape == weight.shape and matrix.nnz == kept.sum()
        assert fingerprints(units) == fingerprints(weight)
        if name.removesuffix(".T") == next(iter(ticket.mask)):
            assert sorted(map(bytes, units)) == sorted(map(bytes, weight))


def fingerprints(weight: Array) -> list[list[int]]:
    """The bits of each unit's weights, units and weights in an order that no reordering changes."""
    return sorted(np.sort(np.ascontiguousarray(weight).view(np.uint32), axis=1).tolist())


@pytest.mark.parametrize("name", ["package", "package.zip"])
def test_the_package_verifies(finished: Finished, name: str) -> None:
    done = lth_edge("verify", finished.folder / name)
    assert done.code == 0, done.stderr
    assert "model.onnx: gives the recorded outputs" in done.stdout


def total(done: Done) -> list[str]:
    assert done.code == 0, done.stderr
    return done.stdout.splitlines()[-1].split()[1:]


def test_inspect_prints_the_same_sparsity_for_run_ticket_and_onnx_file(finished: Finished) -> None:
    ticket = Ticket.load(finished.chosen)
    counts = [f"{ticket.mask.size:,}", f"{ticket.mask.kept:,}", f"{ticket.mask.sparsity:.2%}"]
    for path in (finished.folder, finished.chosen, finished.folder / "files" / "ticket.onnx"):
        assert total(lth_edge("inspect", path)) == counts


def test_inspect_reads_a_package_as_folder_and_as_zip(finished: Finished) -> None:
    model = total(lth_edge("inspect", finished.folder / "package" / "model.onnx"))
    assert total(lth_edge("inspect", finished.folder / "package")) == model
    assert total(lth_edge("inspect", finished.folder / "package.zip")) == model


def test_the_zip_holds_the_folder(finished: Finished) -> None:
    with zipfile.ZipFile(finished.folder / "package.zip") as archive:
        unpacked = {name: archive.read(name) for name in archive.namelist()}
    folder = finished.folder / "package"
    assert unpacked == {name: (folder / name).read_bytes() for name in files_below(folder)}


def test_a_dry_run_prints_the_forecast_and_writes_nothing(here: Path) -> None:
    done = lth_edge("compress", "--model-arg", "hidden=48", "--steps", "60", "--dry-run")
    assert done.code == 0, done.stderr
    assert "exported and proved" in done.stdout and "s a level" in done.stdout
    assert "forecast: dense takes" in done.stdout and "forecast: int8 takes" in done.stdout
    assert "forecast: sparse with 90.0% zeros (random mask) takes" in done.stdout
    assert "network: mlp on digits, seeds 0" in done.stdout and ", new" in done.stdout
    assert list(here.iterdir()) == []


def test_a_dry_run_refuses_the_folder_that_a_run_would_refuse(here: Path, finished: Finished) -> None:
    (here / "notes.txt").write_text("mine")
    done = lth_edge("compress", "--steps", "60", "--dry-run", "--out", here)
    assert done.code == 2 and "holds other files" in done.stderr
    done = lth_edge("compress", "--steps", "61", "--dry-run", "--out", finished.folder)
    assert done.code == 2 and "belongs to another recipe" in done.stderr
    done = lth_edge("compress", "--steps", "60", "--dry-run", "--out", here / "notes.txt")
    assert done.code == 7 and "notes.txt: Not a directory" in done.stderr


def test_a_dry_run_tells_what_is_finished_and_waits_for_no_other_process(finished: Finished) -> None:
    done = lth_edge("compress", *finished.arguments, "--dry-run", "--out", finished.folder)
    assert done.code == 0, done.stderr
    controls = len(list(finished.folder.glob("seed-*/level-*-*")))
    assert controls > 0
    assert f"which has 8 finished levels and {controls} controls, not to be trained again" in done.stdout
    with (finished.folder / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = lth_edge("compress", *finished.arguments, "--dry-run", "--out", finished.folder)
    assert done.code == 2 and "another process works in" in done.stderr
