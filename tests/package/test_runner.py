import ast
import importlib.metadata
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from pets_network import PIXELS, Trap, scores

from lth_edge.package import runner
from lth_edge.package.manifest import MANIFEST, Manifest
from lth_edge.runtime.library import this_machine


def run(package, *arguments, status=0):
    """Standard output and error of the package's runner."""
    command = [sys.executable, package / "run.py", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if status == 0 else done.stderr


@pytest.fixture
def saved(tmp_path):
    def save(array):
        np.save(tmp_path / "input.npy", array)
        return tmp_path / "input.npy"

    return save


def test_self_check(package):
    said = run(package)
    assert "7 files as written" in said
    assert "model.onnx repeats the test vector" in said


def test_self_check_of_the_fallback_and_its_time(package):
    said = run(package, "--fallback", "--time", "--threads", "1")
    assert "fallback.onnx repeats the test vector" in said
    assert "median" in said
    assert "over 100 runs" in said


def test_predictions_carry_labels_best_first(package, saved):
    lines = run(package, saved(PIXELS), "-k", 2).splitlines()
    assert len(lines) == len(PIXELS)
    for index, (line, row) in enumerate(zip(lines, scores(PIXELS), strict=True)):
        best = np.argsort(-row)[:2]
        names = ["cat", "dog", "eel"]
        assert line == f"{index}: " + ", ".join(f"{names[b]} {row[b]:.4g}" for b in best)


def test_one_example_needs_no_batch_axis(package, saved):
    assert run(package, saved(PIXELS[3])) == run(package, saved(PIXELS[3:4]))


def test_several_inputs_come_by_name_from_an_npz(two_inputs, tmp_path):
    np.savez(tmp_path / "in.npz", right=np.float32([1, 1]), left=np.float32([[1, 2]]))
    said = run(two_inputs, tmp_path / "in.npz")
    assert "0: total [2. 3.]" in said
    assert "0: larger 1" in said
    assert "ok" in run(two_inputs)


def test_a_missing_input_is_named(two_inputs, tmp_path, saved):
    np.savez(tmp_path / "in.npz", left=np.float32([[1, 2]]))
    assert "lacks right" in run(two_inputs, tmp_path / "in.npz", status=3)
    assert "takes 2 arrays (left, right), not 1" in run(two_inputs, saved(np.float32([[1, 2]])), status=3)


@pytest.mark.parametrize("shape", [(4, 3, 2), (6,), (1, 4, 2, 3), ()])
def test_a_wrong_shape_is_told_with_the_right_one(package, saved, shape):
    said = run(package, saved(np.zeros(shape, np.uint8)), status=3)
    assert f"pixels must have the shape [N, 2, 3] (N is free), not {list(shape)}" in said


@pytest.mark.parametrize("dtype", [np.float32, "<U3", np.int64, "datetime64[s]"])
def test_a_type_that_does_not_convert_is_told(package, saved, dtype):
    said = run(package, saved(np.zeros((1, 2, 3), np.int64).astype(dtype)), status=3)
    assert "pixels must be uint8" in said


def test_a_narrower_type_is_converted(two_inputs, tmp_path):
    np.savez(tmp_path / "in.npz", right=np.array([1, 1]), left=np.array([1.0, 2.0]))
    assert "0: total [2. 3.]" in run(two_inputs, tmp_path / "in.npz")


def test_inputs_that_cannot_be_read(package, tmp_path, saved):
    assert "cannot read" in run(package, tmp_path / "nothing.npy", status=3)
    for content in (b"", b"hello", b"PK\x03\x04", b"\x93NUMPY"):
        (tmp_path / "bad.npy").write_bytes(content)
        assert "no .npy or .npz file" in run(package, tmp_path / "bad.npy", status=3)


def test_a_pickled_input_is_never_unpickled(package, tmp_path):
    np.save(tmp_path / "pickled.npy", np.array([Trap(tmp_path / "sprung")]), allow_pickle=True)
    assert "no .npy or .npz file" in run(package, tmp_path / "pickled.npy", status=3)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("arguments", [["-k", "0"], ["--threads", "x"], ["--nonsense"]])
def test_a_wrong_command_line(package, arguments):
    assert "usage: run.py" in run(package, *arguments, status=2)


@pytest.mark.parametrize(
    "name", ["model.onnx", "fallback.onnx", "manifest.json", "SHA256SUMS", "test_vector.npz", "README.md"]
)
def test_damage_and_absence_are_found(package, name):
    data = (package / name).read_bytes()
    (package / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert name in run(package, status=6)
    (package / name).unlink()
    assert f"cannot read {name}" in run(package, status=6)


def test_a_damaged_model_never_predicts(package, saved):
    (package / "model.onnx").write_bytes(b"")
    assert "model.onnx does not match" in run(package, saved(PIXELS), status=6)


def test_a_model_that_cannot_be_loaded_gives_way_to_the_fallback(package, forge, saved):
    (package / "model.onnx").write_bytes(b"from a newer onnxruntime")
    forge(package)
    command = [sys.executable, package / "run.py", saved(PIXELS[0])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "using fallback.onnx instead" in done.stderr
    assert done.stdout.startswith("0: ")
    assert "fallback.onnx repeats" in run(package)


def test_no_model_that_loads(package, forge):
    for name in ("model.onnx", "fallback.onnx"):
        (package / name).write_bytes(b"from a newer onnxruntime")
    forge(package)
    assert "loads neither the model nor a fallback" in run(package, status=4)


def test_an_older_onnxruntime_is_refused_before_it_computes_something_else(package, forge, saved):
    forge(package, oldest_onnxruntime="99.0")
    for arguments in ((), ("--fallback",), (saved(PIXELS),)):
        assert "the package needs 99.0 or later" in run(package, *arguments, status=4)


def test_releases_are_compared_as_numbers(package, forge):
    forge(package, oldest_onnxruntime="1.9")
    assert "repeats the test vector" in run(package)


def test_other_outputs_than_recorded(package, forge):
    np.savez(package / "test_vector.npz", input_0=PIXELS, output_0=scores(PIXELS) * np.float32(1.01))
    forge(package)
    assert "off by" in run(package, status=5)


def test_no_number_where_one_was_recorded(two_inputs, forge):
    with np.load(two_inputs / "test_vector.npz") as arrays:
        changed = dict(arrays) | {"output_2": arrays["output_2"] * np.float32(np.nan)}
    np.savez(two_inputs / "test_vector.npz", **changed)
    forge(two_inputs)
    assert "off by" in run(two_inputs, status=5)


def test_load_gives_a_function(package):
    code = (
        "import sys, numpy as np; sys.path.insert(0, sys.argv[1]); sys.dont_write_bytecode = True\n"
        "from run import Problem, load\n"
        "predict = load(threads=1)\n"
        "assert predict(np.zeros((2, 2, 3), np.uint8)).shape == (2, 3)\n"
        "assert predict(np.zeros((2, 3), np.uint8)).shape == (1, 3)\n"
        "assert load(fallback=True).file == 'fallback.onnx'\n"
        "try: predict(np.zeros(7, np.uint8))\n"
        "except Problem as problem: print(problem)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, package], capture_output=True, text=True, check=True)
    assert "[N, 2, 3]" in done.stdout


def test_an_interruption_has_its_exit_code(monkeypatch):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "_act", interrupted)
    assert runner.main([]) == 130


def test_the_runner_parses_on_python_3_9():
    ast.parse(inspect.getsource(runner), feature_version=(3, 9))


def test_without_onnxruntime_the_runner_says_what_to_install(package):
    code = "import runpy, sys; sys.modules['onnxruntime'] = None\nrunpy.run_path(sys.argv[1], run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code, package / "run.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "pip install numpy onnxruntime" in done.stderr


def required(name: str) -> set[str]:
    """A distribution and all that it requires to be installed."""
    found = {name}
    for line in importlib.metadata.requires(name) or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found |= required(requirement.name)
    return found


def link_alone(site: Path, names: set[str]) -> None:
    """Fill `site` with links to the modules of these distributions, and nothing else."""
    site.mkdir()
    for distribution in map(importlib.metadata.distribution, names):
        tops = {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}
        for top in tops:
            if not (site / top).exists():
                (site / top).symlink_to(str(distribution.locate_file(top)))


ALONE = """
import runpy, sys
site, script, *arguments = sys.argv[1:]
sys.path.append(site)
for name in ("torch", "onnx", "lth_edge", "scipy", "safetensors"):
    try:
        __import__(name)
    except ImportError:
        continue
    sys.exit(f"{name} can be imported: this test proves nothing")
sys.argv = [script, *arguments]
runpy.run_path(script, run_name="__main__")
"""


@pytest.mark.parametrize("kind", ["package", "sparse_package"])
def test_the_package_runs_with_numpy_and_onnxruntime_alone(kind, request, tmp_path, saved):
    package = request.getfixturevalue(kind)
    link_alone(tmp_path / "site", required("numpy") | required("onnxruntime"))
    alone = [sys.executable, "-I", "-S", "-c", ALONE, tmp_path / "site", package / "run.py"]
    checked = subprocess.run(alone, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert "instead" not in checked.stderr
    assert "model.onnx repeats the test vector" in checked.stdout
    predicted = subprocess.run([*alone, saved(PIXELS)], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert predicted.stdout == run(package, saved(PIXELS))


def test_a_sparse_model_runs_in_the_kernels_that_the_package_brings(sparse_package, package, saved):
    assert "ok: 10 files as written" in run(sparse_package)
    assert "model.onnx repeats the test vector" in run(sparse_package, "--threads", "2")
    assert "fallback.onnx repeats the test vector" in run(sparse_package, "--fallback")
    assert run(sparse_package, saved(PIXELS)) == run(package, saved(PIXELS))


def falls_back(package):
    """What the runner says on stderr where it must use the fallback."""
    done = subprocess.run([sys.executable, package / "run.py"], capture_output=True, text=True, check=True)
    assert "using fallback.onnx instead" in done.stderr
    assert "fallback.onnx repeats the test vector" in done.stdout
    return done.stderr


def test_a_machine_that_the_package_has_no_kernels_for_uses_the_fallback(sparse_package, forge):
    forge(sparse_package, libraries={"amiga-m68k": "lth_edge-amiga-m68k.dll"})
    assert f"this package has none for {this_machine()}" in falls_back(sparse_package)


def kernels_of(package):
    return package / Manifest.from_json((package / MANIFEST).read_bytes()).libraries[this_machine()]


def test_kernels_that_do_not_load_give_way_to_the_fallback(sparse_package, forge):
    kernels_of(sparse_package).write_bytes(b"of another machine")
    forge(sparse_package)
    assert "cannot load model.onnx" in falls_back(sparse_package)


@pytest.mark.parametrize("content", [b"damaged", None])
def test_damaged_kernels_are_never_loaded(sparse_package, saved, content):
    kernels = kernels_of(sparse_package)
    kernels.unlink()
    if content is not None:
        kernels.write_bytes(content)
    assert kernels.name in run(sparse_package, saved(PIXELS), status=6)


@pytest.mark.parametrize("system", ["Linux", "Android", "Darwin", "Windows", "FreeBSD"])
@pytest.mark.parametrize("machine", ["x86_64", "AMD64", "aarch64", "arm64", "riscv64"])
def test_machines_have_the_names_that_packages_give_them(monkeypatch, system, machine):
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert runner._machine() == this_machine()
