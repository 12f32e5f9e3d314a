import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from lth_edge.errors import InputError
from lth_edge.runtime import library
from lth_edge.runtime.library import library_path, this_machine
from lth_edge.runtime.session import session

TARGETS = ["linux-x86_64", "linux-aarch64", "macos-arm64", "macos-x86_64", "windows-x86_64"]


@pytest.fixture
def sparse(tmp_path):
    """A model that holds an operator of ours, though not one that can run."""
    node = helper.make_node("SparseLinear", ["x"], ["y"], domain="lth_edge")
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy")
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("lth_edge", 1)]
    onnx.save(
        helper.make_model(helper.make_graph([node], "sparse", [x], [y]), opset_imports=opsets, ir_version=8),
        tmp_path / "sparse.onnx",
    )
    return tmp_path / "sparse.onnx"


@pytest.fixture
def plain(tmp_path):
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "plain", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(model, tmp_path / "plain.onnx")
    return tmp_path / "plain.onnx"


def test_this_machine_has_its_library():
    assert library_path() == library_path(this_machine())
    assert library_path().is_file()


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_has_a_path_of_its_own(monkeypatch, tmp_path, target):
    monkeypatch.setattr(library, "_FOLDER", tmp_path)
    with pytest.raises(InputError, match=f"lacks the sparse kernels for {target}: .*{target}") as caught:
        library_path(target)
    assert "install lth-edge again" in caught.value.mend
    assert "tools/build_kernels.py" in caught.value.mend


@pytest.mark.parametrize(("target", "mend"), [("linux-x86", "did you mean 'linux-x86_64'"), ("amiga", "known: linux")])
def test_unknown_targets_are_told_the_known_ones(target, mend):
    with pytest.raises(InputError, match=f"no sparse kernels for {target}") as caught:
        library_path(target)
    assert mend in caught.value.mend


@pytest.mark.parametrize(
    ("system", "machine", "target"),
    [
        ("Linux", "x86_64", "linux-x86_64"),
        ("Linux", "aarch64", "linux-aarch64"),
        ("Android", "aarch64", "linux-aarch64"),
        ("Darwin", "arm64", "macos-arm64"),
        ("Darwin", "x86_64", "macos-x86_64"),
        ("Windows", "AMD64", "windows-x86_64"),
        ("FreeBSD", "riscv64", "freebsd-riscv64"),
    ],
)
def test_machines_are_known_by_their_targets(monkeypatch, system, machine, target):
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert this_machine() == target


def test_without_kernels_only_sparse_models_are_refused(monkeypatch, tmp_path, plain, sparse):
    monkeypatch.setattr(library, "_FOLDER", tmp_path)
    x = np.array([2.0], np.float32)
    np.testing.assert_array_equal(session(plain).run(None, {"x": x})[0], -x)
    with pytest.raises(InputError, match=r"sparse\.onnx has sparse layers, and this installation lacks"):
        session(sparse)


def test_a_library_that_cannot_be_loaded_matters_to_sparse_models_alone(monkeypatch, tmp_path, plain, sparse):
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"not a library")
    monkeypatch.setattr("lth_edge.runtime.session.library_path", lambda: broken)
    session(plain)
    with pytest.raises(InputError, match="has sparse layers, and onnxruntime cannot load their kernels"):
        session(sparse)


def test_neither_torch_nor_onnx_is_needed(plain):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'onnx', 'scipy']))\n"
        "import lth_edge; print(lth_edge.library_path()); lth_edge.session(sys.argv[1])"
    )
    command = [sys.executable, "-c", code, str(plain)]
    done = subprocess.run(command, cwd=plain.parent, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == str(library_path())
