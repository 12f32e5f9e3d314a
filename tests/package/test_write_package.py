import dataclasses
import errno
import json
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from pets_network import PIXELS, save_two_inputs

from lth_edge.convert.model_file import save_model
from lth_edge.convert.standard import to_standard
from lth_edge.errors import DamagedError, InputError, ProofError, StorageError
from lth_edge.package import write
from lth_edge.package.manifest import MANIFEST, Manifest
from lth_edge.package.write import write_package, zip_path
from lth_edge.runtime.library import library_path, this_machine

FILES = {
    "model.onnx", "fallback.onnx", "manifest.json", "SHA256SUMS", "test_vector.npz", "run.py", "README.md",
    "LICENSE-runner",
}  # fmt: skip


def test_folder_and_zip_hold_the_same_files(package):
    in_folder = {file.name: file.read_bytes() for file in package.iterdir()}
    with zipfile.ZipFile(zip_path(package)) as archive:
        in_zip = {name: archive.read(name) for name in archive.namelist()}
        assert archive.namelist() == sorted(FILES)
    assert in_folder == in_zip
    assert set(in_folder) == FILES


def test_the_manifest_on_disk_is_the_one_returned(tmp_path, contents):
    manifest = write_package(tmp_path / "out", contents)
    assert Manifest.from_json((tmp_path / "out" / MANIFEST).read_bytes()) == dataclasses.replace(
        manifest, metric=dict(manifest.metric)
    )
    assert [(t.name, t.dtype, t.shape) for t in manifest.inputs] == [("pixels", "uint8", (None, 2, 3))]
    assert [(t.name, t.dtype, t.shape) for t in manifest.outputs] == [("scores", "float32", (None, 3))]
    assert manifest.oldest_onnxruntime == "1.14"
    assert manifest.licenses.runner == "MIT-0"


def test_a_model_that_decodes_a_stream_asks_for_a_release_that_it_is_proved_with(tmp_path, contents):
    """onnxruntime 1.15 refuses such a graph, 1.16 computes something else."""
    random = np.random.default_rng(0)
    mask = random.random((3, 6000)) < 0.1
    weight = np.where(mask, random.choice([-0.5, 0.25], mask.shape), 0).astype(np.float32)
    nodes = [helper.make_node("Gemm", ["pixels", "weight"], ["scores"], transB=1)]
    sides = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", width]) for name, width in
             (("pixels", 6000), ("scores", 3))]  # fmt: skip
    graph = helper.make_graph(nodes, "wide", sides[:1], sides[1:], [numpy_helper.from_array(weight, "weight")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    save_model(model, tmp_path / "dense.onnx")
    save_model(to_standard(model, {"weight": mask}), tmp_path / "ticket.onnx")
    pixels = random.normal(size=(2, 6000)).astype(np.float32)
    vector = {"inputs": {"pixels": pixels}, "outputs": {"scores": pixels @ weight.T}, "labels": ("a", "b", "c")}
    for name, oldest in (("dense", "1.14"), ("ticket", "1.20")):
        model = tmp_path / f"{name}.onnx"
        manifest = write_package(
            tmp_path / name, dataclasses.replace(contents, model=model, fallback=model, tolerance=1e-3, **vector)
        )
        assert manifest.oldest_onnxruntime == oldest


def test_the_zip_is_byte_identical_when_written_twice(tmp_path, contents):
    write_package(tmp_path / "one" / "package", contents)
    write_package(tmp_path / "two" / "package", contents)
    one, two = (zip_path(tmp_path / name / "package").read_bytes() for name in ("one", "two"))
    assert one == two
    with zipfile.ZipFile(zip_path(tmp_path / "one" / "package")) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_zip_of_a_dotted_folder_keeps_its_whole_name(tmp_path):
    assert zip_path(tmp_path / "net-v1.2").name == "net-v1.2.zip"


@pytest.mark.parametrize("copied", [True, False])
def test_a_model_that_is_its_own_fallback_is_stored_once(tmp_path, contents, copied):
    fallback = tmp_path / "copy.onnx" if copied else contents.model
    fallback.write_bytes(contents.model.read_bytes())
    manifest = write_package(tmp_path / "out", dataclasses.replace(contents, fallback=fallback))
    assert manifest.fallback == manifest.model == "model.onnx"
    assert not (tmp_path / "out" / "fallback.onnx").exists()


def test_sha256sum_reads_the_sums(package):
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=package, check=True, capture_output=True)
    assert len((package / "SHA256SUMS").read_text().splitlines()) == len(FILES) - 1


def test_the_readme_says_what_was_measured_and_how_to_run(package):
    text = (package / "README.md").read_text()
    told = ["mlp-pets-0123456789ab", "winning ticket", "`pixels` uint8 [N, 2, 3]", "`fallback.onnx`"]
    measured = ["test accuracy (%) | 97.51 |", "latency (us), batch 1 | 5.25 |"]
    fed = f"unscaled: scaling is inside the model. In the test vector: `pixels` {PIXELS.min()} to {PIXELS.max()}."
    for part in [*told, *measured, fed, "python run.py", "CC-BY-4.0"]:
        assert part in text
    assert len(text.splitlines()) < 45


def test_an_older_package_is_replaced_whole(package, contents):
    (package / "old.txt").write_text("left over")
    write_package(package, dataclasses.replace(contents, name="newer"))
    assert {file.name for file in package.iterdir()} == FILES
    assert json.loads((package / MANIFEST).read_text())["name"] == "newer"


def test_tensors_in_another_order_are_refused(tmp_path, contents):
    save_two_inputs(tmp_path / "two.onnx")
    pair = np.float32([[1, 2]])
    swapped = dataclasses.replace(
        contents,
        model=tmp_path / "two.onnx",
        fallback=tmp_path / "two.onnx",
        inputs={"right": pair, "left": pair},
        outputs={"total": 2 * pair, "larger": np.array([1]), "product": pair * pair},
    )
    with pytest.raises(InputError, match="in this order"):
        write_package(tmp_path / "out", swapped)


def test_a_fallback_with_other_tensors_is_refused(tmp_path, contents):
    save_two_inputs(tmp_path / "two.onnx")
    with pytest.raises(InputError, match=r"two\.onnx has other inputs"):
        write_package(tmp_path / "out", dataclasses.replace(contents, fallback=tmp_path / "two.onnx"))


@pytest.mark.parametrize("wrong", [1.001, np.nan])
def test_outputs_that_the_model_does_not_give_are_refused(tmp_path, contents, wrong):
    outputs = {"scores": contents.outputs["scores"] * np.float32(wrong)}
    with pytest.raises(ProofError, match="off by"):
        write_package(tmp_path / "out", dataclasses.replace(contents, outputs=outputs))
    assert not (tmp_path / "out").exists()


def test_a_looser_tolerance_lets_int8_pass(tmp_path, contents):
    outputs = {"scores": contents.outputs["scores"] * np.float32(1.001)}
    manifest = write_package(tmp_path / "out", dataclasses.replace(contents, outputs=outputs, tolerance=0.01))
    assert manifest.test_vector.tolerance == 0.01


@pytest.mark.parametrize("changes", [{"labels": ("cat", "\x1b[2J")}, {"license_data": "\n"}, {"name": "\ud800"}])
def test_a_text_that_steers_the_terminal_is_refused(tmp_path, contents, changes):
    with pytest.raises(InputError, match="cannot be printed"):
        write_package(tmp_path / "out", dataclasses.replace(contents, **changes))


def test_a_damaged_model_is_refused_before_anything_is_written(tmp_path, contents):
    contents.model.write_bytes(b"not a model")
    with pytest.raises(DamagedError):
        write_package(tmp_path / "out", contents)
    assert not (tmp_path / "out").exists()
    assert not zip_path(tmp_path / "out").exists()


def test_a_full_disk_leaves_neither_half_a_folder_nor_an_older_zip(package, contents, monkeypatch):
    def full(folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(write, "_records", full)
    with pytest.raises(StorageError, match="no space left"):
        write_package(package, contents)
    assert not zip_path(package).exists()
    assert {file.name for file in package.iterdir()} == FILES
    assert {path.name for path in package.parent.glob(".*")} == set()


def test_the_vector_is_kept_as_given(package):
    with np.load(package / "test_vector.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["input_0"], PIXELS)
        assert arrays["input_0"].dtype == np.uint8


def test_a_sparse_model_brings_the_kernels_of_each_target_and_their_licence(sparse_package):
    manifest = Manifest.from_json((sparse_package / MANIFEST).read_bytes())
    kernels = library_path()
    name = f"{kernels.stem}-{this_machine()}{kernels.suffix}"
    assert manifest.libraries == {this_machine(): name, "amiga-m68k": "lth_edge-amiga-m68k.dll"}
    assert {file.name for file in sparse_package.iterdir()} == FILES | {*manifest.libraries.values(), "LICENSE-kernels"}
    assert {*manifest.libraries.values(), "LICENSE-kernels"} <= set(manifest.files)
    assert (sparse_package / name).read_bytes() == kernels.read_bytes()
    assert (manifest.model, manifest.fallback) == ("model.onnx", "fallback.onnx")
    assert manifest.oldest_onnxruntime == "1.20"


def test_the_readme_of_a_sparse_model_says_where_it_runs_and_what_runs_elsewhere(sparse_package):
    text = (sparse_package / "README.md").read_text()
    assert f"-{this_machine()}" in text and f"({this_machine()})" in text
    assert "computes the same with standard operators, more slowly" in text
    assert "Apache-2.0 (`LICENSE-kernels`)" in text


def test_the_licence_of_the_kernels_is_that_of_lth_edge(sparse_package):
    repository = Path(__file__).parents[2]
    assert (sparse_package / "LICENSE-kernels").read_bytes() == (repository / "LICENSE").read_bytes()


def test_a_model_that_needs_kernels_is_no_fallback(tmp_path, sparse_contents):
    with pytest.raises(InputError, match="needs kernels, and is no fallback"):
        write_package(tmp_path / "out", dataclasses.replace(sparse_contents, fallback=sparse_contents.model))
