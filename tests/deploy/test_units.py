"""What install.sh lays out, and what systemd says of the units."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from device import SYSTEMD

MOST_EXPOSED = 2.0
"""Of systemd's 0 to 10."""


def install(root: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [SYSTEMD / "install.sh", *arguments]
    environment = {**os.environ, "DESTDIR": str(root)}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


@pytest.fixture
def signers(tmp_path: Path) -> Path:
    path = tmp_path / "signers"
    path.write_text('publisher namespaces="lth-edge" ssh-ed25519 AAAA\n')
    return path


@pytest.fixture
def root(tmp_path: Path, signers: Path) -> Path:
    done = install(tmp_path / "root", "https://example.org/digits", signers)
    assert done.returncode == 0, done.stderr
    return tmp_path / "root"


def test_the_installed_programs_run(root: Path, tmp_path: Path) -> None:
    for program in ("serve.py", "update.py"):
        asked = [sys.executable, root / "opt" / "lth-edge" / program, "--help"]
        assert "usage:" in subprocess.run(asked, check=True, capture_output=True, text=True).stdout


def test_a_second_installation_keeps_the_configuration(root: Path, signers: Path) -> None:
    settings = root / "etc" / "lth-edge" / "lth-edge.conf"
    assert "URL=https://example.org/digits\n" in settings.read_text()
    settings.write_text(settings.read_text().replace("THREADS=1", "THREADS=4"))
    assert install(root, "https://example.org/other", signers).returncode == 0
    assert "THREADS=4" in settings.read_text() and "other" not in settings.read_text()


def test_a_wrong_call_installs_nothing(tmp_path: Path) -> None:
    for arguments in ((), ("https://example.org",), ("https://example.org", tmp_path / "none")):
        done = install(tmp_path / "root", *arguments)
        assert done.returncode == 2 and done.stderr.startswith("install.sh: ")
    assert not (tmp_path / "root").exists()


def test_every_setting_that_a_unit_reads_is_in_the_configuration(root: Path) -> None:
    settings = (root / "etc" / "lth-edge" / "lth-edge.conf").read_text()
    for unit in (root / "etc" / "systemd" / "system").glob("*.service"):
        for part in unit.read_text().split("${")[1:]:
            assert f"\n{part.split('}')[0]}=" in settings


@pytest.fixture
def units(root: Path) -> Path:
    """The units, with a Python that is on this machine."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze")
    folder = root / "etc" / "systemd" / "system"
    for unit in folder.glob("*.service"):
        unit.write_text(unit.read_text().replace("/opt/lth-edge/venv/bin/python", sys.executable))
    return folder


def test_systemd_finds_no_fault_in_the_units(units: Path) -> None:
    paths = sorted(units.iterdir())
    done = subprocess.run(["systemd-analyze", "verify", *paths], check=False, capture_output=True, text=True)
    assert len(paths) == 3
    assert done.returncode == 0 and "lth-edge" not in done.stderr, done.stderr


@pytest.mark.parametrize("unit", ["lth-edge.service", "lth-edge-update.service"])
def test_the_units_are_locked_up(units: Path, unit: str) -> None:
    limit = f"--threshold={int(MOST_EXPOSED * 10)}"
    command = ["systemd-analyze", "security", "--offline=true", limit, units / unit]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot look at files")
    assert done.returncode == 0, done.stdout
