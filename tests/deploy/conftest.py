"""One package of digits for all tests of deploy/, and a device with its publisher."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from device import TARGET, Device, Publisher
from digits_package import write_digits_package
from static_web import published

from lth_edge.package.targets import package_for
from lth_edge.runtime.library import this_machine


@pytest.fixture(scope="session")
def digits_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the package, with kernels for both Linux targets."""
    return write_digits_package(tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="session")
def device_package(digits_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package for this machine alone, as `lth-edge package` makes it."""
    if this_machine() != TARGET:
        pytest.skip(f"these tests play a {TARGET} device")
    out = tmp_path_factory.mktemp("targets")
    return package_for(digits_package, [TARGET], out)[0]


@pytest.fixture(scope="session")
def first_release(device_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a publisher's files, and the state of a device at release 1."""
    if not shutil.which("ssh-keygen"):
        pytest.skip("there is no ssh-keygen to sign releases with")
    place = tmp_path_factory.mktemp("first")
    publisher = Publisher(place, device_package)
    publisher.publish(1)
    device = Device(place / "state", publisher.signers, publisher.folder.as_uri())
    with device.serving():
        device.update()
    return place


@pytest.fixture
def publisher(tmp_path: Path, first_release: Path, device_package: Path) -> Publisher:
    """One that has published release 1."""
    shutil.copytree(first_release, tmp_path, symlinks=True, dirs_exist_ok=True)
    return Publisher(tmp_path, device_package)


@pytest.fixture
def served(tmp_path: Path, publisher: Publisher, web: str) -> Device:
    """A device that has taken release 1, and polls the publisher's folder over HTTP on loopback."""
    return Device(tmp_path / "state", publisher.signers, f"{web}/updates")


@pytest.fixture
def device(tmp_path: Path, publisher: Publisher, web: str) -> Device:
    """A device that has taken nothing yet, and a publisher with nothing to take."""
    publisher.withdraw()
    return Device(tmp_path / "new", publisher.signers, f"{web}/updates")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A static web server of the test's folder, on loopback."""
    with published(tmp_path) as server:
        yield f"http://127.0.0.1:{server.server_port}"
