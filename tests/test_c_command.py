"""`lth-edge package --target c` on real runs: an MLP and a convolutional network on digits."""

import json
import re
import shutil

import numpy as np
import onnxruntime
import pytest
from c_digits import digits_test, predictions
from command import QUICK, lth_edge, start

PRECISIONS = [("fp32", "fp32"), ("int8", "fp32"), ("int8", "int8")]


@pytest.fixture(scope="module")
def conv_run(tmp_path_factory):
    """A convolutional network, pruned a little, whose accuracy does not matter."""
    folder = tmp_path_factory.mktemp("conv") / "run"
    options = ["--model", "conv-2", "--steps", "20", "--levels", "2", "--prune-rate", "0.6", "--tolerance", "90"]
    process = start("compress", *options, *QUICK, "--out", folder)
    _, said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    return folder


def write(run, out, *options):
    done = lth_edge("package", run, "--target", "c", "-o", out, *options)
    assert done.code == 0, done.stderr
    return done.stdout, json.loads((out / "c" / "sizes.json").read_text())


@pytest.mark.parametrize("precision", PRECISIONS, ids="-".join)
@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_a_run_becomes_a_program_that_predicts_what_onnxruntime_does(request, tmp_path, network, precision):
    run = request.getfixturevalue("finished").folder if network == "mlp" else request.getfixturevalue("conv_run")
    values, activations = precision
    _, sizes = write(run, tmp_path, "--values", values, "--activations", activations)
    images = digits_test(200)
    expected = onnxruntime.InferenceSession(run / "files" / "ticket.onnx").run(None, {"input": images})[0]
    got = predictions(tmp_path / "c", sizes, images)
    if activations == "fp32":
        limit = 1e-5 if values == "fp32" else 0.03
        assert np.abs(got - expected).max() <= limit * np.abs(expected).max()
    same = (got.argmax(axis=1) == expected.argmax(axis=1)).mean()
    assert same >= (1.0 if values == "fp32" else 0.98)


def test_the_bytes_are_printed_beside_those_of_every_weight(conv_run, tmp_path):
    said, sizes = write(conv_run, tmp_path / "sparse")
    _, dense = write(conv_run, tmp_path / "dense", "--dense")
    assert sizes["dense"] == dense["written"] == dense["dense"]
    assert sizes["written"]["data"] < 0.6 * dense["written"]["data"]
    for part in ("data", "arena"):
        assert f"{sizes['written'][part]:,}" in said and f"{dense['written'][part]:,}" in said
    assert re.search(r"takes 2\.\d\d bytes with its gap .* pays from 5\d% zeros on, and \d\d\.\d% are zero", said)
    readme = (tmp_path / "sparse" / "c" / "README.md").read_text()
    assert said.splitlines()[-2] in readme


def test_the_same_command_gives_the_same_files_in_place_of_the_old(finished, tmp_path):
    write(finished.folder, tmp_path)
    before = {file.name: file.read_bytes() for file in (tmp_path / "c").iterdir()}
    write(finished.folder, tmp_path)
    assert before == {file.name: file.read_bytes() for file in (tmp_path / "c").iterdir()}


def test_a_folder_with_other_files_is_left_alone(finished, tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "thesis.tex").write_text("years of work")
    done = lth_edge("package", finished.folder, "--target", "c", "-o", tmp_path)
    assert done.code == 3 and "thesis.tex" in done.said[0]
    assert [file.name for file in (tmp_path / "c").iterdir()] == ["thesis.tex"]


def test_no_run_is_an_error_that_says_so(tmp_path):
    done = lth_edge("package", tmp_path, "--target", "c", "-o", tmp_path)
    assert done.code == 3 and "neither a run nor a package" in done.said[0]
    assert not (tmp_path / "c").exists()


def test_an_unfinished_run_is_refused(finished, tmp_path):
    (tmp_path / "run").mkdir()
    shutil.copy(finished.folder / "run.json", tmp_path / "run" / "run.json")
    done = lth_edge("package", tmp_path / "run", "--target", "c", "-o", tmp_path)
    assert done.code == 3 and "found no ticket" in done.said[0]


def test_without_a_compiler_code_bytes_are_unknown(finished, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    said, sizes = write(finished.folder, tmp_path)
    assert sizes["written"]["code"] == sizes["dense"]["code"] == "unknown"
    assert "unknown" in said and sizes["written"]["data"] > 0
