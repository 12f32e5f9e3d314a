"""`lth-edge package`: a folder for each target, out of a run, a package or its zip."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command import Finished, lth_edge
from elf import Elf

from lth_edge.package.manifest import MANIFEST
from lth_edge.package.targets import WRITERS, package_for
from lth_edge.package.verify import verify_package
from lth_edge.package.write import zip_path
from lth_edge.runtime.library import TARGETS, library_path, this_machine

EM_AARCH64, ANDROID_PAGE = 183, 16384


def has(target: str) -> bool:
    """Whether this installation has the kernels of a target; a working copy may have its machine's alone."""
    try:
        return library_path(target).is_file()
    except Exception:
        return False


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("target", TARGETS)
def test_a_device_gets_its_own_kernels_and_no_others(sparse_package: Path, tmp_path: Path, target: str) -> None:
    if not has(target):
        pytest.skip(f"the kernels for {target} are not built")
    done = lth_edge("package", sparse_package, "--target", target, "-o", tmp_path / "out")
    assert done.code == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path / 'out' / target}: ") and done.stdout.endswith(" bytes\n")
    manifest = verify_package(tmp_path / "out" / target).manifest
    assert set(manifest.libraries) == {target}
    assert (tmp_path / "out" / target / manifest.libraries[target]).read_bytes() == library_path(target).read_bytes()
    assert f"({target})" in (tmp_path / "out" / target / "README.md").read_text()
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [target]


def test_what_is_made_for_this_machine_runs_on_it(sparse_package: Path, tmp_path: Path) -> None:
    (folder,) = package_for(sparse_package, [this_machine()], tmp_path / "out")
    done = subprocess.run([sys.executable, folder / "run.py"], check=True, capture_output=True, text=True)
    assert "model.onnx repeats the test vector" in done.stdout


def test_a_model_of_standard_operators_gets_no_kernels(package: Path, tmp_path: Path) -> None:
    (folder,) = package_for(package, ["linux-aarch64"], tmp_path / "out")
    assert contents(folder) == contents(package)


def test_a_run_its_package_and_its_zip_give_the_same(sparse_package: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(sparse_package, run / "package")
    sources = (run, sparse_package, zip_path(sparse_package))
    made = [package_for(path, [this_machine()], tmp_path / f"out-{i}")[0] for i, path in enumerate(sources)]
    assert contents(made[0]) == contents(made[1]) == contents(made[2])


def test_an_older_folder_is_replaced(sparse_package: Path, tmp_path: Path) -> None:
    (folder,) = package_for(sparse_package, [this_machine()], tmp_path / "out")
    before = contents(folder)
    (folder / "model.onnx").write_bytes(b"old")
    package_for(sparse_package, [this_machine(), this_machine()], tmp_path / "out")
    assert contents(folder) == before


def test_a_folder_with_other_files_is_left_alone(package: Path, tmp_path: Path) -> None:
    theirs = tmp_path / this_machine()
    theirs.mkdir()
    (theirs / "thesis.tex").write_text("years of work")
    done = lth_edge("package", package, "--target", this_machine(), "-o", tmp_path)
    assert done.code == 3 and f"{this_machine()} holds other files, thesis.tex for one" in done.stderr
    assert contents(theirs) == {"thesis.tex": b"years of work"}


def test_a_whole_run_of_compress(finished: Finished, tmp_path: Path) -> None:
    done = lth_edge("package", finished.folder, "--target", this_machine(), "-o", tmp_path)
    assert done.code == 0, done.stderr
    subprocess.run([sys.executable, tmp_path / this_machine() / "run.py"], check=True)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--target", "linux-aarch65"), 2, "there is no target linux-aarch65\n  did you mean 'linux-aarch64'?"),
        (("--target", "wheel", "--release", "1", "--sign", "key"), 2, "wheel takes no signed updates"),
        (("--target", "linux-x86_64", "--release", "1"), 2, "give both --release N and --sign KEY"),
        (("--target", "linux-x86_64", "--sign", "key"), 2, "give both --release N and --sign KEY"),
        (("--target", "linux-x86_64", "--release", "0", "--sign", "key"), 2, "0 is not in the range x>=1"),
        (("--target", "linux-x86_64", "--release", "1", "--sign", "none"), 3, "there is no key none"),
    ],
)
def test_wrong_calls_say_so(package: Path, here: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = lth_edge("package", package, "-o", "out", *arguments)
    assert done.code == code and said in done.stderr, done.stderr


def test_what_is_no_package_is_refused(package: Path, tmp_path: Path) -> None:
    nothing = lth_edge("package", tmp_path / "none", "--target", "wheel", "-o", tmp_path / "out")
    assert nothing.code == 3 and "there is no run or package" in nothing.stderr
    empty = tmp_path / "empty"
    empty.mkdir()
    neither = lth_edge("package", empty, "--target", "wheel", "-o", tmp_path / "out")
    assert neither.code == 3 and f"{empty} is neither a run nor a package" in neither.stderr
    (empty / "run.json").write_text("{}")
    unfinished = lth_edge("package", empty, "--target", "wheel", "-o", tmp_path / "out")
    assert unfinished.code == 3 and "found no ticket, or is not finished" in unfinished.stderr
    (package / "model.onnx").write_bytes(b"damaged")
    damaged = lth_edge("package", package, "--target", "wheel", "-o", tmp_path / "out")
    assert damaged.code == 6 and "model.onnx does not match its SHA-256" in damaged.stderr
    assert not (tmp_path / "out").exists()


def test_a_writer_that_fails_leaves_nothing(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: object, folder: Path) -> None:
        (folder / "half").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr("lth_edge.package.targets.WRITERS", {**WRITERS, "wheel": fail})
    with pytest.raises(KeyboardInterrupt):
        package_for(package, ["wheel"], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.fixture
def android(sparse_package: Path, tmp_path: Path) -> Path:
    if not has("linux-aarch64"):
        pytest.skip("the kernels for 64-bit Arm are not built")
    return package_for(sparse_package, ["android-arm64"], tmp_path / "out")[0]


def test_android_finds_a_library_that_it_can_load(android: Path) -> None:
    """As a file: it is run nowhere here."""
    elf = Elf(android / "jniLibs" / "arm64-v8a" / "liblth_edge.so")
    given, wanted = elf.symbols()
    assert elf.machine == EM_AARCH64
    assert elf.needed() == [] and wanted <= {""} and "RegisterCustomOps" in given
    assert elf.alignments() and all(alignment % ANDROID_PAGE == 0 for alignment in elf.alignments())


def test_android_assets_are_the_model_and_its_test_vector(android: Path, sparse_package: Path) -> None:
    assets = android / "assets" / "lth_edge"
    for name in ("model.onnx", "fallback.onnx", MANIFEST):
        assert (assets / name).read_bytes() == (sparse_package / name).read_bytes()
    with np.load(sparse_package / "test_vector.npz") as vector:
        for name in ("input_0", "output_0"):
            assert (assets / f"{name}.bin").read_bytes() == vector[name].astype(vector[name].dtype.str).tobytes()
    assert len(list(assets.iterdir())) == 5


def test_the_kotlin_sample_reads_what_is_there(android: Path) -> None:
    kotlin = (android / "kotlin" / "TicketModel.kt").read_text()
    for name in (
        "registerCustomOpLibrary",
        "liblth_edge.so",
        MANIFEST,
        "input_$it.bin",
        "output_$i.bin",
        "lth_edge/$name",
    ):
        assert name in kotlin
    readme = (android / "README.md").read_text()
    assert "Nothing here has been run on Android" in readme and "onnxruntime-android" in readme
    assert "`pixels` uint8 [N, 2, 3]" in readme and "$" not in readme
    assert len(readme.splitlines()) < 50


def test_android_gets_no_library_where_none_is_needed(package: Path, tmp_path: Path) -> None:
    (folder,) = package_for(package, ["android-arm64"], tmp_path / "out")
    assert not (folder / "jniLibs").exists()
    assert "nothing: the model uses standard operators alone" in (folder / "README.md").read_text()
