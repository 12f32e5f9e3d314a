"""A device takes what is signed, whole, right and newer, and nothing else; and it gets back to what it had."""

import fcntl
import hashlib
import json
import shutil
import ssl
import subprocess
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from device import LOADS_NOT, Device, Publisher, make_key, spoil_run
from static_web import published

NEVER_ANSWERS = "if __name__ != '__main__':\n    import os\n    os._exit(7)\n"


def test_releases_are_taken_in_turn_and_only_two_are_kept(device: Device, publisher: Publisher) -> None:
    with device.serving():
        for number in (1, 2, 5):
            publisher.publish(number)
            assert device.update() == f"release {number} serves"
            assert (health := device.health())["status"] == "ok" and health["release"] == number
            assert health["file"] == "model.onnx"
        assert device.update() == "release 5 is here already"
    assert sorted(folder.name for folder in (device.state / "releases").iterdir()) == ["2", "5"]


def test_predictions_go_on_through_a_switch(device: Device, publisher: Publisher) -> None:
    with device.serving():
        publisher.publish(1)
        device.update()
        publisher.publish(2)
        answers, done = [], threading.Event()

        def ask() -> None:
            while not done.is_set():
                answers.append(device.ask("/predict", np.zeros(64, "<f4").tobytes()))

        asking = threading.Thread(target=ask)
        asking.start()
        device.update()
        done.set()
        asking.join()
    assert {status for status, _ in answers} == {200}
    assert {answer["release"] for _, answer in answers} <= {1, 2} and answers[-1][1]["release"] == 2


def refused(device: Device, publisher: Publisher, *said: str) -> None:
    """The offer is refused, and what was there goes on serving."""
    with device.serving():
        before = device.settled()
        told = device.update(status=3)
        assert all(words in told for words in said), told
        assert device.settled() == before
    assert [folder.name for folder in (device.state / "releases").iterdir()] == ["1"]


def test_a_note_changed_after_signing_is_refused(served: Device, publisher: Publisher) -> None:
    publisher.publish(2)
    note = publisher.folder / "release.json"
    note.write_text(note.read_text().replace('"release": 2', '"release": 3'))
    refused(served, publisher, "the signature of release.json is not by a key in")


def test_a_key_that_the_device_does_not_know_is_refused(served: Device, publisher: Publisher, tmp_path: Path) -> None:
    make_key(tmp_path / "stranger")
    publisher.publish(2, key=tmp_path / "stranger")
    refused(served, publisher, "the signature of release.json is not by a key in")


def test_a_signature_made_for_something_else_is_refused(served: Device, publisher: Publisher) -> None:
    publisher.publish(2)
    publisher.sign(json.loads((publisher.folder / "release.json").read_text()), namespace="file")
    refused(served, publisher, "the signature of release.json is not by a key in")


def test_without_ssh_keygen_nothing_is_taken(served: Device, publisher: Publisher, tmp_path: Path) -> None:
    publisher.publish(2)
    served.environment = {"PATH": str(tmp_path)}
    assert "there is no ssh-keygen to check signatures with" in served.update(status=3)
    assert served.current() == 1


def test_without_known_keys_nothing_is_taken(served: Device, publisher: Publisher) -> None:
    publisher.publish(2)
    publisher.signers.unlink()
    refused(served, publisher, "allowed_signers", "must name the keys that may sign")


def test_a_damaged_package_is_refused(served: Device, publisher: Publisher) -> None:
    publisher.publish(2)
    archive = publisher.folder / "package-2.zip"
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    refused(served, publisher, "package-2.zip is damaged", "SHA-256")


def test_a_package_that_comes_short_is_asked_for_again_later(served: Device, publisher: Publisher) -> None:
    publisher.publish(2)
    archive = publisher.folder / "package-2.zip"
    whole = archive.read_bytes()
    archive.write_bytes(whole[:-100])
    assert "package-2.zip ended 100 bytes before its end" in served.update(status=1)
    archive.write_bytes(whole)
    with served.serving():
        assert served.update() == "release 2 serves"


def test_a_package_that_computes_something_else_here_is_refused(served: Device, publisher: Publisher) -> None:
    def other_outputs(package: Path) -> None:
        with np.load(package / "test_vector.npz") as arrays:
            recorded = dict(arrays)
        np.savez(package / "test_vector.npz", **recorded | {"output_0": recorded["output_0"] + 1})

    publisher.publish(2, change=other_outputs)
    refused(served, publisher, "fails its own check (exit code 5)", "on the test vector")


def test_a_package_with_a_damaged_model_is_refused(served: Device, publisher: Publisher) -> None:
    def damage(package: Path) -> None:
        for name in ("model.onnx", "fallback.onnx"):
            (package / name).write_bytes(b"no model")

    publisher.publish(2, change=damage)
    refused(served, publisher, "fails its own check (exit code 4)")


def test_a_downgrade_is_refused_unless_asked_for(served: Device, publisher: Publisher) -> None:
    with served.serving():
        publisher.publish(3)
        served.update()
        publisher.withdraw()
        publisher.publish(2)
        told = served.update(status=3)
        assert "release 2 is older than 3; --allow-downgrade takes it all the same" in told
        assert served.health()["release"] == 3
        asked = ("--url", served.url, "--signers", served.signers, "--allow-downgrade")
        assert served.update(*asked) == "release 2 serves"
        publisher.publish(3)
        assert served.update() == "release 3 serves"


def test_back_by_hand_and_only_forward_to_something_newer(served: Device, publisher: Publisher) -> None:
    with served.serving():
        publisher.publish(2)
        served.update()
        assert served.update("--rollback") == "release 1 serves again"
        assert served.health()["release"] == 1
        assert "release 2 was given up here; waiting for a newer one" in served.update()
        assert "no release to go back to" in served.update("--rollback", status=3)
        publisher.publish(3)
        assert served.update() == "release 3 serves"


@pytest.mark.parametrize("code", [LOADS_NOT, NEVER_ANSWERS], ids=["does not load", "takes the server with it"])
def test_back_without_a_hand_where_the_server_does_not_serve_it(
    served: Device, publisher: Publisher, code: str
) -> None:
    publisher.publish(2, change=lambda package: spoil_run(package, code))
    with served.serving():
        told = served.update(status=4)
    assert "back to release 1, as 2 does not serve" in told
    assert ("this one does not load" in told) == (code == LOADS_NOT)
    with served.serving():
        assert served.settled()["release"] == served.current() == 1
        assert "release 2 was given up here" in served.update()


def test_a_first_release_that_does_not_serve_makes_way_for_the_next(device: Device, publisher: Publisher) -> None:
    publisher.publish(1, change=lambda package: spoil_run(package, LOADS_NOT))
    with device.serving():
        assert "release 1 is the first here and does not serve" in device.update(status=4)
        publisher.publish(2)
        assert device.update() == "release 2 serves"


def test_a_folder_that_does_not_answer_is_for_later(served: Device, publisher: Publisher) -> None:
    publisher.withdraw()
    assert "cannot get" in served.update(status=1)
    with served.serving():
        assert served.settled()["release"] == 1


@pytest.mark.parametrize("url", ["http://example.org/updates", "ftp://127.0.0.1/updates", "updates"])
def test_other_addresses_are_refused(device: Device, url: str) -> None:
    told = device.update("--url", url, "--signers", device.signers, status=3)
    assert "is neither https:// nor file://, nor http:// on this machine" in told


def test_two_updates_at_once_are_one(served: Device, publisher: Publisher) -> None:
    with (served.state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another update" in served.update(status=1)


def note(**package: object) -> dict[str, object]:
    return {"schema_version": 1, "release": 2, "package": {"file": "a.zip", "sha256": "", "bytes": 1} | package}


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"schema_version": 2},
        {"schema_version": 1},
        note() | {"release": -1},
        note() | {"release": "2"},
        note(bytes=0),
        note(file="../a.zip"),
        note(file="https://example.org/a.zip"),
    ],
    ids=str,
)
def test_a_signed_note_that_is_none_is_refused(served: Device, publisher: Publisher, content: object) -> None:
    publisher.sign(content)
    assert "release.json" in served.update(status=3)


@pytest.mark.parametrize("name", ["../run.py", "/run.py", "sub/run.py", ".hidden", None])
def test_a_signed_zip_that_is_no_package_is_refused(served: Device, publisher: Publisher, name: str | None) -> None:
    archive = publisher.folder / "a.zip"
    archive.write_bytes(b"no zip")
    if name:
        with zipfile.ZipFile(archive, "w") as opened:
            opened.writestr(name, "content")
    content = archive.read_bytes()
    publisher.sign(note(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content)))
    assert ("no plain file name" if name else "the package is no zip") in served.update(status=3)
    assert sorted(path.name for path in (served.state / "releases").iterdir()) == ["1"]


def test_https_needs_a_certificate_that_the_device_trusts(served: Device, publisher: Publisher, tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    key, certificate = tmp_path / "tls.key", tmp_path / "tls.pem"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run([*make.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    publisher.publish(2)
    with published(tmp_path, context) as web:
        served.url = f"https://localhost:{web.server_port}/updates"
        assert "CERTIFICATE_VERIFY_FAILED" in served.update(status=1)
        served.environment = {"SSL_CERT_FILE": str(certificate)}
        with served.serving():
            assert served.update() == "release 2 serves"
