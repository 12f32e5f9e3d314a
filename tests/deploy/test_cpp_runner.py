"""The C++ runner, compiled as its README says and run beside the Python one; tools/check_arm64.py runs it on Arm."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from digits_package import digits

CPP = Path(__file__).parents[2] / "deploy" / "cpp"
HEADERS = [
    Path(os.environ.get("ONNXRUNTIME_INCLUDE", "/usr/include/onnxruntime")),
    *(Path.home() / ".cache" / "lth-edge" / "arm64").glob("*/root/usr/include/onnxruntime"),
]
SANITIZED = "-O1 -fsanitize=address,undefined -fno-sanitize-recover=all"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runner, built to stop at any wrong step of memory or arithmetic."""
    for tool in ("make", "g++"):
        if not shutil.which(tool):
            pytest.skip(f"there is no {tool}")
    headers = next((folder for folder in HEADERS if (folder / "onnxruntime_c_api.h").is_file()), None)
    if headers is None:
        pytest.skip("there is no onnxruntime_c_api.h: set ONNXRUNTIME_INCLUDE, or run tools/check_arm64.py once")
    place = Path(shutil.copytree(CPP, tmp_path_factory.mktemp("cpp") / "cpp"))
    made = ["make", "-C", place, f"INCLUDE={headers}", f"CXXFLAGS={SANITIZED}"]
    subprocess.run(made, check=True, capture_output=True)
    return place / "run"


@pytest.fixture
def run(program: Path) -> Callable[..., str]:
    """Runs it with the onnxruntime of the installed wheel; what it says on standard output, or on error."""
    library = next((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so*"), None)
    if library is None:
        pytest.skip("this onnxruntime has no libonnxruntime.so")

    def run(*arguments: object, status: int = 0, or_any_of: Collection[int] = ()) -> str:
        command = [program, "--onnxruntime", library, *map(str, arguments)]
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}  # onnxruntime keeps what it has until the end
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        assert done.returncode in {status, *or_any_of}, (done.returncode, done.stdout, done.stderr)
        return done.stdout if done.returncode == 0 else done.stderr

    return run


@pytest.fixture
def package(device_package: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(device_package, tmp_path / "package"))


@pytest.mark.parametrize("file", ["model.onnx", "fallback.onnx"])
def test_it_repeats_the_test_vector(run: Callable[..., str], package: Path, file: str) -> None:
    options = ["--fallback"] if file == "fallback.onnx" else []
    said = run(package, "--time", *options)
    assert f"ok: {file} repeats the test vector, largest error " in said
    assert "us over 100 runs, threads: 1" in said


@pytest.mark.parametrize("spoken", ["npy", "raw"])
def test_real_digits_get_the_line_that_run_py_prints(
    run: Callable[..., str], package: Path, tmp_path: Path, spoken: str
) -> None:
    images = digits()[0][:50]
    np.save(tmp_path / "images.npy", images)
    (tmp_path / "images.raw").write_bytes(images.tobytes())
    command = [sys.executable, package / "run.py", tmp_path / "images.npy", "-k", "2"]
    expected = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    said = run(package, tmp_path / f"images.{spoken}", "-k", "2", "--threads", "2").splitlines()
    assert len(said) == len(expected) == 50
    assert [line.split(":")[0:1] + line.split()[1::2] for line in said] == [
        line.split(":")[0:1] + line.split()[1::2] for line in expected
    ]
    for line, wanted in zip(said, expected, strict=True):
        numbers, right = ([float(word.strip(",")) for word in text.split()[2::2]] for text in (line, wanted))
        np.testing.assert_allclose(numbers, right, rtol=2e-3)


def test_one_example_needs_no_batch_axis(run: Callable[..., str], package: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", digits()[0][0])
    np.save(tmp_path / "batch.npy", digits()[0][:1])
    assert run(package, tmp_path / "one.npy") == run(package, tmp_path / "batch.npy")


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((2, 63), "f4"), "image must have the shape [N, 64] (N is free), not [2, 63]"),
        (np.zeros((2, 64), "f8"), "image must be float32, not float64"),
        (np.zeros((2, 64), "c16"), "of a type that is not read here"),
        (np.asfortranarray(np.zeros((2, 64), "f4")), "in Fortran's order"),
    ],
    ids=["shape", "type", "unknown type", "order"],
)
def test_what_is_no_input_is_told_so(
    run: Callable[..., str], package: Path, tmp_path: Path, array: np.ndarray, said: str
) -> None:
    np.save(tmp_path / "input.npy", array)
    assert said in run(package, tmp_path / "input.npy", status=3)


def test_files_that_end_early_are_told_so(run: Callable[..., str], package: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "input.npy", np.zeros((2, 64), "f4"))
    whole = (tmp_path / "input.npy").read_bytes()
    for size in (7, 9, 20, len(whole) - 1):
        (tmp_path / "input.npy").write_bytes(whole[:size])
        assert run(package, tmp_path / "input.npy", status=3)
    (tmp_path / "input.raw").write_bytes(bytes(257))
    assert "image takes 256 bytes an example" in run(package, tmp_path / "input.raw", status=3)
    assert "cannot read" in run(package, tmp_path / "none", status=3)


def test_other_outputs_than_recorded_are_noticed(run: Callable[..., str], package: Path) -> None:
    with np.load(package / "test_vector.npz") as arrays:
        recorded = dict(arrays)
    np.savez(package / "test_vector.npz", **recorded | {"output_0": recorded["output_0"] * 1.01})
    assert "is off by" in run(package, status=5)


def test_without_its_kernels_the_fallback_runs_and_it_says_so(run: Callable[..., str], package: Path) -> None:
    next(package.glob("liblth_edge*")).write_bytes(b"no library")
    assert "ok: fallback.onnx repeats" in run(package)


@pytest.mark.parametrize("name", ["manifest.json", "test_vector.npz"])
def test_a_damaged_file_is_told_so_however_it_is_damaged(run: Callable[..., str], package: Path, name: str) -> None:
    """Cut anywhere: never a crash, which the sanitizers would make of any byte read beside the file."""
    whole = (package / name).read_bytes()
    for size in {0, 1, 5, len(whole) // 4, len(whole) // 2, len(whole) - 30}:
        (package / name).write_bytes(whole[:size])
        assert run(package, status=6).startswith("run: ")


def test_flipped_bytes_never_crash_it(run: Callable[..., str], package: Path) -> None:
    vector, random = package / "test_vector.npz", np.random.default_rng(0)
    whole = vector.read_bytes()
    at = np.concatenate([np.arange(len(whole) - 22, len(whole)), random.integers(0, len(whole), 10)])
    for position in at:
        vector.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        run(package, or_any_of={4, 5, 6})


def test_an_older_onnxruntime_is_refused(run: Callable[..., str], package: Path) -> None:
    manifest = package / "manifest.json"
    for oldest, status, said in (("99.0", 4, "the package needs 99.0 or later"), ("1.9", 0, "repeats the test vector")):
        manifest.write_text(re.sub(r'("oldest_onnxruntime": )"[0-9.]+"', rf'\1"{oldest}"', manifest.read_text()))
        assert said in run(package, status=status)


def test_without_onnxruntime_it_says_where_to_name_it(run: Callable[..., str], package: Path) -> None:
    assert "name the library by --onnxruntime FILE" in run(package, "--onnxruntime", "/nowhere.so", status=4)


@pytest.mark.parametrize("words", [(), ("a", "b", "c"), ("--threads",), ("--threads", "0", "a"), ("--fast", "a")])
def test_a_wrong_command_line(run: Callable[..., str], words: tuple[str, ...]) -> None:
    assert run(*words, status=2).startswith("run: ")
