"""What earlier releases wrote is read for ever: packages, downloads and an update, stored as they were written.

tests/package/earlier holds a ticket on digits of release 0.1.0: its package as a zip and as a .lthe file of version 1,
an update of version 2 since that file, and a package whose model is of our operators, version 1. None of them is ever
made anew; a format that changes adds files here.
"""

import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from command import lth_edge

from lth_edge.inspect import layers_of
from lth_edge.package.pack import unpack
from lth_edge.package.verify import verify_package

EARLIER = Path(__file__).parent / "earlier"
MODELS = {"package-1": "918cc152479c7c23", "package-2": "8548d69e353a35b7", "sparse-1": "0ce0798eed1c0ea5"}


def unpacked(name: str, folder: Path) -> Path:
    since = [EARLIER / "package-1.lthe"] if name == "package-2" else []
    unpack(EARLIER / f"{name}.lthe", folder / name, since)
    return folder / name


@pytest.mark.parametrize("name", MODELS)
def test_a_download_gives_the_package_that_it_held(name: str, tmp_path: Path) -> None:
    package = unpacked(name, tmp_path)
    found = verify_package(package)
    assert not found.skipped and max(found.errors.values()) <= found.manifest.test_vector.tolerance
    assert sha256((package / "model.onnx").read_bytes()).hexdigest()[:16] == MODELS[name]


def test_a_package_verifies_runs_and_is_inspected(tmp_path: Path) -> None:
    package = EARLIER / "package-1.zip"
    assert len(verify_package(package).files) == 6
    assert sum(row.kept for row in layers_of(package)) > 0
    shutil.unpack_archive(package, tmp_path)
    done = subprocess.run([sys.executable, tmp_path / "run.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zip_and_download_hold_the_same(tmp_path: Path) -> None:
    shutil.unpack_archive(EARLIER / "package-1.zip", tmp_path / "zip")
    held = [{file.name: file.read_bytes() for file in folder.iterdir()} for folder in (
        tmp_path / "zip", unpacked("package-1", tmp_path)
    )]  # fmt: skip
    assert held[0] == held[1]


def test_a_package_is_packed_and_shipped_as_one_of_today(tmp_path: Path) -> None:
    package = EARLIER / "package-1.zip"
    assert lth_edge("pack", package, "-o", tmp_path / "again.lthe").code == 0
    unpack(tmp_path / "again.lthe", tmp_path / "again", [])
    verify_package(tmp_path / "again")
    done = lth_edge("package", package, "--target", "linux-aarch64", "-o", tmp_path / "out")
    assert done.code == 0, done.stderr
