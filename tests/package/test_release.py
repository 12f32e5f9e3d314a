"""Signed releases: what OpenSSH itself says of them, and what is not signed."""

import hashlib
import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from command import lth_edge

from lth_edge.runtime.library import this_machine


@pytest.fixture
def key(tmp_path: Path) -> Path:
    if not shutil.which("ssh-keygen"):
        pytest.skip("there is no ssh-keygen to sign with")
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def release(package: Path, out: Path, number: int, key: Path) -> tuple[int, str]:
    asked = ("--target", this_machine(), "-o", out, "--release", number, "--sign", key)
    done = lth_edge("package", package, *asked)
    return done.code, done.stderr or done.stdout


def test_openssh_takes_the_signature_and_the_note_names_the_zip(package: Path, tmp_path: Path, key: Path) -> None:
    assert release(package, tmp_path / "out", 7, key)[0] == 0
    updates = tmp_path / "out" / "updates" / this_machine()
    note = json.loads((updates / "release.json").read_text())
    archive = updates / note["package"]["file"]
    assert (note["release"], note["target"], archive.name) == (7, this_machine(), "package-7.zip")
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == note["package"]["sha256"]
    assert archive.stat().st_size == note["package"]["bytes"]
    with zipfile.ZipFile(archive) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == {
            file.name: file.read_bytes() for file in (tmp_path / "out" / this_machine()).iterdir()
        }
    signers = tmp_path / "signers"
    signers.write_text(f"publisher {key.with_suffix('.pub').read_text()}")
    check = ["ssh-keygen", "-Y", "verify", "-n", "lth-edge", "-I", "publisher", "-f", signers]
    with (updates / "release.json").open("rb") as text:
        subprocess.run([*check, "-s", updates / "release.json.sig"], stdin=text, check=True, capture_output=True)


def test_a_number_that_devices_would_refuse_is_not_published(package: Path, tmp_path: Path, key: Path) -> None:
    out = tmp_path / "out"
    assert release(package, out, 7, key)[0] == 0
    for number in (7, 3):
        code, said = release(package, out, number, key)
        assert code == 2 and "already offers release 7" in said and "--release 8" in said
    assert release(package, out, 8, key)[0] == 0
    names = {file.name for file in (out / "updates" / this_machine()).iterdir()}
    assert names == {"package-7.zip", "package-8.zip", "release.json", "release.json.sig"}


def test_a_key_that_cannot_sign_is_told_so_and_the_old_offer_stays(package: Path, tmp_path: Path, key: Path) -> None:
    assert release(package, tmp_path / "out", 1, key)[0] == 0
    note = tmp_path / "out" / "updates" / this_machine() / "release.json"
    before = note.read_bytes()
    key.write_text("no key")
    code, said = release(package, tmp_path / "out", 2, key)
    assert code == 3 and "cannot sign" in said
    assert note.read_bytes() == before


def test_without_ssh_keygen_it_says_what_is_missing(
    package: Path, tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, said = release(package, tmp_path / "out", 1, key)
    assert code == 3 and "there is no ssh-keygen to sign with" in said
