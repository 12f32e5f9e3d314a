"""What a folder of static files offers: a release's note, believed once its signature is checked, and its package.

The folder is what `lth-edge package ... --release N --sign KEY` leaves in updates/TARGET, behind any web server.

SPDX-License-Identifier: MIT-0
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tempfile
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

SIGNER, NAMESPACE = "publisher", "lth-edge"
NOTE_LIMIT = 64 * 1024
TIMEOUT_S = 30
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Unreachable(Exception):
    """Nothing came, or not all of it: worth another try later."""


class Refused(Exception):
    """What came must not be installed."""


@dataclass(frozen=True)
class Note:
    """release.json: the number of a release, and what its package's zip must be."""

    release: int
    file: str
    sha256: str
    bytes: int


class Offer:
    """An update folder.

    Args:
        url: of the folder: https://, file://, or http:// on this machine alone.
        signers: file of the keys that may sign, as ssh-keygen's ALLOWED SIGNERS says, for "publisher".

    Raises:
        Refused: another kind of address.
    """

    def __init__(self, url: str, signers: Path) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"https", "file"} and (parts.scheme, parts.hostname in LOOPBACK) != ("http", True):
            raise Refused(f"{url} is neither https:// nor file://, nor http:// on this machine")
        self._url, self._signers = url.rstrip("/"), signers

    def note(self) -> Note:
        """The note, once its signature is right.

        Raises:
            Unreachable: the folder does not answer.
            Refused: the signature is bad or by an unknown key, or the note is not one that can be read here.
        """
        text, signature = self._small("release.json"), self._small("release.json.sig")
        _check_signature(text, signature, self._signers)
        return _parsed(text)

    def download(self, note: Note, folder: Path) -> None:
        """Put the files of the package into `folder`.

        Raises:
            Unreachable: it does not come, or not to its end.
            Refused: its bytes are not those that were signed.
        """
        archive = folder / "package.zip.part"
        digest, left = hashlib.sha256(), note.bytes
        with self._open(note.file) as answer, archive.open("wb") as file:
            while left and (block := _read(answer, min(left, 1 << 20), note.file)):
                file.write(block)
                digest.update(block)
                left -= len(block)
        if left:
            raise Unreachable(f"{note.file} ended {left} bytes before its end")
        if digest.hexdigest() != note.sha256:
            raise Refused(f"{note.file} is damaged: its SHA-256 is not the signed one")
        _unpack(archive, folder)
        archive.unlink()

    def _small(self, name: str) -> bytes:
        with self._open(name) as answer:
            return _read(answer, NOTE_LIMIT, name)

    def _open(self, name: str) -> IO[bytes]:
        try:
            return urllib.request.urlopen(f"{self._url}/{name}", timeout=TIMEOUT_S)
        except OSError as error:
            raise Unreachable(f"cannot get {self._url}/{name}: {error}") from error


def _read(answer: IO[bytes], size: int, name: str) -> bytes:
    try:
        return answer.read(size)
    except OSError as error:
        raise Unreachable(f"cannot get all of {name}: {error}") from error


def _check_signature(text: bytes, signature: bytes, signers: Path) -> None:
    if not signers.is_file():
        raise Refused(f"there is no {signers}: it must name the keys that may sign")
    with tempfile.NamedTemporaryFile() as file:
        file.write(signature)
        file.flush()
        verify = ["ssh-keygen", "-Y", "verify", "-n", NAMESPACE, "-I", SIGNER, "-f", str(signers), "-s", file.name]
        try:
            done = subprocess.run(verify, input=text, capture_output=True, check=False, timeout=TIMEOUT_S)
        except FileNotFoundError as error:
            raise Refused("there is no ssh-keygen to check signatures with: install openssh-client") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip() or done.stdout.decode(errors="replace").strip()
        raise Refused(f"the signature of release.json is not by a key in {signers}: {said}")


def _parsed(text: bytes) -> Note:
    try:
        content = json.loads(text)
        if content["schema_version"] != 1:
            raise Refused(f"release.json has schema version {content['schema_version']}, this reads 1: update lth-edge")
        package = content["package"]
        note = Note(content["release"], package["file"], package["sha256"], package["bytes"])
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"release.json is signed, but no note of a release: {error!r}") from error
    whole = type(note.release) is int and note.release > 0 and type(note.bytes) is int and note.bytes > 0
    if not whole or not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", str(note.file)):
        raise Refused("release.json is signed, but names no release or no file")
    return note


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as opened:
            for name in opened.namelist():
                if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
                    raise Refused(f"the package holds {name!a}, no plain file name")
            opened.extractall(folder)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise Refused(f"the package is no zip: {error}") from error
