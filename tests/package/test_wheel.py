"""The runtime wheel in an environment of numpy and onnxruntime alone, as a device has it."""

import base64
import csv
import hashlib
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from pets_network import PIXELS, scores

from lth_edge.errors import InputError
from lth_edge.package.targets import package_for
from lth_edge.package.wheel import MODULES
from lth_edge.runtime.library import TARGETS, library_path

USE = """
import sys
from pathlib import Path
import numpy, lth_edge
folder = Path(sys.argv[1])
found = lth_edge.verify_package(folder)
assert not found.skipped and len(found.errors) == 2, found
session = lth_edge.session(folder / "model.onnx")
numpy.save(sys.argv[2], session.run(None, {"pixels": numpy.load(sys.argv[3])})[0])
try:
    lth_edge.compress
except ImportError as error:
    print(error)
print(lth_edge.__version__, lth_edge.library_path("linux-aarch64").is_file(), lth_edge.__file__)
print(sorted(name for name in sys.modules if name in ("torch", "onnx", "safetensors", "click", "scipy")))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of modules and kernels; every target's must be built."""
    for target in TARGETS:
        try:
            library_path(target)
        except InputError as error:
            pytest.skip(error.message)
    return tmp_path_factory.mktemp("wheel")


@pytest.fixture
def wheel(made: Path, package: Path) -> Path:
    (folder,) = package_for(package, ["wheel"], made / "out")
    (path,) = folder.iterdir()
    return path


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """The Python of a fresh environment with this one's numpy and onnxruntime, and nothing else."""
    venv.create(tmp_path / "venv", symlinks=sys.platform != "win32")
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
    for package in (np, onnxruntime):
        home = Path(package.__file__).parent
        for folder in (home, home.with_name(f"{home.name}.libs")):
            if folder.is_dir():
                (site / folder.name).symlink_to(folder)
    return python


def install(python: Path, wheel: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(pip, check=True, capture_output=True)


def test_a_sparse_model_runs_with_numpy_and_onnxruntime_alone(
    wheel: Path, device: Path, sparse_package: Path, tmp_path: Path
) -> None:
    install(device, wheel)
    np.save(tmp_path / "pixels.npy", PIXELS)
    command = [device, "-c", USE, sparse_package, tmp_path / "scores.npy", tmp_path / "pixels.npy"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env={})
    assert done.returncode == 0, done.stderr
    refused, known, heavy = done.stdout.splitlines()
    assert refused == "the runtime wheel has no lth_edge.compress: install the whole lth-edge"
    assert known.startswith("0.") and " True " in known and str(tmp_path / "venv") in known
    assert heavy == "[]"
    np.testing.assert_allclose(np.load(tmp_path / "scores.npy"), scores(PIXELS), rtol=1e-5, atol=1e-6)


def test_pip_replaces_the_whole_lth_edge_by_it_and_the_other_way_round(
    wheel: Path, device: Path, tmp_path: Path
) -> None:
    """One name: the files of both never lie over each other."""
    version = wheel.name.split("-")[1]
    whole = tmp_path / wheel.name.replace("+runtime", "")
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(whole, "w") as target:
        for name in source.namelist():
            if "RECORD" not in name:
                target.writestr(name.replace("+runtime", ""), source.read(name).replace(b"+runtime", b""))
        target.writestr(f"lth_edge-{version.removesuffix('+runtime')}.dist-info/RECORD", "")
    versions = "import importlib.metadata as m; print(*(d.version for d in m.distributions(name='lth-edge')))"
    for path, wanted in ((whole, version.removesuffix("+runtime")), (wheel, version), (whole, version[:-8])):
        pip = [sys.executable, "-m", "pip", "--python", device, "install", "--no-deps", "--no-index"]
        subprocess.run([*pip, "--force-reinstall", path], check=True, capture_output=True)
        assert subprocess.run([device, "-c", versions], check=True, capture_output=True, text=True).stdout.split() == [
            wanted
        ]


def test_its_record_and_its_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (record,) = (name for name in names if name.endswith("RECORD"))
        rows = {row[0]: row[1:] for row in csv.reader(archive.read(record).decode().splitlines())}
        assert set(rows) == set(names) and rows.pop(record) == ["", ""]
        for name, (digest, size) in rows.items():
            data = archive.read(name)
            hashed = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert (digest, size) == (f"sha256={hashed}", str(len(data)))
        (metadata,) = (archive.read(name).decode() for name in names if name.endswith("METADATA"))
    needed = [line.split()[1] for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]
    assert needed == ["numpy>=1.26", "onnxruntime>=1.20"]
    assert sum("kernels/lib" in name for name in names) == len(TARGETS)
    assert {f"lth_edge/{module}.py" for module in MODULES} == {name for name in names if name.endswith(".py")}


def test_it_is_the_same_to_the_byte_each_time(wheel: Path, package: Path, tmp_path: Path) -> None:
    (folder,) = package_for(package, ["wheel"], tmp_path / "again")
    assert next(folder.iterdir()).read_bytes() == wheel.read_bytes()
